#pragma once
// How much of everything this machine has: what limits of a run are measured against. Four system
// calls and the look at one file, since every run waits for it; DiskOf for a run that asks,
// HasProjectQuota for a run by root.
// Who calls: planning. Reads only.
#include <cstdint>
#include <string>

#include "base/error.h"

namespace ambit::host {

struct MachineFacts {
  /// Bytes of RAM; in a container with a limit of its own that limit (that of the cgroup at the top
  /// of what is mounted at /sys/fs/cgroup).
  std::uint64_t memory = 0;
  std::uint64_t processors = 1;   // that this process may use
  std::uint64_t free_disk = 0;    // bytes for this person
  std::uint64_t free_inodes = 0;  // 0: the file system does not count them
  std::uint64_t open_files = 0;   // the hard limit of this process
  bool operator==(const MachineFacts&) const = default;
};

/// `state_root`: where the runs are kept; it need not exist yet. `root` stands before /sys; only
/// tests give one. Errors: kIo when the file system there does not say what is free.
Result<MachineFacts> ReadMachine(const std::string& state_root, const std::string& root = {});

/// The whole disk that the file system of `path` lies on, as the kernel numbers it: "8:0", also for
/// a partition of it, since the rate of io is limited per disk. `path` need not exist yet.
/// Errors: kUnsupported for a file system on no block device of its own (in memory, overlay, btrfs,
/// of the network).
Result<std::string> DiskOf(const std::string& path, const std::string& root = {});

/// Whether the file system of `path` holds limits of projects that this process, as root, may set.
/// Not where `path` is in a project already, which somebody limits: to take a part of it out would
/// go around that limit. `path` need not exist yet.
bool HasProjectQuota(const std::string& path);

}  // namespace ambit::host
