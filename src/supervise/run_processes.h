#pragma once
// What the processes of a run use, read from outside through the run's own /proc: it shows all of
// them, whoever their parent is by now, and nobody else's, so a look costs what the run is and not
// what the machine is. Who calls: limit_watch, `ambit top`. Source: proc(5).
// Errors: a process that ends while it is looked at counts nothing; Open alone can fail (kIo).
#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::supervise {

struct ProcessTotals {
  std::uint64_t processes = 0;  // with their threads, as the limit counts them
  std::uint64_t cpu_ms = 0;     // of those that live, and of all they have waited for
  std::uint64_t anon = 0;       // bytes of memory of their own, swapped ones too; shared ones count
                                // once for each process: never below the truth
  std::uint64_t shared = 0;  // bytes of mapped files in memory, memfds and SysV segments; as anon
};

class RunProcesses {
 public:
  /// `root`: the run's root directory (O_PATH).
  static Result<RunProcesses> Open(int root);

  [[nodiscard]] ProcessTotals Count() const;
  /// Grows, or changes, when any process reads or writes anything.
  [[nodiscard]] std::uint64_t ReadAndWritten() const;
  /// Bytes through the run's network, in both directions; all of it is loopback there.
  [[nodiscard]] std::uint64_t NetworkBytes() const;

  /// As they are called inside.
  [[nodiscard]] std::vector<pid_t> All() const;
  [[nodiscard]] int proc() const { return proc_.get(); }

 private:
  explicit RunProcesses(Fd proc) : proc_(std::move(proc)) {}
  Fd proc_;
};

/// A file of /proc, all of it; empty when it cannot be read (its process has ended).
std::string ReadProc(int proc, const char* path);

/// /proc/PID/status, of another thread where the first one has ended: the memory is the others'.
std::string StatusWithMemory(int proc, pid_t pid);

/// The root directory of the run whose init is `init`, as this process sees it: kDenied where none
/// of its processes may be looked into.
Result<Fd> OpenRootOf(pid_t init);

}  // namespace ambit::supervise
