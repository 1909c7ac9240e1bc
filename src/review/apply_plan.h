#pragma once
// What apply would do, as a value: for each changed path whether it comes across and why not, and
// the steps that make the host's tree the run's. Reads the host and the layer, changes nothing.
// Conflict: the host changed a path since the run began (its ctime is not older than the run's
// stamp), created or deleted it. A file that is named in `replaced` comes across all the same, in
// the place of the very version that was looked at here. Known limit: that the host deleted a file
// which the run then replaced by a new one, instead of writing into it, leaves no trace; it arrives
// as an added file. Who calls: apply.cc and cli. Errors: kLimit when the list of changes was cut
// off, those of reading.
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "review/gate.h"
#include "review/masked_changes.h"
#include "review/project_tree.h"
#include "workspace/change_walk.h"
#include "workspace/masks.h"
#include "workspace/path_order.h"

namespace ambit::review {

inline constexpr std::size_t kMaxApplyDepth = 256;  // directories on the way to a path
inline constexpr std::string_view kStagingPrefix = ".ambit-apply-";

enum class Verdict : std::uint8_t {
  kApply,
  kHeld,      // the gate wants a consent
  kConflict,  // the host changed it too
  kRefused,   // never comes across
};

struct PlannedPath {
  char letter = 'M';  // A, M or D
  std::string path;
  bool directory = false;
  Verdict verdict = Verdict::kApply;
  std::string reason;        // for people; also of an applied path the gate has something to say of
  bool mergeable = false;    // a conflict of two versions of one file (merge_offer.h)
  bool replaceable = false;  // a conflict that ApplyRequest::replaced would end
  bool replaced = false;     // comes across although the host changed it too
};

enum class StepKind : std::uint8_t {
  kTake,             // path -> slot
  kPlace,            // slot -> path, where nothing is
  kExchange,         // slot <-> path
  kRemoveDirectory,  // path, empty by then
  kChangeMode,       // of the directory path
};

/// One atomic step. A slot is a name in the staging directory.
struct Step {
  StepKind kind = StepKind::kTake;
  std::string path;
  std::uint32_t slot = 0;
  Seen before;  // what must be at path
  Seen after;   // what is placed there; known once it is staged
  mode_t mode = 0;
  bool moved = false;     // kPlace: a file of the host that an earlier kTake put into the slot
  bool merged = false;    // kExchange: what is placed holds the host's edits as well
  bool replaced = false;  // what it takes away is an edit of the host's
};

/// How ambit itself left paths of this run's project: no change of the host's. A merged one holds
/// edits of the host, which the run's version must not replace, and all that the run changed: as
/// long as it is that, nothing of the path is left to apply.
struct Left {
  std::uint64_t inode = 0;
  std::int64_t ctime_ns = 0;
  bool merged = false;
};
using LeftBehind = std::map<std::string, Left, std::less<>>;

/// What the edits of the host and of the run make together, for one file.
struct MergedVersion {
  std::string text;
  std::string hunks;         // what that changes of the host's version, for people
  Seen host;                 // the version it was made from: another one is a conflict again
  bool in_conflict = false;  // both changed the same lines: there is no such text
};
using MergedVersions = std::map<std::string, MergedVersion>;

struct ApplyRequest {
  std::vector<std::string> paths;           // relative, with all below; empty: everything
  std::vector<std::string> declined;        // files a person said no to, one by one
  std::vector<std::string> consents;        // gated paths that may come across, with all below
  std::vector<std::string> replaced;        // files the host changed too: the run's is taken
  MergedVersions merged;                    // to be taken where both sides changed a file
  MaskedChanges masked;                     // of what the run saw masked
  const workspace::Masks* masks = nullptr;  // null or empty: it saw nothing masked
  std::string auto_exec;                    // "deny", "allow", or nothing: a consent counts
};

struct ApplyPlan {
  std::vector<PlannedPath> paths;  // sorted
  std::vector<Step> steps;
  std::map<std::string, std::string> merged;  // the contents of merged steps, by path
  bool renames = false;                       // it holds renamed directories (CheckLayerFits)
  std::vector<workspace::GitChange> git;      // of repositories the host has: never written

  bool Complete() const;  // nothing was left out
};

/// `upper` is the open upper layer of the changes. `trusted` says whose marks are in it.
Result<ApplyPlan> PlanApply(const ProjectTree& tree, int upper, workspace::OverlayFlavour flavour,
                            const workspace::ChangeSet& changes, std::int64_t stamp_ns,
                            const LeftBehind& left, const ApplyRequest& request);

using workspace::PathOrder;

}  // namespace ambit::review
