#pragma once
// Answers the renames inside a run by a user, so that directories of the project can be renamed.
//
// Init holds it: init cannot be killed or looked into by anything inside, and its end is the end of
// the run, so no process ever waits for an answer that nobody will give. Init is confined as the
// agent is. A rename is never done here. The kernel does each one, as the process that asked and
// with what that process may do, and its answer is the answer; all that happens before is that
// a directory of a lower layer is made one that overlayfs moves (movable.h). That is done by a
// child of init, one at a time, so that two never work in one another's tree; renames of everything
// else do not wait for it.
//
// When the child cannot be started, or more than 64 wait for it, the kernel's own refusal stands
// (EXDEV). When it is killed the call fails with EIO, and a second child takes back what the first
// one did. Only who kills that one as well, three times over, is left with what movable.h
// describes: the directory whole under its own name or under the one beside it.
#include <linux/seccomp.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>

#include "spawn/native/movable.h"
#include "spawn/native/tracee.h"

namespace ambit::spawn::native {

class RenameService {
 public:
  /// `listener` as sys::InstallNotifyingFilter returned it, which outlives this; -1 where no rename
  /// needs help.
  explicit RenameService(int listener);

  /// Takes a call that waits, and answers it now or later. All but renames go on at once.
  void Take(const seccomp_notif& asked);

  /// Whether `pid` is the child, whose calls are part of an answer.
  [[nodiscard]] bool IsWorker(std::uint32_t pid) const {
    return worker_ != 0 && pid == static_cast<std::uint32_t>(worker_);
  }

  /// To be told of every child of init that has ended, with its wait status.
  void Ended(pid_t pid, int status);

  /// A child is at work: at the end of the run it would leave a directory half moved.
  [[nodiscard]] bool Busy() const { return worker_ != 0; }

  /// The run ends and the child is being killed, as everything else in it: begins nothing more but
  /// taking back.
  void TakeBackOnly();

 private:
  struct Waiting {
    std::uint64_t id;
    NamedDirectory directory;
  };
  void StartNext();
  bool StartWorker(int (*work)(const Replacement&));
  void Answer(int error);

  int listener_;
  std::deque<Waiting> waiting_;  // the first is being worked on while there is a worker
  pid_t worker_ = 0;
  std::string ours_;                         // of the replacement that is being worked on
  std::atomic<MoveStage>* stage_ = nullptr;  // of the same, shared with the worker
  int times_taken_back_ = 0;
  bool ending_ = false;
};

}  // namespace ambit::spawn::native
