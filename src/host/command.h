#pragma once
// Where a command is on this machine, for a person whose run could not find it: read when that has
// happened, and never before. Symlinks are followed by hand, because each of them has to be visible
// inside as well.
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ambit::host {

struct FoundFile {
  std::string path;  // absolute, as it was looked up
  /// Real places: of `path`, of what that links to, and so on; the last one is no link.
  std::vector<std::string> hops;
  bool directory = false;
  bool executable = false;  // for whoever started ambit
};

/// What `#!` in the first line of a script asks for.
struct Interpreter {
  std::string path;  // absolute; "/usr/bin/env" for one that is looked for
  std::string name;  // what env looks for in PATH; else empty
  bool operator==(const Interpreter&) const = default;
};

struct CommandFacts {
  std::string name;
  std::optional<FoundFile> file;
  std::optional<Interpreter> interpreter;
  std::optional<FoundFile> interpreter_file;
  /// Of the directories above all these files: what makes one of them special, by absolute path
  /// (DIR/pyvenv.cfg, DIR/.ssh; see kMarkers).
  std::set<std::string> markers;
};

inline constexpr const char* kPythonEnvironment = "pyvenv.cfg";
inline constexpr const char* kNodeModules = "lib/node_modules";
/// Who has one of these is somebody's home, or as good as that.
inline constexpr const char* kHomeMarkers[] = {".ssh", ".aws", ".gnupg", ".config", ".netrc"};

/// `name` as a shell would find it in `path_variable` (NAME without a slash) or from `directory`.
CommandFacts FindCommand(const std::string& name, std::string_view path_variable,
                         const std::string& directory);

/// From the first bytes of a file; none when it is no script.
std::optional<Interpreter> ParseInterpreter(std::string_view head);

}  // namespace ambit::host
