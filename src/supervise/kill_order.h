#pragma once
// Who dies first when memory is short: what the agent started before the agent, the agent before
// ambit's init. The kernel kills what has the highest score, its size plus oom_score_adj in
// thousandths of the memory that there is: of the control group's limit, or of the machine's.
//
// Who calls: supervision, with every program that init says was executed. Written from outside: no
// process inside, init included, may write to /proc (Landlock), so nothing there can take it back,
// and no execve waits for it. What takes all memory within the moment until the supervisor has
// heard of it (20 ms, see spawn/native/witness.h) goes by its size alone.
//
// Source: proc_pid_oom_score_adj(5), mm/oom_kill.c (oom_badness). Raising takes no capability. A
// process that ended meanwhile, or may not be written to, stays as it is: this is an order, no
// wall.
#include <sys/types.h>

#include "base/fd.h"

namespace ambit::supervise {

class KillOrder {
 public:
  /// `root`: the run's root directory. Without a /proc there nothing is ever done.
  explicit KillOrder(int root);

  /// `pid` is about to execute a program, or just did; as numbered inside. The first is the agent.
  void Executed(pid_t pid);

 private:
  void Set(pid_t pid, int score) const;

  Fd proc_;
  int inherited_ = 0;  // by init, from this process
  pid_t agent_ = 0;
};

}  // namespace ambit::supervise
