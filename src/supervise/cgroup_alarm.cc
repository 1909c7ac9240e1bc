#include "supervise/cgroup_alarm.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>

#include "sys/file.h"

namespace ambit::supervise {

bool CgroupAlarm::Add(int fd) {
  if (!epoll_) epoll_.Reset(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void CgroupAlarm::WatchFile(const std::string& path) {
  if (!inotify_) {
    inotify_.Reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!inotify_) return;
  }
  if (::inotify_add_watch(inotify_.get(), path.c_str(), IN_MODIFY) >= 0) Add(inotify_.get());
}

void CgroupAlarm::WatchOutOfMemory(const std::string& directory) {
  const Fd control(::open((directory + "/memory.oom_control").c_str(), O_RDONLY | O_CLOEXEC));
  Fd event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!control || !event) return;
  const std::string order = fmt::format("{} {}", event.get(), control.get());
  const std::string file = directory + "/cgroup.event_control";
  if (!sys::WriteProcFile(AT_FDCWD, file.c_str(), order)) return;
  if (Add(event.get())) eventfd_ = std::move(event);
}

void CgroupAlarm::Acknowledge() {
  alignas(inotify_event) std::array<char, 4096> bytes;
  for (const Fd* fd : {&inotify_, &eventfd_}) {
    while (*fd && ::read(fd->get(), bytes.data(), bytes.size()) > 0) {
    }
  }
}

}  // namespace ambit::supervise
