#pragma once
// What a list of changes means for each single path, and the steps that do it. A renamed directory
// is taken apart: its directories are made anew, its files moved one by one, so that each name
// passes the gate by itself and nothing of git's is moved along. Who calls: apply_plan.cc.
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "review/apply_plan.h"

namespace ambit::review {

/// All that happens to one path: first `removes`, then `puts`; or only `chmods` (a directory).
struct Entry {
  std::string path;
  bool removes = false;
  bool puts = false;
  bool chmods = false;
  bool mode_only = false;  // a file whose content stays
  bool unreadable = false;
  mode_t old_mode = 0;
  mode_t new_mode = 0;
  std::string link_target;
  std::string moved_from;  // what is put is this file of the host
  std::string moves_to;    // what is removed goes there

  bool selected = true;
  bool too_deep = false;
  bool silent = false;
  bool declined = false;
  bool held_directory = false;
  bool mergeable = false;
  bool merged = false;
  bool replaceable = false;
  bool replaced = false;
  Verdict verdict = Verdict::kApply;
  std::string reason;
  Seen before;
};
using Entries = std::map<std::string, Entry, PathOrder>;

struct Gathered {
  Entries entries;
  std::set<std::string> staying;  // what renamed directories hold but nobody moves
};

Result<Gathered> GatherEntries(const ProjectTree& tree, const workspace::ChangeSet& changes);

/// The steps for the entries that come across: removals deepest first, then the rest in order.
std::vector<Step> StepsFor(const Entries& entries);

/// Whether `name` carries the extended attribute; links are not followed.
bool HasMark(int dir, const std::string& name, const std::string& mark);

}  // namespace ambit::review
