#pragma once
// What the layers and the home of a run take on the disk where nothing but looking holds their
// limit. A look at the file system's free space is cheap and trusts nobody: the host writes there,
// too, and frees. So a walk decides, in slices that keep nobody waiting; it begins when the file
// system has lost much, and every few seconds anyway. Who calls: limit_watch.
// Sparse files count the blocks they take. Files that are deleted and still open count by the
// descriptors that hold them.
#include <dirent.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "supervise/run_processes.h"

namespace ambit::supervise {

struct DiskUse {
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;  // files, directories and everything else, without the roots
};

/// One walk below a run's upper/, work/ and home/; follows no link.
class DiskWalk {
 public:
  /// `run`: the run's directory; it must outlive this.
  explicit DiskWalk(int run);

  /// Goes on for about that long; true when all was seen.
  bool Continue(std::chrono::microseconds slice);
  [[nodiscard]] const DiskUse& found() const { return found_; }
  /// A directory that the agent has closed to its own user hides what is in it.
  [[nodiscard]] bool hidden() const { return hidden_; }

 private:
  using Stream = std::unique_ptr<DIR, int (*)(DIR*)>;
  void Enter(int parent, const char* name);
  [[nodiscard]] bool IsScratch(int parent, std::string_view name) const;

  std::vector<Stream> way_;  // from a root down to where the walk is
  ino_t work_ = 0;           // of RUN/work
  DiskUse found_;
  bool hidden_ = false;
};

class SampledDisk {
 public:
  using Clock = std::chrono::steady_clock;

  /// `run`: the run's directory; it must outlive this.
  explicit SampledDisk(int run);

  /// The use as it is known now; walks when that seems worth it for these limits.
  DiskUse Look(const RunProcesses& processes, std::uint64_t bytes, std::uint64_t entries);
  /// One whole walk, however long it takes: for the record.
  [[nodiscard]] static DiskUse Whole(int run);

 private:
  /// What the file system has lost since the run began; it may have gained.
  [[nodiscard]] DiskUse Lost() const;
  void Finish(const RunProcesses& processes);

  int run_;
  DiskUse free_at_start_;
  DiskUse known_;         // of the last whole walk
  DiskUse lost_at_walk_;  // by then
  bool hidden_ = false;
  std::unique_ptr<DiskWalk> walk_;
  std::chrono::microseconds walked_{};  // the walk under way has taken
  Clock::time_point may_walk_{};
  Clock::time_point must_walk_{};
};

}  // namespace ambit::supervise
