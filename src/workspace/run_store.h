#pragma once
// The state directory: one directory per run with what outlives it.
//   ROOT/<id>/  0700   meta.json plan.json journal.jsonl  upper/ work/ home/
// What must survive is a crash of ours at any moment, so a file is replaced by rename and never
// seen half written. A crash of the host may cost the newest run its meta.json: nothing is synced,
// because a run must start in a millisecond; such a run is listed as broken, its work stays.
// Who calls: supervise (Create, WriteMeta), cli and review (List, Read). Times: UNIX nanoseconds.
// Errors: kDenied for a root that others own or can write, kNotFound, kInvalidArgument for a file
// that is not ours to understand, kIo.
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "policy/published_port.h"
#include "workspace/change_walk.h"

namespace ambit::workspace {

struct RunLayer {
  std::string name;
  std::string target;  // absolute path inside
  std::string lower;   // absolute host path
  std::string upper;   // relative to the run's directory
  std::string work;    // relative to the run's directory
  std::string mask;    // relative to the run's directory; empty: nothing was masked
  // What `lower` was when the run began (0: an older ambit did not say).
  std::uint64_t lower_device = 0;
  std::uint64_t lower_inode = 0;
  std::int64_t stamp_ns = 0;  // stamp.h: what the host changed later has a ctime not older than it
  friend bool operator==(const RunLayer&, const RunLayer&) = default;
};

struct RunOutcome {
  std::string cause;
  int exit_code = 0;
  friend bool operator==(const RunOutcome&, const RunOutcome&) = default;
};

/// What a run used, as far as somebody looked at it while it ran.
struct RunUsage {
  std::uint64_t cpu_ms = 0;
  std::uint64_t memory_peak = 0;     // bytes
  std::uint64_t processes_peak = 0;  // and threads
  std::uint64_t disk_bytes = 0;      // at the end; 0: nobody looked
  std::uint64_t net_out_bytes = 0;   // that left the run by its network
  friend bool operator==(const RunUsage&, const RunUsage&) = default;
};

struct RunMeta {
  static constexpr int kFormat = 1;

  std::string id;
  std::string project;  // absolute, as mounted inside
  std::string cwd;
  std::vector<std::string> argv;
  std::int64_t started_ns = 0;
  std::optional<std::int64_t> finished_ns;
  // Together these name one process for good: a recycled pid has another start time, and after a
  // reboot start times begin anew.
  pid_t supervisor_pid = 0;
  std::uint64_t supervisor_start = 0;  // clock ticks since boot, field 22 of /proc/PID/stat
  std::string boot_id;
  // The run's first process, outside; 0: nobody knows.
  pid_t init_pid = 0;
  std::uint64_t init_start = 0;                 // as supervisor_start
  std::optional<std::int64_t> clock_offset_ns;  // stamp.h, ClockOffset; an older ambit did not say
  // The commit the project's HEAD named just before the run began; empty: none, or nobody knows.
  std::string head_commit;
  std::string user_kind = "user";  // "user" or "root": who started it
  OverlayFlavour flavour = OverlayFlavour::kUser;
  bool redirect_dir = false;
  std::vector<RunLayer> layers;
  std::optional<RunOutcome> outcome;
  std::optional<RunUsage> used;  // with `outcome`
  bool direct = false;           // --project rw: it wrote into the project itself
  bool keep = false;             // --keep-run: it goes only by name
  /// Where the layers are until the run has ended: "image", "memory", or nothing: in its directory.
  std::string disk_backing;
  bool sealed = false;  // its journal was written to the end
  /// What the run's policy says of the gate: "deny", "allow", or nothing: it asks.
  std::string auto_exec;
  std::vector<policy::PublishedPort> published;  // ports of the host, as they were bound
  std::string ambit_version;
  friend bool operator==(const RunMeta&, const RunMeta&) = default;
};

/// How `layer` of a run lies on the disk; `run_path` is the run's directory, absolute.
OverlayLayer OnDisk(const RunMeta& meta, const RunLayer& layer, const std::string& run_path);

/// A run's directory. `fd` stays valid when the directory is renamed or removed.
struct RunDir {
  std::string id;
  std::string path;  // absolute
  Fd fd;
};

struct RunEntry {
  std::string id;
  Result<RunMeta> meta;  // an error: broken, but there
};

class RunStore {
 public:
  /// $XDG_STATE_HOME/ambit/runs, or below ~/.local/state when that is unset or relative.
  static std::string DefaultRoot(std::string_view home, std::string_view xdg_state_home);

  /// `root` is absolute. With `create`, missing directories are made with mode 0700. Refused: a
  /// root that is a symbolic link, has another owner or that others can write, and one below a
  /// directory or link of another user, root excepted, or where everybody can replace it. The
  /// store's own root() is free of links.
  static Result<RunStore> Open(const std::string& root, bool create);

  /// A new directory named `id`, with empty upper/, work/ and home/.
  Result<RunDir> Create(std::string_view id);
  Result<RunDir> OpenRun(std::string_view id) const;

  /// Removes the directory of a run when nothing is left in it (run_removal.h empties it).
  Status RemoveEmpty(std::string_view id) const;

  static Status WriteMeta(const RunDir& run, const RunMeta& meta);
  static Result<RunMeta> ReadMeta(const RunDir& run);

  /// All runs, newest first; broken ones last.
  Result<std::vector<RunEntry>> List() const;
  /// The newest run of `project`, broken ones left out. kNotFound when there is none.
  Result<RunMeta> NewestOf(std::string_view project) const;

  const std::string& root() const { return root_; }

 private:
  RunStore(std::string root, Fd fd) : root_(std::move(root)), fd_(std::move(fd)) {}
  std::string root_;
  Fd fd_;
};

inline constexpr const char* kMetaFile = "meta.json";
inline constexpr const char* kPlanFile = "plan.json";
inline constexpr const char* kJournalFile = "journal.jsonl";

/// An id that no run has had: one of 2.8 million million.
Result<std::string> NewRunId();

/// `r-` and 8 of [0-9a-z].
bool IsRunId(std::string_view id);

/// Sets the three fields that name the calling process.
Status SetSupervisorToSelf(RunMeta& meta);

/// Whether the run's supervisor is that very process and still runs.
bool IsAlive(const RunMeta& meta);

/// Whether the machine has not been booted since the run began.
bool HasBootOf(const RunMeta& meta);

/// meta.json's text. Strings that are not UTF-8 are kept: {"hex": "..."}.
std::string EncodeMeta(const RunMeta& meta);
/// Never fails but by value, whatever the bytes. Unknown keys are ignored.
Result<RunMeta> DecodeMeta(std::string_view bytes);

}  // namespace ambit::workspace
