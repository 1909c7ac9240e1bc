#include "journal/tail.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "base/hex.h"
#include "event/event.h"
#include "journal/chain.h"

namespace ambit::journal {
namespace {

constexpr off_t kBlock = 64 << 10;
// An ambit before the chain wrote an argv of 2 MiB, escaped six times that, in one line.
constexpr off_t kFarthest = 32 << 20;

std::unexpected<Error> NotOurs() {
  return Fail(Errc::kInvalidArgument, "its last line is not an event this ambit knows");
}

Result<std::string> ReadAt(int file, off_t from, off_t to) {
  std::string text(static_cast<std::size_t>(to - from), '\0');
  if (::pread(file, text.data(), text.size(), from) != static_cast<ssize_t>(text.size())) {
    return FailErrno(errno != 0 ? errno : EIO, "read the journal");
  }
  return text;
}

/// One that was started with a chain goes on with it.
Result<bool> IsChained(int file, off_t size) {
  AMBIT_TRY(const std::string begin, ReadAt(file, 0, std::min<off_t>(size, 4096)));
  const std::string_view line = std::string_view(begin).substr(0, begin.find('\n'));
  const auto head = ParseLineHead(line);
  return (head && head->event == event::kJournalHead) || ParseChained(line).has_value();
}

/// A line as the chain's, or as one from before it. Nothing: it is neither.
std::optional<Tail> TailOf(std::string_view line, bool chained) {
  const auto head = ParseLineHead(line);
  if (!head || !line.ends_with('}')) return std::nullopt;
  if (!chained) {
    return Tail{.sequence = head->sequence,
                .hash = {},
                .sealed = false,
                .lacks_line_end = false,
                .torn = {}};
  }
  const auto record = ParseChained(line);
  Sha256Digest hash{};
  if (!record || !FromHex(record->hash, hash)) return std::nullopt;
  return Tail{.sequence = head->sequence,
              .hash = hash,
              .sealed = head->event == event::kJournalClose,
              .lacks_line_end = false,
              .torn = {}};
}

}  // namespace

Result<Tail> ReadTail(int file) {
  struct stat info{};
  if (::fstat(file, &info) != 0) return FailErrno(errno, "stat the journal");
  if (!S_ISREG(info.st_mode)) return Fail(Errc::kInvalidArgument, "it is not a plain file");
  AMBIT_TRY(const bool chained, IsChained(file, info.st_size));
  std::string text;
  std::optional<std::size_t> end;  // of the line that is looked at, counted from the file's end
  for (off_t at = info.st_size; at > 0 && info.st_size - at < kFarthest;) {
    const off_t from = std::max<off_t>(at - kBlock, 0);
    AMBIT_TRY(const std::string block, ReadAt(file, from, at));
    text.insert(0, block);
    at = from;
    for (;;) {
      const std::size_t upto = end ? text.size() - *end : std::string::npos;
      if (!end) {
        const std::size_t last = text.rfind('\n');
        if (last == std::string::npos) break;
        // The hash is what a record ends with: nothing that was cut off before it passes for one.
        auto whole =
            chained ? TailOf(std::string_view(text).substr(last + 1), chained) : std::nullopt;
        if (whole) {
          whole->lacks_line_end = true;
          return *std::move(whole);
        }
        end = text.size() - last;
        continue;
      }
      const std::size_t before = upto == 0 ? std::string::npos : text.rfind('\n', upto - 1);
      if (before == std::string::npos && at > 0) break;
      const std::size_t begin = before == std::string::npos ? 0 : before + 1;
      if (auto tail = TailOf(std::string_view(text).substr(begin, upto - begin), chained)) {
        tail->torn = text.substr(upto + 1);
        return *std::move(tail);
      }
      if (!chained || before == std::string::npos) return NotOurs();
      end = text.size() - before;
    }
  }
  return Fail(Errc::kInvalidArgument, "it holds no whole line");
}

}  // namespace ambit::journal
