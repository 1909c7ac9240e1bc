#include "journal/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

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

void Writer::Emit(const event::Event& event) {
  const std::string line = EncodeEvent(event, ++sequence_, NowNanoseconds(), run_id_) + "\n";
  const ssize_t written = ::write(file_.get(), line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size()) && status_) {
    status_ = FailErrno(written < 0 ? errno : ENOSPC, "write to the journal");
  }
}

}  // namespace ambit::journal
