#pragma once
// The control group of one run: made with its limits before any process is in it, read while the
// run goes on, gone when it has ended.
//
// Who calls what, when: run.cc makes it before there is a plan where init can be born in it
// (MakeAhead), and supervise/processes sets its limits when the plan is there; elsewhere processes
// makes it then (Make), and has init go in by Doors(), or calls AddProcess(init), before init gets
// the plan. So everything in the run but a helper that is gone before the agent starts is born
// inside; processes
// gives alarm() to its loop, and there calls Acknowledge() and Read(); calls Remove() once init is
// reaped (with it everything in its pid namespace is gone). An error of Make or AddProcess ends the
// run before the agent starts: a limit that cannot be held is no limit. The destructor removes too,
// and is silent.
//
// Out of memory: nothing is set to kill the run as a whole (v2: memory.oom.group stays 0), so the
// kernel kills one process inside this cgroup, by its score, which is mostly its size: a compiler
// that wants too much dies alone and the agent goes on. When the agent or init is the victim the
// run ends, and `oom_kills` has grown: the cause is memory. Kernel memory is charged as well.
//
// Left by a supervisor that was killed: each made directory is held by flock(2), which the kernel
// lets go when the process and with it the descriptor is gone, however it died. The next Make looks
// at up to 64 directories of runs, and removes those that nobody holds. (A pid in the name
// would mean somebody else in another pid namespace.) rmdir never removes one with processes in it.
// Directories are 0700: nobody else can hold them. Between mkdir and flock a directory may be taken
// for a dead run's: Make sees that it is gone, and makes another.
//
// Source: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/{memory,pids,cpuacct}.rst,
// Documentation/scheduler/sched-bwc.rst, Documentation/accounting/psi.rst.
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "plan/limits.h"
#include "supervise/cgroup_alarm.h"

namespace ambit::supervise {

/// Microseconds in which some, and in which all processes waited for what there was too little of.
struct Pressure {
  std::uint64_t some_usec = 0;
  std::uint64_t full_usec = 0;
};

/// Since the cgroup was made. What the kernel does not tell here is empty.
struct CgroupUsage {
  std::optional<std::uint64_t> memory_bytes;  // with the page cache of its files
  std::optional<std::uint64_t> memory_peak_bytes;
  std::optional<std::uint64_t> oom_kills;
  std::optional<std::uint64_t> processes;  // and threads
  std::optional<std::uint64_t> processes_peak;
  std::optional<std::uint64_t> refused_processes;  // forks that the limit refused
  std::optional<std::uint64_t> cpu_usec;
  std::optional<Pressure> memory_pressure;
  std::optional<Pressure> cpu_pressure;
  std::optional<Pressure> io_pressure;
};

struct CgroupLimits;  // cgroup_limits.h

/// Whether a limit of a run needs a cgroup of its own.
bool IsHeldByCgroup(const plan::Limits& limits);

class RunCgroup {
 public:
  /// The cgroup "ambit-<run_id>" where `limits.cgroup` says, with each limit of `limits` that a
  /// cgroup holds. Errors: the file that could not be made or written and the value;
  /// kUnsupported when there is no place, or a limit's controller is missing.
  static Result<std::unique_ptr<RunCgroup>> Make(const plan::Limits& limits,
                                                 std::string_view run_id);
  /// On v2, where moving a process from outside takes about 10 ms (Doors): the same without limits,
  /// for init to be born in by BornIn(). nullptr elsewhere, and when it could not be made: then
  /// Make tells why, if a limit needs it.
  static std::unique_ptr<RunCgroup> MakeAhead(const host::CgroupFacts& facts,
                                              std::string_view run_id);
  virtual ~RunCgroup() = default;
  RunCgroup(const RunCgroup&) = delete;
  RunCgroup& operator=(const RunCgroup&) = delete;

  /// The directory for clone3(2)'s CLONE_INTO_CGROUP; -1: nobody can be born in it.
  [[nodiscard]] virtual int BornIn() const { return -1; }
  /// Those of one that was made ahead. Errors: as Make.
  Status SetLimits(const plan::Limits& limits);
  /// What init writes "0" to, each once, to go in by itself: not empty on v1 alone. There the
  /// kernel moves only the thread that asks without stopping all forks and exits of the machine for
  /// a moment, which takes about 10 ms (cgroup_procs_write_start in kernel/cgroup/cgroup.c).
  virtual Result<std::vector<Fd>> Doors() const { return std::vector<Fd>(); }
  /// `pid` as this process sees it. Systemd's scope comes to be here, and this may take its time:
  /// at most 2 s.
  virtual Status AddProcess(pid_t pid) = 0;
  [[nodiscard]] virtual CgroupUsage Read() const = 0;
  /// Stops all processes, or lets them go on. The kernel does it soon, not at once. kUnsupported
  /// where only v1 is: signals to the pid namespace are left.
  virtual Status Freeze(bool frozen) = 0;
  /// SIGKILL to everything inside. kUnsupported where only v1 is: the end of init does it.
  virtual Status Kill() = 0;
  /// Waits up to 200 ms (v1: for each hierarchy) for the kernel to let the last process go. Errors:
  /// it stays.
  virtual Status Remove() = 0;

  /// Readable when a process was killed for memory, or a fork was refused (v2 only: on v1 look at
  /// Read() now and then). Valid from AddProcess on; -1 when there is nothing that could be told.
  [[nodiscard]] int alarm() const { return alarm_.fd(); }
  void Acknowledge() { alarm_.Acknowledge(); }

 protected:
  RunCgroup() = default;
  virtual Status Hold(const CgroupLimits& limits) = 0;
  CgroupAlarm alarm_;
};

}  // namespace ambit::supervise
