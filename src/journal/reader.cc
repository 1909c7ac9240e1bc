#include "journal/reader.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "journal/chain.h"

namespace ambit::journal {
namespace {

constexpr std::size_t kBlock = 256U << 10;

}  // namespace

Source FromFile(int file) {
  return [file](std::span<char> buffer) -> Result<std::size_t> {
    for (;;) {
      const ssize_t got = ::read(file, buffer.data(), buffer.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return FailErrno(errno, "read the journal");
    }
  };
}

Source FromText(std::string_view text) {
  return [text](std::span<char> buffer) mutable -> Result<std::size_t> {
    const std::size_t size = std::min(text.size(), buffer.size());
    text.copy(buffer.data(), size);
    text.remove_prefix(size);
    return size;
  };
}

Reader::Reader(Source source) : source_(std::move(source)), buffer_(kLongestLine + kBlock) {}

Result<std::optional<Line>> Reader::Next() {
  for (;;) {
    const auto* found =
        static_cast<const char*>(std::memchr(buffer_.data() + scanned_, '\n', end_ - scanned_));
    if (found != nullptr) {
      const auto size = static_cast<std::size_t>(found - (buffer_.data() + begin_)) + 1;
      const bool too_long = in_long_line_ || size > kLongestLine;
      in_long_line_ = false;
      return Take(size, /*ended=*/true, too_long);
    }
    scanned_ = end_;
    if (end_ - begin_ >= kLongestLine) {
      in_long_line_ = true;
      return Take(end_ - begin_, /*ended=*/false, /*too_long=*/true);
    }
    if (at_end_) {
      if (begin_ == end_) return std::nullopt;
      return Take(end_ - begin_, /*ended=*/false, in_long_line_);
    }
    AMBIT_CHECK(Fill());
  }
}

Line Reader::Take(std::size_t size, bool ended, bool too_long) {
  const Line line{.offset = offset_,
                  .bytes = {buffer_.data() + begin_, size},
                  .ended = ended,
                  .too_long = too_long};
  begin_ += size;
  scanned_ = begin_;
  offset_ += size;
  return line;
}

Status Reader::Fill() {
  if (buffer_.size() - end_ < kBlock) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    scanned_ -= begin_;
    end_ -= begin_;
    begin_ = 0;
  }
  AMBIT_TRY(const std::size_t got, source_(std::span(buffer_).subspan(end_, kBlock)));
  end_ += got;
  at_end_ = got == 0;
  return {};
}

}  // namespace ambit::journal
