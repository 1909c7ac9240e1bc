#pragma once
// Ambit's own processes of one run, seen from the supervisor: egress and init, and what ties them
// to it. They are started first of all, because the kernel takes its time to make namespaces; the
// plan is made meanwhile and handed over. Who calls: run.cc starts and hands over, supervision.cc
// watches and ends. One thread.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "egress/egress.h"
#include "plan/launch_plan.h"
#include "spawn/native/trees.h"
#include "supervise/cgroup.h"
#include "supervise/host_names.h"
#include "sys/fd_passing.h"

namespace ambit::supervise {

class Processes {
 public:
  struct Inputs {
    const plan::Foundation& foundation;
    int user_lock = -1;                      // as root: holds the run's host uid; else -1
    bool terminal = false;                   // the agent gets a pty
    std::unique_ptr<RunCgroup> cgroup = {};  // made ahead: init is born in it; nullptr: later
    std::vector<egress::PublishedListener> published = {};  // egress has them from here on
  };

  /// Forks egress, which launches init. What fails is told by HandOver. Precondition: the
  /// launcher's environment is scrubbed; no descriptor above 2 is open but the caller's own.
  explicit Processes(Inputs inputs);
  /// Ends what still lives.
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  /// Waits until init exists, puts it, unless it was born there, into the control group of the run
  /// where the plan has one, and gives it the plan, once; as root the mounts of the host, too. What
  /// init makes of them it says on control().
  spawn::native::StageResult<void> HandOver(const plan::LaunchPlan& plan,
                                            const spawn::native::Places& places,
                                            std::string_view run_id);

  /// Valid after HandOver; empty for what does not exist.
  const Fd& init() const { return init_; }                      // pidfd
  pid_t InitPid() const { return init_pid_; }                   // 0: it does not exist
  const Fd& egress() const { return egress_; }                  // pidfd
  int control() const { return control_.first.get(); }          // init: spawn/native/protocol.h
  int witness() const { return witness_.first.get(); }          // init: event/inside_record.h
  int egress_control() const { return egress_channel_.get(); }  // egress: egress/report.h

  HostNames& host_names() { return host_names_; }

  /// The file system that holds the layers and the home of the run, where it is the run's own
  /// (workspace/backing.h); empty otherwise. Once, after the processes have ended.
  Fd TakeBacking();

  /// SIGKILL to both: every process of the run follows init.
  void Kill();
  /// nullptr: no limit of the run is held by one.
  RunCgroup* cgroup() const { return cgroup_.get(); }
  /// Returns when both are reaped, and the control group is gone.
  void Reap();

 private:
  Status MakeReady(const plan::Limits& limits, std::string_view run_id);
  Status PutInitIntoCgroup();
  spawn::native::StageResult<void> Start(Inputs& inputs);

  HostNames host_names_;  // as it was before egress looked
  std::unique_ptr<RunCgroup> cgroup_;
  bool init_is_in_ = false;  // cgroup_
  Fd life_line_;  // write end, held by nobody else: its end is the end of init and egress
  sys::SeqpacketPair control_;
  sys::SeqpacketPair trees_;
  sys::StreamPair witness_;
  Fd egress_channel_;
  Fd backing_;
  Fd egress_;
  Fd init_;
  pid_t init_pid_ = 0;
  bool init_awaited_ = false;
  bool reaped_ = false;  // whoever was there before us may have left us children that stay
  spawn::native::StageResult<void> started_;
};

}  // namespace ambit::supervise
