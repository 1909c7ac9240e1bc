#pragma once
// What a run may use at most, as it was asked for. Plain values; what holds them on this machine is
// decided in plan/limits.h.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ambit::policy {

enum class Limit : std::uint8_t {
  kTime,       // milliseconds of the wall clock; those in which the machine sleeps do not count
  kIdle,       // milliseconds without output, processor time and network
  kCpuTime,    // milliseconds of processor time, of all processes together
  kCpus,       // thousandths of one processor
  kMemory,     // bytes, of all processes and of files in memory together; none of it swapped
  kProcesses,  // processes and threads at once
  kDisk,       // bytes that layers and home take on the disk, together
  kInodes,     // files and directories in layers and home, together
  kIo,         // bytes a second that are read from, and as many that are written to, the disk
  kOpenFiles,  // descriptors of one process
  kNetOut,     // bytes that leave the run by its network, over all connections together
};
inline constexpr std::size_t kLimits = 11;

inline constexpr std::array<std::string_view, kLimits> kLimitNames = {
    "time", "idle",   "cpu_time", "cpus",       "memory", "processes",
    "disk", "inodes", "io",       "open_files", "net_out"};

/// The last part of its key and its flag: "time", "cpu_time".
std::string_view NameOf(Limit limit);
std::optional<Limit> LimitNamed(std::string_view name);

/// Where layers and home of a run are while it runs.
enum class DiskBacking : std::uint8_t {
  kDisk,    // in the state directory; the limit is sampled where the file system has no quota
  kImage,   // as root: in a file system of the limit's size, in a file of the state directory
  kMemory,  // in RAM, of the limit's size; lost when the machine or ambit dies before the run ends
};

/// "disk", "image", "memory".
std::string_view NameOf(DiskBacking backing);

struct LimitValue {
  /// What somebody chose; nothing: the default of the machine. kNoLimit: no limit of that kind.
  std::optional<std::uint64_t> chosen;
  std::string from;  // of `chosen`: "--memory", "ambit.toml:3:9: limits.memory"
  /// A bound that no choice gets over: of the managed policy, of a project's untrusted file.
  std::optional<std::uint64_t> at_most;
  std::string at_most_from;  // ends as event/refusal.h says
  bool operator==(const LimitValue&) const = default;
};
inline constexpr std::uint64_t kNoLimit = UINT64_MAX;
inline constexpr std::string_view kNoLimitWord = "none";

struct Limits {
  std::array<LimitValue, kLimits> values;
  DiskBacking disk_backing = DiskBacking::kDisk;
  std::vector<Limit> require_hard;  // sampled is not enough: the run does not start

  LimitValue& Of(Limit limit) { return values.at(static_cast<std::size_t>(limit)); }
  [[nodiscard]] const LimitValue& Of(Limit limit) const {
    return values.at(static_cast<std::size_t>(limit));
  }
};

/// What people write: "90s", "1h30m", "500ms"; "512MiB", "1.5GiB", "10GB", plain bytes; "256";
/// "1.5" processors; "none" for kNoLimit.
/// Errors: kInvalidArgument, with the text quoted, for what is none of these, and for what is so
/// little that no run could do anything.
Result<std::uint64_t> ParseLimit(Limit limit, std::string_view text);

/// For people, sizes rounded down to a tenth: "4 GiB", "10 MiB/s", "1h30m", "1.5", "none".
std::string TextOf(Limit limit, std::uint64_t value);

/// What its values count, for programs: "ms", "bytes", "bytes/s", "count", "thousandths".
std::string_view UnitOf(Limit limit);

}  // namespace ambit::policy
