#pragma once
// One descriptor that tells of news from several files of a cgroup.
// Who calls: cgroup_v1, cgroup_v2; the loop waits for it through RunCgroup.
// Source: cgroup-v2.rst ("a file modified event is generated"), cgroup-v1/memory.rst section 9.
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::supervise {

class CgroupAlarm {
 public:
  /// News of `path` by inotify; a file that this kernel does not have has none.
  void WatchFile(const std::string& path);
  /// News of v1's memory.oom_control in `directory`.
  void WatchOutOfMemory(const std::string& directory);

  /// -1 as long as nothing is watched. An epoll descriptor: wait until it is readable.
  [[nodiscard]] int fd() const { return epoll_.get(); }
  /// Makes it unreadable until there are more news.
  void Acknowledge();

 private:
  bool Add(int fd);

  Fd epoll_;
  Fd inotify_;
  Fd eventfd_;
};

}  // namespace ambit::supervise
