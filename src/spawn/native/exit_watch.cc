#include "spawn/native/exit_watch.h"

#include <sys/epoll.h>

#include <optional>
#include <utility>

#include "sys/pidfd.h"

namespace ambit::spawn::native {
namespace {

constexpr std::size_t kMostWatched = 256;

}  // namespace

ExitWatch::ExitWatch() : ends_(::epoll_create1(EPOLL_CLOEXEC)), knows_ends_(sys::KnowsEnds()) {}

bool ExitWatch::Watch(pid_t process, Fd pidfd) {
  if (watched_.contains(process)) return true;
  if (!ends_ || !pidfd || watched_.size() >= kMostWatched) return false;
  // By edge: a process that has ended stays readable until its parent asks for it.
  epoll_event interest{.events = EPOLLIN | EPOLLET,
                       .data = {.u64 = static_cast<std::uint64_t>(process)}};
  if (::epoll_ctl(ends_.get(), EPOLL_CTL_ADD, pidfd.get(), &interest) != 0) return false;
  watched_.emplace(process, std::move(pidfd));
  return true;
}

bool ExitWatch::Forget(pid_t process) { return watched_.erase(process) > 0; }

bool ExitWatch::TakeOne(pid_t& process, int& status) {
  epoll_event event{};
  while (::epoll_wait(ends_.get(), &event, 1, 0) == 1) {
    const auto found = watched_.find(static_cast<pid_t>(event.data.u64));
    if (found == watched_.end()) continue;
    // Its end is told twice: how it was is known when its parent has asked for it.
    if (knows_ends_ && (event.events & EPOLLHUP) == 0) continue;
    process = found->first;
    status = knows_ends_ ? sys::EndOf(found->second.get()).value_or(-1) : -1;
    watched_.erase(found);
    return true;
  }
  return false;
}

}  // namespace ambit::spawn::native
