#include "cli/runs.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <ranges>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "plan/plan_json.h"
#include "review/unfinished_apply.h"
#include "supervise/outcome.h"
#include "sys/file.h"
#include "workspace/backing.h"
#include "workspace/run_removal.h"

namespace ambit::cli {
namespace {

/// `path` with "." and ".." taken away; nullopt when it goes above the root.
std::optional<std::string> Normal(std::string_view path) {
  std::vector<std::string_view> names;
  while (!path.empty()) {
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(name.size() + 1, path.size()));
    if (name.empty() || name == ".") continue;
    if (name != "..") {
      names.push_back(name);
    } else if (names.empty()) {
      return std::nullopt;
    } else {
      names.pop_back();
    }
  }
  return fmt::format("{}", fmt::join(names, "/"));
}

std::string_view Variable(const char* name) {
  const char* value = ::getenv(name);
  return value != nullptr ? value : "";
}

/// `path` relative to `root`, both absolute; nullopt when it is not at or below it.
std::optional<std::string> Below(std::string_view root, std::string_view path) {
  if (!path.starts_with(root)) return std::nullopt;
  path.remove_prefix(root.size());
  if (!path.empty() && path[0] != '/' && !root.ends_with('/')) return std::nullopt;
  return Normal(path);
}

/// Its command was never started, and nothing is in its layers.
bool CameToNothing(const workspace::RunStore& store, const workspace::RunMeta& meta) {
  using supervise::Cause;
  if (!meta.outcome) return false;
  const bool started = std::ranges::none_of(
      std::array{Cause::kNotFound, Cause::kNotExecutable, Cause::kSetupFailed},
      [&](Cause cause) { return supervise::NameOf(cause) == meta.outcome->cause; });
  if (started) return false;
  const auto run = store.OpenRun(meta.id);
  return run && !workspace::HasWork(*run);
}

/// The work of a run whose layers were a file system of its own (workspace/backing.h).
Status BringWorkHere(const workspace::RunMeta& meta, const workspace::RunDir& run) {
  if (meta.disk_backing.empty()) return {};
  if (!meta.finished_ns && workspace::IsAlive(meta)) {
    return Fail(Errc::kUnsupported,
                fmt::format("the work of run {} is in {} until it ends", meta.id,
                            meta.disk_backing == "memory" ? "memory" : "its image"),
                "look again when it has ended");
  }
  if (!meta.finished_ns && meta.disk_backing == "memory") {
    return Fail(
        Errc::kInvalidArgument,
        fmt::format("the work of run {} was in memory and is lost: it did not end by itself",
                    meta.id),
        "keep layers on the disk (limits.disk_backing = \"disk\") to have them survive");
  }
  // Whoever has locked the run has brought it home.
  if (::faccessat(run.fd.get(), workspace::kImage, F_OK, 0) != 0) return {};
  return workspace::LockWork(run);
}

}  // namespace

void AddDirectoryFlag(NewCommand command, std::string& directory) {
  command.AddFlag("-C", directory, "Take this directory as the project").Takes("DIR");
}

Result<supervise::Place> PlaceHere(const std::string& directory) {
  return supervise::FindPlace(directory, Variable("HOME"), Variable("XDG_STATE_HOME"));
}

std::string RunsRootOf(const host::Person& person) {
  return workspace::RunStore::DefaultRoot(person.own_home, Variable("XDG_STATE_HOME"));
}

Result<workspace::RunStore> OpenStore(const host::Person& person) {
  Result<workspace::RunStore> store =
      workspace::RunStore::Open(RunsRootOf(person), /*create=*/false);
  if (!store && store.error().code == Errc::kNotFound) {
    return Fail(Errc::kNotFound, "there is no run yet", "start one with 'ambit run -- COMMAND'");
  }
  return store;
}

Result<AllRuns> ListAllRuns(const host::Person& person) {
  Result<workspace::RunStore> store = OpenStore(person);
  if (!store && store.error().code == Errc::kNotFound) return AllRuns();
  if (!store) return std::unexpected(std::move(store).error());
  AMBIT_TRY(std::vector<workspace::RunEntry> runs, store->List());
  return AllRuns{.store = *std::move(store), .runs = std::move(runs)};
}

Result<plan::LaunchPlan> PlanOf(const workspace::RunDir& run) {
  constexpr std::size_t kMostBytes = 64U << 20;
  AMBIT_TRY(const std::string text,
            sys::ReadSmallFile(run.fd.get(), workspace::kPlanFile, kMostBytes));
  return plan::DecodeJson(text);
}

Result<workspace::RunDir> OpenNamedRun(const workspace::RunStore& store, const std::string& name) {
  auto run = store.OpenRun(name);
  const bool unknown =
      !run && (run.error().code == Errc::kInvalidArgument || run.error().code == Errc::kNotFound);
  if (!unknown) return run;
  constexpr std::size_t kMostNamed = 3;
  std::vector<std::string> newest;
  if (const auto runs = store.List()) {
    for (const workspace::RunEntry& entry : *runs | std::views::take(kMostNamed)) {
      newest.push_back(entry.id);
    }
  }
  return Fail(Errc::kNotFound, fmt::format("there is no run '{}'", Printable(name)),
              newest.empty() ? "there is none at all: start one with 'ambit run -- COMMAND'"
                             : fmt::format("'ambit ps -a' lists all runs; the newest: {}",
                                           fmt::join(newest, ", ")));
}

Result<workspace::RunMeta> FindRun(const workspace::RunStore& store, const host::Person& person,
                                   const std::string& name, const std::string& directory,
                                   Newest which) {
  if (name.empty()) {
    AMBIT_TRY(const std::string here, host::RealPath(directory.empty() ? "." : directory));
    AMBIT_TRY(const host::Project project,
              host::FindProject(here, /*explicit_root=*/!directory.empty(), person, store.root()));
    auto newest = store.NewestOf(project.root);
    if (!newest && newest.error().code == Errc::kNotFound) {
      newest.error().remedy = "name a run: 'ambit ps -a' lists those of all projects";
    }
    if (!newest || which == Newest::kOfAll || !CameToNothing(store, *newest)) return newest;
    AMBIT_TRY(std::vector<workspace::RunEntry> runs, store.List());
    for (workspace::RunEntry& run : runs) {
      if (!run.meta || run.meta->project != project.root) continue;
      if (!CameToNothing(store, *run.meta)) return std::move(run.meta);
    }
    return newest;
  }
  AMBIT_TRY(const workspace::RunDir dir, OpenNamedRun(store, name));
  return workspace::RunStore::ReadMeta(dir);
}

Result<workspace::OverlayLayer> ProjectLayerOf(const workspace::RunStore& store,
                                               const workspace::RunMeta& meta) {
  if (meta.direct) {
    return Fail(Errc::kUnsupported,
                fmt::format("run {} wrote into the project itself (--project rw): there is nothing "
                            "to review",
                            meta.id),
                "what it changed is in the project; git, or your backup, shows it");
  }
  AMBIT_TRY(const workspace::RunDir run, store.OpenRun(meta.id));
  if (workspace::HasMark(run, workspace::kDiscardedMark)) {
    return Fail(Errc::kInvalidArgument, fmt::format("the work of run {} was discarded", meta.id),
                fmt::format("its record is in {}", run.path));
  }
  AMBIT_CHECK(BringWorkHere(meta, run));
  for (const workspace::RunLayer& layer : meta.layers) {
    if (layer.name != "project") continue;
    return workspace::OnDisk(meta, layer, run.path);
  }
  return Fail(Errc::kNotFound, fmt::format("run {} has no layer of the project", meta.id),
              "it was started with '--project ro'");
}

Result<std::vector<std::string>> PathsInProject(const workspace::RunMeta& meta,
                                                std::span<const std::string> typed,
                                                const std::string& directory) {
  AMBIT_TRY(const std::string here, host::RealPath("."));
  const std::string base = directory.empty() && Below(meta.project, here) ? here : meta.project;
  std::vector<std::string> paths;
  for (const std::string& path : typed) {
    const auto absolute = Normal(path.starts_with('/') ? path : base + "/" + path);
    auto relative = absolute ? Below(meta.project, "/" + *absolute) : std::nullopt;
    if (!relative) {
      return Fail(Errc::kInvalidArgument, fmt::format("'{}' is not in the project '{}'",
                                                      Printable(path), Printable(meta.project)));
    }
    paths.push_back(*std::move(relative));
  }
  return paths;
}

std::string StateOf(const workspace::RunMeta& meta) {
  if (workspace::IsAlive(meta)) return "running";
  if (!meta.outcome) return "crashed";
  return fmt::format("{} {}", Printable(meta.outcome->cause), meta.outcome->exit_code);
}

std::string StateAndWorkOf(const workspace::RunDir& run, const workspace::RunMeta& meta) {
  std::string words = StateOf(meta);
  if (workspace::HasMark(run, workspace::kDiscardedMark)) words += ", discarded";
  const std::string_view unfinished = review::WordsFor(review::UnfinishedOf(run, meta));
  if (!unfinished.empty()) words += fmt::format(", {}", unfinished);
  return words;
}

std::string LocalTime(std::int64_t unix_ns) {
  const std::time_t seconds = unix_ns / 1'000'000'000;
  struct tm parts{};
  std::array<char, 32> text{};
  if (unix_ns == 0 || ::localtime_r(&seconds, &parts) == nullptr) return "-";
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts)};
}

std::string CommandLine(const workspace::RunMeta& meta) {
  return Printable(fmt::format("{}", fmt::join(meta.argv, " ")));
}

}  // namespace ambit::cli
