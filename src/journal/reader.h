#pragma once
// A journal's bytes, line by line, with bounded memory whatever the bytes are. Who calls: verify,
// and whatever shows a journal. Errors: kIo of the source.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ambit::journal {

/// Fills a part of the buffer and says how much; 0: there is no more.
using Source = std::function<Result<std::size_t>(std::span<char>)>;

/// The open file from where it stands; `file` outlives the source.
Source FromFile(int file);
/// `text` outlives the source.
Source FromText(std::string_view text);

struct Line {
  std::uint64_t offset = 0;
  std::string_view bytes;  // with the line end when there is one; until the next call of Next
  bool ended = false;      // false: the file ends in it, or the line is longer than a record can be
  bool too_long = false;   // a piece of one that is; the next piece follows

  [[nodiscard]] std::string_view text() const {
    return ended ? bytes.substr(0, bytes.size() - 1) : bytes;
  }
};

class Reader {
 public:
  explicit Reader(Source source);
  /// Nothing: the end.
  Result<std::optional<Line>> Next();

 private:
  Line Take(std::size_t size, bool ended, bool too_long);
  Status Fill();

  Source source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;    // of what was not given out yet
  std::size_t scanned_ = 0;  // no line end before this
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;  // of begin_ in the file
  bool at_end_ = false;
  bool in_long_line_ = false;
};

}  // namespace ambit::journal
