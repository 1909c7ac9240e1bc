#pragma once
// The ends of processes that were put on record when they began. Who calls: Witness.
//
// A process of init's own is reaped by init, which then knows how it ended. Of others a descriptor
// tells the end, and since kernel 6.15 how it was. Descriptors are bounded: what begins when all
// are in use ends unseen.
#include <sys/types.h>

#include <map>

#include "base/fd.h"
#include "event/inside_record.h"

namespace ambit::spawn::native {

class ExitWatch {
 public:
  ExitWatch();

  /// For poll(2): readable when a process has ended.
  [[nodiscard]] int descriptor() const { return ends_.get(); }

  /// From now on `process`, unless it is watched already. False: as many as there may be, or no
  /// descriptor.
  bool Watch(pid_t process, Fd pidfd);

  /// Init has reaped `process`: whether it was watched.
  bool Forget(pid_t process);

  /// Calls `ended(process, wait status or -1)` for each that has ended and is no child of init.
  template <class Ended>
  void Take(const Ended& ended) {
    pid_t process = 0;
    for (int status = 0; TakeOne(process, status);) ended(process, status);
  }

 private:
  bool TakeOne(pid_t& process, int& status);

  Fd ends_;  // epoll
  bool knows_ends_;
  std::map<pid_t, Fd> watched_;
};

}  // namespace ambit::spawn::native
