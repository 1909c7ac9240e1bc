#include "plan/not_started.h"

#include <errno.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "base/path.h"
#include "base/text.h"

namespace ambit::plan {
namespace {

/// What a run has there is made by ambit, or bound by it file by file: no flag shows more of it.
bool IsMadeByAmbit(std::string_view path) {
  constexpr std::array<std::string_view, 4> kMade = {"/proc", "/sys", "/dev", "/etc"};
  return std::ranges::any_of(kMade, [&](std::string_view top) { return IsAtOrBelow(path, top); });
}

std::string DirectoryOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

/// Whether the host's file at `path`, a real one, is seen inside.
bool IsVisible(const LaunchPlan& plan, const std::string& path) {
  const Mount* nearest = nullptr;  // parents come before children
  for (const Mount& mount : plan.mounts) {
    if (IsAtOrBelow(path, mount.inside)) nearest = &mount;
  }
  return nearest != nullptr &&
         (nearest->kind == Mount::Kind::kBind || nearest->kind == Mount::Kind::kLayer);
}

bool HasSecretPart(const std::string& path) {
  constexpr std::array<std::string_view, 7> kSecret = {
      "/.ssh", "/.aws", "/.gnupg", "/.kube", "/.docker", "/.password-store", "/keyrings"};
  return std::ranges::any_of(kSecret, [&](std::string_view part) {
    return (path + "/").find(std::string(part) + "/") != std::string::npos;
  });
}

/// Which directories to show for a file.
class Proposal {
 public:
  Proposal(const LaunchPlan& plan, const host::HostFacts& facts, const host::CommandFacts& command)
      : plan_(plan), facts_(facts), command_(command) {}

  /// What has to be shown for the file and for every link on the way to it, the file first.
  void Add(const host::FoundFile& file) {
    for (auto hop = file.hops.rbegin(); hop != file.hops.rend(); ++hop) {
      if (IsVisible(plan_, *hop)) continue;
      AddPath(hop == file.hops.rbegin() ? InstallationOf(*hop) : PlaceOf(*hop));
    }
  }

  [[nodiscard]] bool empty() const { return paths_.empty(); }

  /// Whether the directory `dir` will be there as a whole, so that PATH may name it.
  [[nodiscard]] bool Shows(const std::string& dir) const {
    return IsVisible(plan_, dir) || std::ranges::any_of(paths_, [&](const std::string& path) {
             return IsAtOrBelow(dir, path);
           });
  }

  [[nodiscard]] std::string Flags() const {
    std::string flags;
    for (const std::string& path : paths_) {
      flags += fmt::format("{}--ro {}", flags.empty() ? "" : " ", Quoted(path));
    }
    return flags;
  }

 private:
  static std::string Quoted(const std::string& path) {
    constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:,=%";
    const std::string text = Printable(path);
    return text.find_first_not_of(kPlain) == std::string::npos ? text : "'" + text + "'";
  }

  void AddPath(const std::string& path) {
    if (path.empty()) return;
    for (const std::string& known : paths_) {
      if (IsAtOrBelow(path, known)) return;
    }
    std::erase_if(paths_, [&](const std::string& known) { return IsAtOrBelow(known, path); });
    paths_.push_back(path);
  }

  [[nodiscard]] bool Has(const std::string& dir, const char* marker) const {
    return command_.markers.contains(dir + "/" + marker);
  }

  /// Whether `dir` may be proposed as a whole.
  [[nodiscard]] bool IsHarmless(const std::string& dir) const {
    constexpr std::array<std::string_view, 6> kOfEverything = {
        "/.config", "/.local", "/.local/share", "/.local/lib", "/.cache", "/snap"};
    if (std::ranges::count(dir, '/') < 2 || DirectoryOf(dir) == "/home") return false;
    for (const std::string& own : {facts_.person.home, facts_.person.own_home, facts_.state_root}) {
      if (IsAtOrBelow(own, dir)) return false;
    }
    if (IsMadeByAmbit(dir) || HasSecretPart(dir)) return false;
    if (std::ranges::any_of(kOfEverything,
                            [&](std::string_view end) { return dir.ends_with(end); })) {
      return false;
    }
    return std::ranges::none_of(host::kHomeMarkers,
                                [&](const char* marker) { return Has(dir, marker); });
  }

  [[nodiscard]] std::string FirstHarmless(const std::vector<std::string>& dirs,
                                          const std::string& file) const {
    const auto found =
        std::ranges::find_if(dirs, [&](const std::string& dir) { return IsHarmless(dir); });
    if (found != dirs.end()) return *found;
    return HasSecretPart(file) || IsMadeByAmbit(file) ? "" : file;
  }

  /// For a link: the directory it lies in.
  [[nodiscard]] std::string PlaceOf(const std::string& file) const {
    return FirstHarmless({DirectoryOf(file)}, file);
  }

  /// For a program: everything that was installed with it, where that can be told.
  [[nodiscard]] std::string InstallationOf(const std::string& file) const {
    std::vector<std::string> dirs;  // the likeliest first
    const auto up_to = [&](std::string_view part, std::size_t more) {
      const std::size_t at = file.find(part);
      if (at != std::string::npos && at != 0) dirs.push_back(file.substr(0, at + more));
    };
    constexpr std::string_view kPrefixed = "/lib/node_modules/";
    constexpr std::string_view kModules = "/node_modules/";
    up_to(kPrefixed, 0);                     // of npm install -g, with bin/ beside lib/
    up_to(kPrefixed, kPrefixed.size() - 1);  // where the prefix is too much
    up_to(kModules, 0);
    up_to(kModules, kModules.size() - 1);
    for (std::string_view shared : {"/.local/share/", "/.local/lib/"}) {
      const std::size_t at = file.find(shared);
      if (at == std::string::npos) continue;
      const std::size_t end = file.find('/', at + shared.size());
      if (end != std::string::npos) dirs.push_back(file.substr(0, end));
    }
    const std::string prefix = DirectoryOf(DirectoryOf(file));
    if (Has(prefix, host::kPythonEnvironment) || Has(prefix, host::kNodeModules)) {
      dirs.push_back(prefix);
    }
    dirs.push_back(DirectoryOf(file));
    return FirstHarmless(dirs, file);
  }

  const LaunchPlan& plan_;
  const host::HostFacts& facts_;
  const host::CommandFacts& command_;
  std::vector<std::string> paths_;
};

/// The words for a file of the host that is not seen inside.
NotStarted NotVisible(const host::FoundFile& file, const Proposal& proposal, bool by_name) {
  NotStarted told{.what = fmt::format("is at {} on this machine, which is not visible inside",
                                      Printable(file.path)),
                  .remedy = {}};
  if (proposal.empty()) {
    told.remedy = "what lies around it should not be shown: install it in a place of its own";
    return told;
  }
  told.remedy = proposal.Flags();
  if (by_name && !proposal.Shows(DirectoryOf(file.path))) {
    told.remedy += fmt::format(", and name the command by its path: {}", Printable(file.path));
  }
  return told;
}

NotStarted InterpreterMissing(const LaunchPlan& plan, const host::HostFacts& facts,
                              const host::CommandFacts& command, const std::string& name) {
  const host::Interpreter& interpreter = *command.interpreter;
  NotStarted told{.what = "does not exist on this machine either",
                  .remedy = "install it, or correct the first line of the script"};
  if (command.interpreter_file) {
    Proposal proposal(plan, facts, command);
    proposal.Add(*command.interpreter_file);
    told = NotVisible(*command.interpreter_file, proposal, /*by_name=*/false);
  }
  told.what = fmt::format("'{}' is a script for '{}', which {}", name,
                          Printable(interpreter.name.empty() ? interpreter.path : interpreter.name),
                          told.what);
  return told;
}

NotStarted MayNotBeExecuted(const host::CommandFacts& command, const std::string& name, int error) {
  if (error == ENOEXEC) {
    return {.what = fmt::format("'{}' is neither a program for this machine nor a script", name),
            .remedy = "a script begins with a line such as #!/bin/sh"};
  }
  if (command.file && command.file->directory) {
    return {.what = fmt::format("'{}' is a directory", name), .remedy = "name a command"};
  }
  if (command.file && !command.file->executable) {
    return {.what = fmt::format("'{}' may not be executed", name),
            .remedy = fmt::format("chmod +x '{}'", Printable(command.file->path))};
  }
  return {.what = fmt::format("'{}' may not be executed", name),
          .remedy = "it is there inside, but not for the run's user"};
}

}  // namespace

bool IsThere(int error) { return error != ENOENT && error != ENOTDIR; }

bool WouldStart(const LaunchPlan& plan, const host::CommandFacts& command) {
  const auto is_there = [&](const std::optional<host::FoundFile>& file) {
    return file && file->executable && !file->directory &&
           std::ranges::all_of(file->hops,
                               [&](const std::string& hop) { return IsVisible(plan, hop); });
  };
  return is_there(command.file) && (!command.interpreter || is_there(command.interpreter_file));
}

NotStarted ExplainNotStarted(const LaunchPlan& plan, const host::HostFacts& facts,
                             const host::CommandFacts& command, int error) {
  const std::string name = Printable(command.name);
  if (!command.file) {
    if (IsThere(error)) return MayNotBeExecuted(command, name, error);
    return {.what = fmt::format("'{}' is neither inside nor on this machine", name),
            .remedy = "check the spelling, or install it"};
  }
  const bool by_name = command.name.find('/') == std::string::npos;
  const auto is_hidden = [&](const host::FoundFile& file) {
    return !std::ranges::all_of(file.hops,
                                [&](const std::string& hop) { return IsVisible(plan, hop); });
  };
  if (IsThere(error) && IsMadeByAmbit(command.file->path) && is_hidden(*command.file)) {
    return {.what = fmt::format("'{}' is made by ambit for each run, and is no program", name),
            .remedy = "name a command"};
  }
  if (command.file->executable && is_hidden(*command.file)) {
    Proposal proposal(plan, facts, command);
    proposal.Add(*command.file);
    if (command.interpreter_file) proposal.Add(*command.interpreter_file);
    NotStarted told = NotVisible(*command.file, proposal, by_name);
    told.what = fmt::format("'{}' {}", name, told.what);
    return told;
  }
  if (IsThere(error) || !command.file->executable) return MayNotBeExecuted(command, name, error);
  if (by_name && std::ranges::find(plan.path_entries, DirectoryOf(command.file->path)) ==
                     plan.path_entries.end()) {
    return {.what = fmt::format("'{}' is at {}, which is visible but not in PATH inside", name,
                                Printable(command.file->path)),
            .remedy = fmt::format("name it by its path: {}", Printable(command.file->hops.back()))};
  }
  if (command.interpreter && (!command.interpreter_file || is_hidden(*command.interpreter_file))) {
    return InterpreterMissing(plan, facts, command, name);
  }
  return {.what = fmt::format("'{}' is there, but what loads it is not", name),
          .remedy = "the loader or interpreter that the file names does not exist inside"};
}

}  // namespace ambit::plan
