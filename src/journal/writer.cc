#include "journal/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace ambit::journal {
namespace {

std::string Quoted(const std::string& text) { return '"' + JsonEscape(text) + '"'; }

std::string Encode(const event::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return Quoted(*text);
  if (const auto* number = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *number);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  std::string out = "[";
  for (const std::string& text : std::get<std::vector<std::string>>(value)) {
    if (out.size() > 1) out += ',';
    out += Quoted(text);
  }
  return out + "]";
}

std::int64_t NowNanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

}  // namespace

std::string EncodeEvent(const event::Event& event, std::uint64_t sequence, std::int64_t time_ns,
                        const std::string& run_id) {
  std::string line =
      fmt::format(R"({{"v":{},"seq":{},"t":{},"run":{},"event":{})", event::kVersion, sequence,
                  time_ns, Quoted(run_id), Quoted(std::string(event.name)));
  for (const event::Field& field : event.fields) {
    line += fmt::format(",{}:{}", Quoted(field.name), Encode(field.value));
  }
  return line + "}";
}

Result<std::unique_ptr<Writer>> Writer::Create(int dir, const char* name, std::string run_id) {
  Fd file(
      ::openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return FailErrno(errno, fmt::format("create '{}'", name));
  return std::unique_ptr<Writer>(new Writer(std::move(file), std::move(run_id)));
}

Result<std::uint64_t> SequenceOf(std::string_view line) {
  const std::string head = fmt::format(R"({{"v":{},"seq":)", event::kVersion);
  std::uint64_t sequence = 0;
  if (line.starts_with(head)) {
    const char* begin = line.data() + head.size();
    const char* end = line.data() + line.size();
    const auto [rest, error] = std::from_chars(begin, end, sequence);
    if (error == std::errc() && rest != end && *rest == ',') return sequence;
  }
  return Fail(Errc::kInvalidArgument, "its last line is not an event this ambit knows");
}

namespace {

constexpr off_t kBlock = 64 << 10;
constexpr off_t kLongestLine = 32 << 20;  // argv alone may hold 2 MiB, escaped six times that

struct Tail {
  std::string line;  // the last whole one
  bool cut_off = false;
};

/// The last line that has an end, read from the back.
Result<Tail> ReadTail(int file) {
  struct stat info{};
  if (::fstat(file, &info) != 0) return FailErrno(errno, "stat the journal");
  if (!S_ISREG(info.st_mode)) return Fail(Errc::kInvalidArgument, "it is not a plain file");
  std::string text;
  for (off_t at = info.st_size; at > 0 && info.st_size - at < kLongestLine;) {
    const off_t from = std::max<off_t>(at - kBlock, 0);
    std::string block(static_cast<std::size_t>(at - from), '\0');
    if (::pread(file, block.data(), block.size(), from) != static_cast<ssize_t>(block.size())) {
      return FailErrno(errno, "read the journal");
    }
    text.insert(0, block);
    at = from;
    const std::size_t end = text.rfind('\n');
    if (end == std::string::npos || (end == 0 && at > 0)) continue;
    const std::size_t before = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
    if (before == std::string::npos && at > 0) continue;
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    return Tail{.line = text.substr(begin, end - begin), .cut_off = end + 1 != text.size()};
  }
  return Fail(Errc::kInvalidArgument, "it holds no whole line");
}

}  // namespace

Result<std::unique_ptr<Writer>> Writer::Continue(int dir, const char* name, std::string run_id) {
  Fd file(::openat(dir, name, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return FailErrno(errno, fmt::format("open '{}'", name));
  AMBIT_TRY(const Tail tail, ReadTail(file.get()));
  AMBIT_TRY(const std::uint64_t sequence, SequenceOf(tail.line));
  std::unique_ptr<Writer> writer(new Writer(std::move(file), std::move(run_id)));
  writer->sequence_ = sequence;
  writer->in_line_ = tail.cut_off;
  return writer;
}

void Writer::Emit(const event::Event& event) {
  const std::string line =
      (in_line_ ? "\n" : "") + EncodeEvent(event, ++sequence_, NowNanoseconds(), run_id_) + "\n";
  in_line_ = false;
  const ssize_t written = ::write(file_.get(), line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size()) && status_) {
    status_ = FailErrno(written < 0 ? errno : ENOSPC, "write to the journal");
  }
}

}  // namespace ambit::journal
