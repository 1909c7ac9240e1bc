#include "spawn/native/thread_owners.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string_view>

#include "base/fd.h"
#include "sys/pidfd.h"
#include "sys/process.h"

namespace ambit::spawn::native {
namespace {

constexpr std::size_t kMostKnown = 1024;

/// 0: it does not say.
pid_t AskProc(pid_t thread) {
  const Fd status(
      ::open(fmt::format("/proc/{}/status", thread).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  std::array<char, 512> text{};
  if (!status || ::read(status.get(), text.data(), text.size() - 1) <= 0) return 0;
  // The name before it cannot hold a line break: the kernel escapes it.
  constexpr std::string_view kField = "\nTgid:\t";
  const std::size_t at = std::string_view(text.data()).find(kField);
  if (at == std::string_view::npos) return 0;
  return static_cast<pid_t>(::strtol(text.data() + at + kField.size(), nullptr, 10));
}

}  // namespace

pid_t ThreadOwners::ProcessOf(pid_t thread) {
  if (sys::BelongsTo(thread, thread)) return thread;
  const auto known = known_.find(thread);
  if (known != known_.end() && sys::BelongsTo(thread, known->second)) return known->second;
  pid_t process = 0;
  if (const Fd pidfd = sys::OpenProcess(thread)) {
    if (const auto info = sys::InfoOf(pidfd.get())) process = info->process;
  }
  if (process <= 0 && may_open_) process = AskProc(thread);
  if (process <= 0) return thread;
  if (known_.size() >= kMostKnown) known_.clear();
  known_[thread] = process;
  return process;
}

}  // namespace ambit::spawn::native
