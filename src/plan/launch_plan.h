#pragma once
// LaunchPlan: everything one run will be, written down before anything is done. A plain value made
// by plan::Make (pure), printed by plan::Describe (golden-tested), executed by spawn/ and egress/.
// Paths named "inside" are what the agent sees; "host" paths never reach it.
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plan/limits.h"
#include "plan/network_plan.h"
#include "policy/policy.h"
#include "sys/file.h"
#include "sys/landlock.h"

namespace ambit::plan {

inline constexpr unsigned kOtherIds = 65536;

/// Who the agent is. Started by root a run is never host uid 0: `outside_uid` is an unprivileged
/// id of the run's own and file ownership is translated by idmapped mounts (disk <-> outside).
struct Identity {
  bool started_by_root = false;
  uid_t inside_uid = 0;
  gid_t inside_gid = 0;
  uid_t outside_uid = 0;
  gid_t outside_gid = 0;
  /// As root: disk id N of somebody else is host id others_base + N (N < kOtherIds), so that files
  /// of several owners stay apart and none of them is the agent's.
  uid_t others_base = 0;
  uid_t disk_uid = 0;  // owner of the project and of the run's layers on disk
  gid_t disk_gid = 0;
  uid_t egress_uid = 0;   // the relay's own id when started by root
  std::string user_name;  // inside
  bool operator==(const Identity&) const = default;
};

/// What is known of a run before the host was looked at. Its namespaces and the network in them are
/// made from it while the rest is still being planned.
struct Foundation {
  Identity identity;  // the ids; names and the disk's owner come with the plan
  std::string hostname;
  NetworkPlan network;
  std::uint64_t most_out = policy::kNoLimit;  // bytes that may leave the run by its network
};

/// One file, directory or symlink of the root that exists only for this run.
struct RootEntry {
  enum class Kind : std::uint8_t { kDirectory, kFile, kSymlink };
  Kind kind = Kind::kDirectory;
  std::string path;     // inside, absolute
  std::string content;  // file: bytes; symlink: target
  mode_t mode = 0755;
  bool operator==(const RootEntry&) const = default;
};

/// A file shown with other content than the host's (credentials taken out), or not at all.
struct Mask {
  std::string path;  // relative to the tree it is in
  std::string content;
  mode_t mode = 0644;
  bool hidden = false;
  std::string rule = {};  // what says so; empty: credentials in git's configuration

  bool operator==(const Mask&) const = default;
};

struct Mount {
  enum class Kind : std::uint8_t {
    kTmpfs,    // empty, private
    kBind,     // a host file or directory
    kLayer,    // copy-on-write: layers[layer]
    kHome,     // the run's own home directory in its state
    kKept,     // lives on from run to run: kept[layer]
    kProc,     // fresh, of the run's PID namespace
    kDevpts,   // fresh
    kDenials,  // kDenialsFile of the run's directory, to read
  };
  Kind kind = Kind::kTmpfs;
  std::string inside;
  std::string host;                    // kBind
  std::optional<sys::FileId> host_id;  // what `host` was when the run was planned
  std::size_t layer = 0;               // kLayer, kKept
  bool directory = true;               // kBind: of a directory, with all mounts below it
  bool read_only = false;
  /// Read-only by the one call that seals the finished part of the root, not by one of its own:
  /// true for what lies below nothing but the root itself.
  bool sealed_with_root = false;
  bool device = false;  // a device node that must work
  /// kBind of a directory to read: shown through an overlay, so that a unix socket in it is a file
  /// and not the host's socket. Not where other file systems are mounted in it.
  bool without_sockets = false;
  bool owned = false;       // kBind, as root: owners translated where the file system can do it
  mode_t mode = 0755;       // kTmpfs
  std::vector<Mask> masks;  // only where without_sockets
  bool operator==(const Mount&) const = default;
};

/// The masks of a read-only view are in the run's directory under this name, mask/NAME, as those of
/// a layer are under its own. There is one such view, the project's.
inline constexpr const char* kViewMask = "view";

/// What was refused, as the agent can read it; of the run's directory, written from outside.
inline constexpr const char* kDenialsFile = "denials";
/// A directory of ambit's own, inside.
inline constexpr const char* kOwnInside = "/run/ambit";
inline constexpr const char* kDenialsInside = "/run/ambit/denials";

/// Whether what is written there is in the host's own tree at once (--project rw).
bool WritesToHost(const Mount& mount);

/// Whether files written there stay on the host as they are, with the mode and owner that they got
/// inside and nobody asked.
bool Outlives(const Mount& mount);

/// A copy-on-write tree: the host's content below, the run's writes above, in the run directory.
struct Layer {
  std::string name;    // "project", "cow-1", ...: the directory names in the run's state
  std::string inside;  // where it is mounted
  std::string lower;   // host directory
  std::optional<sys::FileId> lower_id;  // what `lower` was when the run was planned
  std::vector<Mask> masks;
  bool operator==(const Layer&) const = default;
};

/// A directory of the home that the next run of the same project finds again. It lies in ambit's
/// state, below a directory that no run sees.
struct Kept {
  std::string name;     // PROJECT/PLACE, the directories below the root of what is kept
  std::string project;  // host path of the project
  std::string place;    // relative to the home
  bool operator==(const Kept&) const = default;
};

/// The directory below `Kept::name` that is mounted.
inline constexpr const char* kKeptContent = "content";

struct LandlockRule {
  std::string inside;
  sys::LandlockAccess access = sys::LandlockAccess::kNone;
  bool operator==(const LandlockRule&) const = default;
};

struct LaunchPlan {
  Identity identity;
  std::string hostname;
  std::vector<RootEntry> root;
  std::vector<Mount> mounts;                // parents before children
  std::vector<RootEntry> aliases;           // symlinks in a mount, made when all is mounted
  std::vector<std::string> proc_masked;     // below /proc, hidden
  std::vector<std::string> proc_read_only;  // below /proc
  std::vector<Layer> layers;
  std::vector<Kept> kept;
  std::vector<RootEntry> home_files;  // written into the home before anything starts
  std::vector<LandlockRule> landlock;
  NetworkPlan network;
  Limits limits;
  policy::AuditFiles audit_files = policy::AuditFiles::kWrites;
  std::vector<std::string> warnings;  // for the person, before anything starts
  std::string cwd;
  std::vector<std::string> argv;
  std::vector<std::string> environment;   // NAME=value
  std::vector<std::string> path_entries;  // where argv[0] is looked for
  bool operator==(const LaunchPlan&) const = default;
};

/// Whether the absolute `path` lies in something that is mounted, and not in the root itself.
bool LiesBelowAMount(const LaunchPlan& plan, const std::string& path);

}  // namespace ambit::plan
