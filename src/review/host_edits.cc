#include "review/host_edits.h"

#include <sys/stat.h>

namespace ambit::review {
namespace {

using workspace::Change;
using workspace::ChangeKind;

/// Of what the host has, and whose content is compared.
bool ComparesAFile(const Change& change) {
  return !change.old_path.empty() && !S_ISDIR(change.old_mode) &&
         change.kind != ChangeKind::kRenamed && change.kind != ChangeKind::kAdded;
}

}  // namespace

std::vector<std::string> HostEdits(const ProjectTree& tree, std::int64_t stamp_ns,
                                   const LeftBehind& left, const workspace::Masks& masks,
                                   const workspace::ChangeSet& changes) {
  std::vector<std::string> edited;
  if (stamp_ns == 0) return edited;
  for (const Change& change : changes.changes) {
    if (!ComparesAFile(change) || masks.Covers(change.old_path)) continue;
    const auto host = tree.Look(change.old_path);
    if (!host || !*host || ChangeTimeOf(**host) < stamp_ns) continue;
    const auto known = left.find(change.old_path);
    const bool ours = known != left.end() && known->second.inode == (*host)->st_ino &&
                      known->second.ctime_ns == ChangeTimeOf(**host);
    if (!ours) edited.push_back(change.old_path);
  }
  return edited;
}

}  // namespace ambit::review
