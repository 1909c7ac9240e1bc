#pragma once
// The gate: which paths of a project the host would run or obey by itself later, so that a change
// to them needs a consent of its own. The list is data (gate_list.cc), each line with its reason.
// Who calls: apply, branch and diff. Pure. Paths are raw bytes, relative to the project; one that
// ends in '/' is a directory, for which only the lines of directories count.
// Names are compared as a careless file system or program would: any depth, any case, with
// ignorable and compatibility characters of Unicode, trailing dots and spaces, streams and short
// names taken away (NTFS, HFS+). What cannot be decoded is compared by its bytes. Creating such a
// path counts as changing it, removing it as well.
// A name decides for itself only: whoever moves or makes a directory asks for every path below it,
// with its new name. Threat model: T20, T21, A200-A212.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ambit::review {

enum class GateVerdict : std::uint8_t {
  kOpen,   // an ordinary file
  kShown,  // runs when somebody builds or tests, as everything in a project may: named, not held
  kHeld,   // needs --consent PATH or a yes to the question
  kNever,  // a `.git` or anything below one, or "..": no consent brings it across
};

struct GateDecision {
  GateVerdict verdict = GateVerdict::kOpen;
  std::string_view reason;  // static text for people; empty for kOpen
};

/// What the name alone decides; the strictest line wins. A file named package.json is kShown here:
/// see below.
GateDecision GateOf(std::string_view path);

/// The same for a symbolic link at `path`, which can put other names in the place of its own: also
/// what its target (as the link says it) names, and whether the host looks for held names below
/// `path`.
GateDecision GateOfLink(std::string_view path, std::string_view target);

/// Why a symbolic link at `path` with this target leads, by its text alone, out of the project or
/// into git's directory; empty when it does not. apply refuses such a link, branch holds it.
std::string_view WhyLinkIsUnsafe(std::string_view path, std::string_view target);

/// Whether `path` is a package.json by its name, compared as the list's names are.
bool IsPackageJson(std::string_view path);

/// Whether two contents of a package.json differ in what npm, yarn, pnpm or bun run by themselves
/// at an install, a pack or a commit: lifecycle scripts, and the settings that decide which
/// programs these are. An empty text is no file. True when one of two different texts cannot be
/// parsed, or is hostile: then nobody can say.
bool LifecycleScriptsChanged(std::string_view old_text, std::string_view new_text);

/// One line of the list, for documentation and tests.
struct GateRule {
  std::string_view pattern;
  GateVerdict verdict;
  std::string_view reason;
};
std::span<const GateRule> GateRules();

}  // namespace ambit::review
