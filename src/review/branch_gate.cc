#include "review/branch_gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/text.h"
#include "review/gate.h"
#include "review/run_refs.h"

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

bool IsPackageJson(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return std::ranges::equal(name, std::string_view("package.json"), [](char left, char right) {
    return (left >= 'A' && left <= 'Z' ? left + ('a' - 'A') : left) == right;
  });
}

class Gatekeeper {
 public:
  Gatekeeper(const Git& git, const Quarantine& quarantine) : git_(git), quarantine_(quarantine) {}

  Status Look(const CommitEdit& edit) {
    if (held_.contains(edit.path)) return {};
    AMBIT_TRY(const GateDecision decision, Decide(edit));
    if (decision.verdict == GateVerdict::kNever) {
      return Fail(
          Errc::kDenied,
          fmt::format("a commit of the run writes '{}': {}", Printable(edit.path), decision.reason),
          "no consent brings that across; 'ambit apply' brings the files beside it");
    }
    if (decision.verdict == GateVerdict::kHeld) held_.emplace(edit.path, decision.reason);
    return {};
  }

  std::vector<HeldPath> Take() && {
    std::vector<HeldPath> held;
    for (auto& [path, reason] : held_) held.push_back({path, std::move(reason)});
    return held;
  }

 private:
  static GateDecision Held(std::string_view reason) {
    return {.verdict = GateVerdict::kHeld, .reason = reason};
  }

  Result<GateDecision> Decide(const CommitEdit& edit) const {
    const GateDecision decision = GateOf(edit.path);
    if (decision.verdict == GateVerdict::kNever || decision.verdict == GateVerdict::kHeld) {
      return decision;
    }
    if (edit.new_mode == kSubmoduleMode) return Held("it names a commit of a submodule");
    if (edit.new_mode == kLinkMode) return DecideLink(edit);
    if (IsPackageJson(edit.path) && edit.new_mode != 0) return DecidePackage(edit, decision);
    return decision;
  }

  Result<GateDecision> DecideLink(const CommitEdit& edit) const {
    AMBIT_TRY(const auto target, ReadBlob(git_, quarantine_, edit.new_object));
    if (!target || LeavesProject(edit.path, *target)) {
      return Held("a symbolic link that leads out of the project");
    }
    return GateOfLink(edit.path, *target);
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
  std::map<std::string, std::string> held_;
};

}  // namespace

bool LeavesProject(std::string_view path, std::string_view target) {
  if (target.empty() || target.starts_with('/')) return true;
  auto depth = std::ranges::count(path, '/');
  bool named = false;
  while (!target.empty()) {
    const std::size_t slash = std::min(target.find('/'), target.size());
    const std::string_view name = target.substr(0, slash);
    target.remove_prefix(std::min(slash + 1, target.size()));
    if (name.empty() || name == ".") continue;
    // A name may itself be a link: behind one nobody can say where ".." leads.
    if (name == ".." && (named || --depth < 0)) return true;
    named = named || name != "..";
  }
  return false;
}

Result<std::vector<CommitEdit>> ListEdits(const Git& git, const Quarantine& quarantine,
                                          const std::string& commit, const std::string& without) {
  GitCall list = quarantine.Call({"rev-list", "--ignore-missing", "--stdin"});
  list.input = commit + "\n" + without;
  AMBIT_TRY(std::string commits, git.Run(list));
  std::vector<CommitEdit> edits;
  if (commits.empty()) return edits;
  GitCall diff =
      quarantine.Call({"diff-tree", "--stdin", "-r", "-c", "--root", "--raw", "-z", "--no-abbrev",
                       "--no-renames", "--no-ext-diff", "--no-textconv", "--no-commit-id"});
  diff.input = std::move(commits);
  AMBIT_TRY(const std::string output, git.Run(diff));
  for (std::string_view rest = output; !rest.empty();) {
    AMBIT_TRY(CommitEdit edit, ParseEdit(rest));
    edits.push_back(std::move(edit));
  }
  return edits;
}

Result<std::vector<HeldPath>> FindHeld(const Git& git, const Quarantine& quarantine,
                                       std::span<const CommitEdit> edits) {
  Gatekeeper gatekeeper(git, quarantine);
  for (const CommitEdit& edit : edits) AMBIT_CHECK(gatekeeper.Look(edit));
  return std::move(gatekeeper).Take();
}

}  // namespace ambit::review
