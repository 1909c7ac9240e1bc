#include "supervise/kill_order.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "sys/file.h"

namespace ambit::supervise {
namespace {

constexpr int kMost = 1000;      // the kernel's own bound
constexpr int kAgentMore = 100;  // than init
constexpr std::size_t kMostText = 64;

}  // namespace

KillOrder::KillOrder(int root) {
  auto proc =
      sys::OpenAt(root, "proc", O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
  if (!proc) return;
  const auto own = sys::ReadSmallFile(AT_FDCWD, "/proc/self/oom_score_adj", kMostText);
  if (!own ||
      std::from_chars(own->data(), own->data() + own->size(), inherited_).ec != std::errc()) {
    return;
  }
  proc_ = *std::move(proc);
}

void KillOrder::Executed(pid_t pid) {
  if (pid <= 1) return;
  if (agent_ == 0) {
    agent_ = pid;
    Set(pid, std::min(inherited_ + kAgentMore, kMost));
  } else if (pid != agent_) {
    Set(pid, kMost);
  }
}

void KillOrder::Set(pid_t pid, int score) const {
  if (!proc_) return;
  const std::string path = fmt::format("{}/oom_score_adj", pid);
  const Fd file(::openat(proc_.get(), path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  const std::string text = fmt::to_string(score);
  if (file) (void)!::write(file.get(), text.data(), text.size());
}

}  // namespace ambit::supervise
