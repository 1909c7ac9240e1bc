#pragma once
// The limits of one run: how much, and what holds it. Decided before anything is made; the journal,
// `ambit plan` and `doctor` say it in these words. A limit that is only sampled says how often and
// by how much it can be overshot.
// Who calls: plan::Make (decides), supervise and spawn (hold them). Pure.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "host/cgroup_facts.h"
#include "policy/limits.h"

namespace ambit::plan {

/// What holds a limit.
enum class Means : std::uint8_t {
  kCgroup,        // hard: the kernel, for all processes together
  kResource,      // hard: setrlimit(2) inside the run's own user namespace
  kSizedMemory,   // hard: a tmpfs of that size
  kSizedImage,    // hard: a file system of that size
  kProjectQuota,  // hard: the state directory's file system
  kClock,         // hard: a timer outside
  kEgress,        // hard: the only way out
  kSampled,       // looked at every `interval_ms`
};

struct Limit {
  policy::Limit kind = policy::Limit::kTime;
  std::uint64_t value =
      0;  // as policy::Limit says; never kNoLimit: what has no limit is not listed
  Means means = Means::kClock;
  std::uint32_t interval_ms = 0;  // kSampled
  std::string overshoot;          // kSampled, for people: "what is written in 250 ms"
  std::string from;               // "default", "--memory", "ambit.toml:3:9: limits.memory"
  bool operator==(const Limit&) const = default;
};

/// `Limit::from` of what nobody chose.
inline constexpr std::string_view kByDefault = "default";

bool IsHard(Means means);
std::string_view NameOf(Means means);

struct Limits {
  std::vector<Limit> all;    // in the order of policy::Limit
  host::CgroupFacts cgroup;  // where the run's cgroup is made
  policy::DiskBacking disk_backing = policy::DiskBacking::kDisk;
  std::string io_disk = {};  // "8:0": of which policy::Limit::kIo speaks
  bool operator==(const Limits&) const = default;

  /// nullptr: there is none of that kind.
  [[nodiscard]] const Limit* Find(policy::Limit kind) const;
  /// Its value; policy::kNoLimit when there is none.
  [[nodiscard]] std::uint64_t ValueOf(policy::Limit kind) const;
};

/// What the machine has, for defaults and for what can hold a limit.
struct Machine {
  std::uint64_t memory = 0;       // bytes
  std::uint64_t processors = 1;   // that this process may use
  std::uint64_t free_disk = 0;    // bytes for this person where the state directory is
  std::uint64_t free_inodes = 0;  // 0: the file system does not count them
  std::uint64_t open_files = 0;   // the hard limit of this process
  bool project_quota = false;     // of the state directory's file system, as root
  host::CgroupFacts cgroup;
  /// "8:0": the whole disk below the state directory; empty: `why_no_disk`, or nobody asked.
  std::string disk = {};
  std::string why_no_disk = {};
};

/// What nobody chose: three quarters of RAM; 4096 processes, on small machines one for each MiB of
/// RAM; half of what is free on the disk, at most 64 GiB and 4 million inodes (in RAM: as much as
/// half of it); the open files of the launcher. No time, no idle time, no processor time, no
/// processors and no io are limited by themselves.
/// Errors, with the way out: kInvalidArgument when a limit of `require_hard` would be sampled or
/// has no value, when the image is asked for by a user, when what is of a fixed size has none;
/// kUnsupported when processors or io are limited and no cgroup can hold that.
Result<Limits> DecideLimits(const policy::Limits& asked, const Machine& machine,
                            bool started_by_root);

/// The value that DecideLimits will give policy::Limit::kNetOut: it needs nothing of the machine,
/// and egress starts before the plan is made.
std::uint64_t WantedNetOut(const policy::Limits& asked);

/// One line for people: "memory 4 GiB hard: cgroup v1 (default)",
/// "disk 10 GiB sampled every 250 ms, more by what is written in 250 ms (--disk)".
std::string Describe(const Limit& limit, const host::CgroupFacts& cgroup);

/// What would hold a limit of this kind, with layers and home on the disk: "hard: cgroup v1"; or
/// why nothing would.
std::string DescribeHold(policy::Limit kind, const Machine& machine);

}  // namespace ambit::plan
