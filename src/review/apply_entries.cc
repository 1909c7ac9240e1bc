#include "review/apply_entries.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <strings.h>
#include <sys/xattr.h>

#include <ranges>
#include <unordered_map>

#include "sys/file.h"
#include "workspace/change_dir.h"

namespace ambit::review {
namespace {

using workspace::Change;
using workspace::ChangeKind;
using workspace::ChangeSet;

constexpr mode_t kOwnerAll = 0700;
constexpr mode_t kPermissionBits = 0777;
constexpr mode_t kSpecialBits = 07000;

class Gatherer {
 public:
  Gatherer(const ProjectTree& tree, const ChangeSet& changes) : tree_(tree), changes_(changes) {}

  Result<Gathered> Run() {
    for (const Change& change : changes_.changes) {
      if (!change.old_path.empty()) old_.emplace(change.old_path, &change);
      Add(change);
    }
    for (const Change& change : changes_.changes) {
      if (change.kind == ChangeKind::kRenamed) AMBIT_CHECK(Expand(change));
    }
    return std::move(gathered_);
  }

 private:
  Entry& At(const std::string& path) {
    Entry& entry = gathered_.entries[path];
    entry.path = path;
    return entry;
  }

  void Remove(const std::string& path, mode_t mode) {
    Entry& entry = At(path);
    entry.removes = true;
    entry.old_mode = mode;
  }

  void Put(const Change& change) {
    Entry& entry = At(change.path);
    entry.puts = true;
    entry.new_mode = change.new_mode;
    entry.link_target = change.link_target;
  }

  void Add(const Change& change) {
    const bool in_place = change.path == change.old_path;
    const bool directories = S_ISDIR(change.old_mode) && S_ISDIR(change.new_mode);
    if (change.kind != ChangeKind::kDeleted && in_place && directories) {
      Entry& entry = At(change.path);
      entry.chmods = true;
      entry.old_mode = change.old_mode;
      entry.new_mode = change.new_mode;
    } else {
      if (!change.old_path.empty()) Remove(change.old_path, change.old_mode);
      if (change.kind != ChangeKind::kDeleted) Put(change);
    }
    Entry& entry = At(change.kind == ChangeKind::kDeleted ? change.old_path : change.path);
    entry.unreadable = entry.unreadable || change.unreadable;
    entry.mode_only = change.kind == ChangeKind::kModeChanged && in_place && !directories;
  }

  Status Expand(const Change& renamed) {
    std::vector<std::pair<std::string, std::string>> pending = {{renamed.old_path, renamed.path}};
    while (!pending.empty()) {
      const auto [from, to] = std::move(pending.back());
      pending.pop_back();
      AMBIT_TRY(const Fd directory, tree_.OpenDirectory(from));
      AMBIT_TRY(const std::vector<std::string> names, workspace::NamesIn(directory.get()));
      for (const std::string& name : names) {
        const std::string source = from + "/" + name;
        const std::string target = to + "/" + name;
        const auto info = workspace::LowerStatOf(directory.get(), name);
        if (!info) continue;
        const auto other = old_.find(source);
        if (other != old_.end()) {  // another change says what becomes of it
          if (other->second->kind == ChangeKind::kModeChanged && S_ISDIR(info->st_mode)) {
            pending.emplace_back(source, target);
          }
          continue;
        }
        if (gathered_.entries.size() >= workspace::kMaxChanges) {
          return Fail(Errc::kLimit, "a renamed directory holds more than can be listed");
        }
        if (S_ISDIR(info->st_mode) && ::strcasecmp(name.c_str(), ".git") != 0) {
          Remove(source, info->st_mode);
          Entry& entry = At(target);
          entry.puts = true;
          entry.new_mode = info->st_mode;
          pending.emplace_back(source, target);
        } else if (S_ISREG(info->st_mode) || S_ISLNK(info->st_mode)) {
          Move(directory.get(), name, source, target, *info);
        } else {
          gathered_.staying.insert(source);
        }
      }
    }
    return {};
  }

  void Move(int directory, const std::string& name, const std::string& source,
            const std::string& target, const struct stat& info) {
    Remove(source, info.st_mode);
    At(source).moves_to = target;
    Entry& entry = At(target);
    entry.puts = true;
    entry.new_mode = info.st_mode;
    entry.moved_from = source;
    if (S_ISLNK(info.st_mode)) {
      entry.link_target = sys::ReadLink(directory, name.c_str()).value_or("");
    }
  }

  const ProjectTree& tree_;
  const ChangeSet& changes_;
  std::unordered_map<std::string, const Change*> old_;
  Gathered gathered_;
};

bool IsExchange(const Entry& entry) {
  return entry.removes && entry.puts && entry.moved_from.empty() && entry.moves_to.empty() &&
         !S_ISDIR(entry.old_mode) && !S_ISDIR(entry.new_mode);
}

}  // namespace

Result<Gathered> GatherEntries(const ProjectTree& tree, const ChangeSet& changes) {
  return Gatherer(tree, changes).Run();
}

std::vector<Step> StepsFor(const Entries& entries) {
  std::vector<Step> first;  // directories must be open before anything happens in them
  std::vector<Step> removals;
  std::vector<Step> puts;
  std::vector<Step> last;
  std::unordered_map<std::string, std::uint32_t> slot_of;  // of what is moved, by its old path
  std::uint32_t slots = 0;
  for (const auto& [path, entry] : std::views::reverse(entries)) {
    if (entry.verdict != Verdict::kApply) continue;
    if (entry.removes && !IsExchange(entry)) {
      const bool directory = S_ISDIR(entry.old_mode);
      removals.push_back({.kind = directory ? StepKind::kRemoveDirectory : StepKind::kTake,
                          .path = path,
                          .slot = slots++,
                          .before = entry.before,
                          .replaced = entry.replaced});
      if (!entry.moves_to.empty()) slot_of[path] = removals.back().slot;
    }
    const mode_t wanted = (entry.old_mode & kSpecialBits) | (entry.new_mode & kPermissionBits);
    const bool closed = (wanted & kOwnerAll) != kOwnerAll;
    if (entry.chmods) {
      first.push_back({.kind = StepKind::kChangeMode,
                       .path = path,
                       .before = entry.before,
                       .mode = wanted | kOwnerAll});
    }
    if (closed && (entry.chmods || (entry.puts && S_ISDIR(entry.new_mode)))) {
      const mode_t mode = entry.chmods ? wanted : entry.new_mode & kPermissionBits;
      last.push_back({.kind = StepKind::kChangeMode,
                      .path = path,
                      .before = {.mode = S_IFDIR | mode | kOwnerAll},
                      .mode = mode});
    }
  }
  for (const auto& [path, entry] : entries) {
    if (entry.verdict != Verdict::kApply || !entry.puts) continue;
    Step step{.kind = StepKind::kPlace, .path = path, .slot = slots, .mode = entry.new_mode};
    if (IsExchange(entry)) {
      step.kind = StepKind::kExchange;
      step.before = entry.before;
      step.merged = entry.merged;
      step.replaced = entry.replaced;
    }
    step.moved = !entry.moved_from.empty();
    if (step.moved) {
      step.slot = slot_of.at(entry.moved_from);
      step.after = entries.find(entry.moved_from)->second.before;
    } else {
      ++slots;
    }
    puts.push_back(std::move(step));
  }
  std::vector<Step> steps(first.rbegin(), first.rend());
  for (std::vector<Step>* part : {&removals, &puts, &last}) {
    steps.insert(steps.end(), std::make_move_iterator(part->begin()),
                 std::make_move_iterator(part->end()));
  }
  return steps;
}

bool HasMark(int dir, const std::string& name, const std::string& mark) {
  const std::string path = fmt::format("/proc/self/fd/{}/{}", dir, name);
  return ::lgetxattr(path.c_str(), mark.c_str(), nullptr, 0) >= 0;
}

}  // namespace ambit::review
