#pragma once
// Which process a thread belongs to: the kernel tells a listener of system calls the thread alone,
// and a person wants the process. Who calls: Witness, for every call that is put on record.
//
// Most callers are the first thread of their process, which one call confirms (tgkill(2), signal
// 0). Of others the answer is kept, and confirmed in the same way each time it is used: numbers are
// used again.
#include <sys/types.h>

#include <map>

namespace ambit::spawn::native {

class ThreadOwners {
 public:
  /// `may_open`: whether /proc may be read, which init cannot where it would be told of it. Without
  /// it a kernel before 6.13 has no answer.
  explicit ThreadOwners(bool may_open) : may_open_(may_open) {}

  /// The number of the thread itself when nobody knows, as of one that is gone.
  pid_t ProcessOf(pid_t thread);

 private:
  bool may_open_;
  std::map<pid_t, pid_t> known_;
};

}  // namespace ambit::spawn::native
