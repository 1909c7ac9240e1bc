#pragma once
// What a run did to files it saw masked (workspace/masks.h): with placeholders for values, or not
// at all. Nothing of it comes across without a consent. A changed text comes key by key: a value
// that is still a placeholder stays what the host has, so that no secret is ever overwritten by
// one. Who calls: apply, before it plans; branch, of the paths a commit changes. Errors: none, what
// cannot be joined says why.
#include <map>
#include <string>
#include <string_view>

#include "review/project_tree.h"
#include "workspace/change_walk.h"
#include "workspace/masks.h"

namespace ambit::review {

struct MaskedChange {
  std::string reason;            // for people: what a consent would do
  std::string text;              // the host's file with what the run changed
  Seen host;                     // the version `text` was made from; inode 0: nothing to join
  bool changes_nothing = false;  // the host has it all already
  bool hidden = false;           // the run saw nothing there
  bool only_adds = false;        // no value the host has is replaced or taken out
  std::string why_not;           // it cannot be joined; of a hidden one: the host has its own
};
using MaskedChanges = std::map<std::string, MaskedChange, std::less<>>;

/// By path, of all `changes` of a file that `masks` covers. `upper` is their open upper layer.
MaskedChanges JoinMasked(const ProjectTree& tree, int upper, const workspace::Masks& masks,
                         const workspace::ChangeSet& changes);

/// Of a path that a commit of the run changes, and that the run saw masked.
inline constexpr std::string_view kMaskedInCommit =
    "the run saw it masked: it may hold placeholders for your values";
inline constexpr std::string_view kMaskedIsDeleted =
    "it is deleted, a secret file that the run saw masked";
inline constexpr std::string_view kHiddenIsDeleted =
    "it was hidden from the run, so git took it for deleted";
inline constexpr std::string_view kHiddenIsReplaced =
    "it was hidden from the run, which made another one";

}  // namespace ambit::review
