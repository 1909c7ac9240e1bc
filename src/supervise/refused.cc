#include "supervise/refused.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <ctime>
#include <string>
#include <string_view>

#include "base/text.h"
#include "plan/why.h"
#include "sys/file.h"

namespace ambit::supervise {
namespace {

constexpr std::string_view kFull =
    "more was refused and is not shown here: 'ambit audit show --denied', outside, has all\n";
constexpr std::size_t kLongestText = 1000;

std::int64_t NowNanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

/// A name that holds our separator makes no field of its own.
std::string Shown(const std::string& text) {
  std::string shown;
  for (const char c : Printable(std::string_view(text).substr(0, kLongestText))) {
    shown += c == '|' ? std::string(R"(\x7c)") : std::string(1, c);
  }
  return shown;
}

}  // namespace

Status MakeDenialsFile(int run_dir) {
  AMBIT_CHECK(sys::WriteNewFile(run_dir, plan::kDenialsFile, "", 0644));
  // Whatever the umask: as root the agent is somebody else.
  if (::fchmodat(run_dir, plan::kDenialsFile, 0644, 0) != 0) {
    return FailErrno(errno, "chmod the file of denials");
  }
  return {};
}

std::string DenialLine(const event::Refusal& refusal, std::int64_t time_ns) {
  const std::time_t seconds = time_ns / 1'000'000'000;
  struct tm parts{};
  ::gmtime_r(&seconds, &parts);
  // Half a command is another command.
  const std::string way = refusal.way.size() > kLongestText ? "" : Shown(refusal.way);
  return fmt::format("{:02}:{:02}:{:02}Z refused: {} | by: {}{}{}\n", parts.tm_hour, parts.tm_min,
                     parts.tm_sec, Shown(event::WithTimes(refusal.what, refusal.times)),
                     Shown(refusal.rule), way.empty() ? "" : " | allowed by: ambit run ", way);
}

Result<std::unique_ptr<TellingSink>> TellingSink::Open(int run_dir, const plan::LaunchPlan& plan,
                                                       std::unique_ptr<event::Sink> journal) {
  AMBIT_TRY(Fd file, sys::OpenAt(run_dir, plan::kDenialsFile, O_WRONLY | O_APPEND | O_NOFOLLOW));
  return std::unique_ptr<TellingSink>(new TellingSink(std::move(file), plan, std::move(journal)));
}

void TellingSink::Emit(const event::Event& event) {
  journal_->Emit(event);
  auto failure = event::FailureOf(event.name, event.fields);
  // Whoever waits for a server inside to listen tries until it does.
  const bool counts = failure && event.name != event::kPublishConnect;
  if (counts) CountFailed(*failure);
  if (!event::IsRefused(event.name)) return;
  auto refusal = event::RefusalOf(event.name, event.fields);
  if (!refusal) return;
  if (refusal->way.empty() && !refusal->path.empty()) {
    refusal->way = plan::WhyPath(plan_, refusal->path).way;
  }
  TellTheAgent(*refusal);
  if (event.name == event::kLimitHeld) {
    CountHeld(event);
    return;
  }
  if (!failure) CountRefused(*std::move(refusal));
}

/// Collected repeats are no new thing, and came before what was told meanwhile.
void TellingSink::CountRefused(event::Refusal refusal) {
  const std::string key = event::KeyOf(refusal);
  const bool known = known_.contains(key);
  if (known && refusal.times > 1) return;
  if (!known && known_.size() < Refused::kMostThings) {
    known_.insert(key);
    ++refused_.things;
  } else if (!known) {
    refused_.more = true;
  }
  refused_.newest = std::move(refusal);
}

void TellingSink::CountFailed(event::Failure failure) {
  refused_.failed += failure.times;
  refused_.newest_failed = std::move(failure);
}

void TellingSink::CountHeld(const event::Event& event) {
  bool memory = false;
  std::int64_t count = 0;
  for (const event::Field& field : event.fields) {
    const auto* text = std::get_if<std::string>(&field.value);
    const auto* number = std::get_if<std::int64_t>(&field.value);
    if (field.name == "limit" && text != nullptr) memory = *text == "memory";
    if (field.name == "count" && number != nullptr) count = *number;
  }
  (memory ? refused_.killed_for_memory : refused_.refused_forks) +=
      static_cast<std::uint64_t>(count);
}

void TellingSink::TellTheAgent(const event::Refusal& refusal) {
  if (full_) return;
  std::string line = DenialLine(refusal, NowNanoseconds());
  full_ = written_ + line.size() + kFull.size() > kMostDenialBytes;
  if (full_) line = kFull;
  const ssize_t written = ::write(file_.get(), line.data(), line.size());
  if (written > 0) written_ += static_cast<std::size_t>(written);
}

}  // namespace ambit::supervise
