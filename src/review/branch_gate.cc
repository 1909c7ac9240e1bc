#include "review/branch_gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <optional>
#include <ranges>
#include <set>

#include "base/text.h"
#include "host/git_refs.h"
#include "review/consent.h"
#include "review/gate.h"
#include "review/gate_git_directories.h"
#include "review/gate_names.h"
#include "review/masked_changes.h"

namespace ambit::review {
namespace {

constexpr unsigned kLinkMode = 0120000;
constexpr unsigned kSubmoduleMode = 0160000;
constexpr std::size_t kMaxReadBytes = 1U << 20;  // of one package.json or link

/// Takes the text up to `end` off the front; nullopt when `end` is not there.
std::optional<std::string_view> TakeUntil(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at + 1);
  return taken;
}

std::unexpected<Error> Unexpected(std::string_view what) {
  return Fail(Errc::kInternal, fmt::format("git {}: an answer that cannot be understood", what));
}

/// One line of raw output: N colons, N+1 modes, N+1 objects, a status; then the path.
Result<CommitEdit> ParseEdit(std::string_view& output) {
  std::size_t parents = 0;
  while (output.starts_with(':')) {
    output.remove_prefix(1);
    ++parents;
  }
  auto head = TakeUntil(output, '\0');
  const auto path = head ? TakeUntil(output, '\0') : std::nullopt;
  if (parents == 0 || !path || path->empty()) return Unexpected("diff-tree");
  std::vector<std::string_view> words;
  std::string_view rest = *head;
  while (const auto word = TakeUntil(rest, ' ')) words.push_back(*word);
  if (words.size() != 2 * parents + 2) return Unexpected("diff-tree");
  CommitEdit edit{.path = std::string(*path)};
  const std::string_view mode = words[parents];
  const auto parsed = std::from_chars(mode.data(), mode.data() + mode.size(), edit.new_mode, 8);
  if (parsed.ec != std::errc()) return Unexpected("diff-tree");
  for (std::size_t i = 0; i < parents; ++i) edit.old_objects.emplace_back(words[parents + 1 + i]);
  edit.new_object = words.back();
  return edit;
}

/// The line before the edits of a commit, which `diff-tree --stdin` names.
Result<std::string> ParseCommit(std::string_view& output) {
  const auto commit = TakeUntil(output, '\0');
  if (!commit || !host::IsObjectName(*commit)) return Unexpected("diff-tree");
  return std::string(*commit);
}

bool IsNothing(std::string_view object) {
  return std::ranges::all_of(object, [](char c) { return c == '0'; });
}

/// A small blob's bytes; empty for "nothing". nullopt: larger than anybody needs.
Result<std::optional<std::string>> ReadBlob(const Git& git, const Quarantine& quarantine,
                                            const std::string& object) {
  if (IsNothing(object)) return std::string();
  AMBIT_TRY(const std::string size, git.Run(quarantine.Call({"cat-file", "-s", object})));
  std::uint64_t bytes = 0;
  if (std::from_chars(size.data(), size.data() + size.size(), bytes).ec != std::errc()) {
    return Unexpected("cat-file");
  }
  if (bytes > kMaxReadBytes) return std::nullopt;
  AMBIT_TRY(std::string content, git.Run(quarantine.Call({"cat-file", "blob", object})));
  return content;
}

/// The paths of trees, compared as the gate compares names.
class TreeNames {
 public:
  void Add(std::string_view path) { names_.insert(Folded(path)); }
  /// Whether `path` is a file or a directory of one of them.
  bool Has(std::string_view path) const {
    const std::string folded = Folded(path);
    const auto below = names_.lower_bound(folded + "/");
    return names_.contains(folded) || (below != names_.end() && below->starts_with(folded + "/"));
  }

 private:
  static std::string Folded(std::string_view path) {
    std::string out;
    for (const std::string& name : FoldPath(path).components) {
      if (!out.empty()) out += '/';
      out += name;
    }
    return out;
  }
  std::set<std::string> names_;
};

Result<TreeNames> NamesOf(const Git& git, const Quarantine& quarantine, const std::string& commit,
                          std::span<const CommitEdit> edits) {
  TreeNames names;
  AMBIT_TRY(
      const std::string listed,
      git.Run(quarantine.Call({"ls-tree", "-r", "-z", "--name-only", "--full-tree", commit})));
  std::string_view rest = listed;
  while (const auto path = TakeUntil(rest, '\0')) names.Add(*path);
  for (const CommitEdit& edit : edits) names.Add(edit.path);
  return names;
}

class Gatekeeper {
 public:
  Gatekeeper(const Git& git, const Quarantine& quarantine, const workspace::Masks& masks,
             GitDirectories git_directories)
      : git_(git),
        quarantine_(quarantine),
        masks_(masks),
        git_directories_(std::move(git_directories)) {}

  Status Look(const CommitEdit& edit) {
    if (held_.contains(edit.path)) return {};
    AMBIT_TRY(const GateDecision decision, Decide(edit));
    if (decision.verdict == GateVerdict::kNever) {
      return Fail(
          Errc::kDenied,
          fmt::format("a commit of the run writes '{}': {}", Printable(edit.path), decision.reason),
          "no consent brings that across; 'ambit apply' brings the files beside it");
    }
    if (decision.verdict == GateVerdict::kHeld) {
      held_.emplace(edit.path, fmt::format("{}{}", decision.reason, WhatHappens(edit)));
    }
    return {};
  }

  std::vector<HeldPath> TakeAllBut(std::span<const std::string> consents) && {
    std::vector<HeldPath> held;
    for (auto& [path, reason] : held_) {
      if (IsConsented(path, consents, git_directories_)) continue;
      held.push_back({path, std::move(reason)});
    }
    return held;
  }

 private:
  static GateDecision Held(std::string_view reason) {
    return {.verdict = GateVerdict::kHeld, .reason = reason};
  }

  /// ` (commit 0123456789ab deletes it)`, for evidence: a diff of the run shows its end only.
  static std::string WhatHappens(const CommitEdit& edit) {
    constexpr std::size_t kShortName = 12;
    if (edit.commit.empty()) return "";
    const bool gone = edit.new_mode == 0;
    const bool fresh = std::ranges::all_of(edit.old_objects, IsNothing);
    return fmt::format(" (commit {} {} it)", edit.commit.substr(0, kShortName),
                       gone    ? "deletes"
                       : fresh ? "adds"
                               : "changes");
  }

  GateDecision DecideMasked(const CommitEdit& edit) const {
    const bool hidden = masks_.Hides(edit.path);
    if (edit.new_mode == 0) return Held(hidden ? kHiddenIsDeleted : kMaskedIsDeleted);
    return Held(hidden ? kHiddenIsReplaced : kMaskedInCommit);
  }

  Result<GateDecision> Decide(const CommitEdit& edit) {
    const GateDecision decision = GateOf(edit.path);
    if (decision.verdict == GateVerdict::kNever) return decision;
    if (masks_.Covers(edit.path)) return DecideMasked(edit);
    if (decision.verdict == GateVerdict::kHeld) return decision;
    const GateDecision git = git_directories_.GateOf(edit.path);
    if (git.verdict == GateVerdict::kHeld) return git;
    if (edit.new_mode == kSubmoduleMode) return Held("it names a commit of a submodule");
    if (edit.new_mode == kLinkMode) return DecideLink(edit);
    if (IsPackageJson(edit.path) && edit.new_mode != 0) return DecidePackage(edit, decision);
    return decision;
  }

  Result<GateDecision> DecideLink(const CommitEdit& edit) const {
    AMBIT_TRY(const auto target, ReadBlob(git_, quarantine_, edit.new_object));
    if (!target) return Held("a symbolic link with a target nobody can follow");
    const GateDecision decision = GateOfLink(edit.path, *target);
    const std::string_view why = WhyLinkIsUnsafe(edit.path, *target);
    return decision.verdict == GateVerdict::kNever || why.empty() ? decision : Held(why);
  }

  Result<GateDecision> DecidePackage(const CommitEdit& edit, GateDecision otherwise) const {
    AMBIT_TRY(const auto now, ReadBlob(git_, quarantine_, edit.new_object));
    for (const std::string& object : edit.old_objects) {
      AMBIT_TRY(const auto before, ReadBlob(git_, quarantine_, object));
      if (!now || !before || LifecycleScriptsChanged(*before, *now)) {
        return Held("its lifecycle scripts changed: installing runs them");
      }
    }
    return otherwise;
  }

  const Git& git_;
  const Quarantine& quarantine_;
  const workspace::Masks& masks_;
  GitDirectories git_directories_;
  std::map<std::string, std::string> held_;
};

GitCall DiffTree(const Quarantine& quarantine, std::vector<std::string> more) {
  std::vector<std::string> arguments = {
      "diff-tree",   "-r",           "--raw",         "-z",
      "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv"};
  std::ranges::move(more, std::back_inserter(arguments));
  return quarantine.Call(std::move(arguments));
}

Result<std::vector<CommitEdit>> RunDiff(const Git& git, const GitCall& diff) {
  AMBIT_TRY(const std::string output, git.Run(diff));
  std::vector<CommitEdit> edits;
  std::string commit;
  for (std::string_view rest = output; !rest.empty();) {
    if (!rest.starts_with(':')) {
      AMBIT_TRY(commit, ParseCommit(rest));
      continue;
    }
    AMBIT_TRY(CommitEdit edit, ParseEdit(rest));
    edit.commit = commit;
    edits.push_back(std::move(edit));
  }
  return edits;
}

}  // namespace

Result<std::vector<CommitEdit>> ListEdits(const Git& git, const Quarantine& quarantine,
                                          const std::string& commit, const std::string& without) {
  GitCall list = quarantine.Call({"rev-list", "--ignore-missing", "--stdin"});
  list.input = commit + "\n" + without;
  AMBIT_TRY(std::string commits, git.Run(list));
  if (commits.empty()) return std::vector<CommitEdit>();
  GitCall diff = DiffTree(quarantine, {"--stdin", "-c", "--root"});
  diff.input = std::move(commits);
  return RunDiff(git, diff);
}

Result<std::vector<CommitEdit>> ListDifference(const Git& git, const Quarantine& quarantine,
                                               const std::optional<std::string>& base,
                                               const std::string& commit) {
  std::string from = base.value_or("");
  if (!base) {
    AMBIT_TRY(from, git.Run(quarantine.Call({"mktree"})));  // of no input: the empty tree
    while (from.ends_with('\n')) from.pop_back();
  }
  return RunDiff(git, DiffTree(quarantine, {from, commit}));
}

Result<std::vector<HeldPath>> FindHeld(const Git& git, const Quarantine& quarantine,
                                       const ProjectTree& host, const workspace::Masks& masks,
                                       const std::string& commit, std::span<const CommitEdit> edits,
                                       std::span<const std::string> consents) {
  AMBIT_TRY(const TreeNames names, NamesOf(git, quarantine, commit, edits));
  const auto exists = [&](const std::string& path) {
    return names.Has(path) || host.Look(path).value_or(std::nullopt).has_value();
  };
  AMBIT_TRY(HostGit host_git,
            HostGit::Read(host.path(), std::views::transform(edits, &CommitEdit::path)));
  Gatekeeper gatekeeper(git, quarantine, masks, GitDirectories(exists, std::move(host_git)));
  for (const CommitEdit& edit : edits) AMBIT_CHECK(gatekeeper.Look(edit));
  return std::move(gatekeeper).TakeAllBut(consents);
}

}  // namespace ambit::review
