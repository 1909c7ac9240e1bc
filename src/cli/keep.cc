#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/runs.h"
#include "host/facts.h"
#include "workspace/kept_state.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

struct KeepFlags {
  bool json = false;
  std::string project;
  std::vector<std::string> places;
};

Result<std::string> RootOfKept() {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  return workspace::KeptBeside(RunsRootOf(person));
}

Status List(bool json) {
  AMBIT_TRY(const std::string root, RootOfKept());
  AMBIT_TRY(const std::vector<workspace::KeptDirectory> all, workspace::ListKept(root));
  std::string out = json ? "" : fmt::format("{:>10}  {}\n", "KIB", "PROJECT  PLACE  DIRECTORY");
  for (const workspace::KeptDirectory& kept : all) {
    if (json) {
      out +=
          fmt::format("{}{{\"project\":\"{}\",\"place\":\"{}\",\"directory\":\"{}\",\"bytes\":{}}}",
                      out.empty() ? "" : ",\n", JsonEscape(kept.project), JsonEscape(kept.place),
                      JsonEscape(root + "/" + kept.name), kept.bytes);
    } else {
      out += fmt::format("{:>10}  {}  {}  {}/{}\n", kept.bytes / 1024, kept.project, kept.place,
                         Printable(root), kept.name);
    }
  }
  return ToStdout(json ? "[" + out + "]\n" : out);
}

/// A run would go on with what nobody will find again.
Status RefuseRunning(const std::string& project) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  const auto store = OpenStore(person);
  if (!store && store.error().code == Errc::kNotFound) return {};
  if (!store) return std::unexpected(store.error());
  AMBIT_TRY(const std::vector<workspace::RunEntry> runs, store->List());
  for (const workspace::RunEntry& run : runs) {
    if (!run.meta || Printable(run.meta->project) != project || !workspace::IsAlive(*run.meta)) {
      continue;
    }
    return Fail(Errc::kInvalidArgument, fmt::format("run {} of this project is running", run.id),
                "wait for its end, or end the command");
  }
  return {};
}

/// "~/.tool", as 'list' names places, of what the shell made of an unquoted one.
std::string PlaceOf(std::string typed, const std::string& home) {
  while (typed.size() > 1 && typed.ends_with('/')) typed.pop_back();
  return typed.starts_with(home + "/") ? "~" + typed.substr(home.size()) : typed;
}

Status Remove(const KeepFlags& flags) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  std::vector<std::string> places;
  for (const std::string& typed : flags.places) places.push_back(PlaceOf(typed, person.home));
  // The project may be gone, so the name alone is good as well.
  const auto real = host::RealPath(flags.project);
  const std::string project = Printable(real ? *real : flags.project);
  AMBIT_TRY(const std::string root, RootOfKept());
  AMBIT_TRY(std::vector<workspace::KeptDirectory> all, workspace::ListKept(root));
  std::erase_if(all, [&](const workspace::KeptDirectory& kept) {
    return kept.project != project ||
           (!places.empty() && std::ranges::find(places, kept.place) == places.end());
  });
  if (all.empty()) {
    return Fail(Errc::kNotFound, fmt::format("nothing like that is kept for '{}'", project),
                "'ambit keep list' names what is kept, places as ~/...");
  }
  AMBIT_CHECK(RefuseRunning(project));
  for (const workspace::KeptDirectory& kept : all) {
    AMBIT_CHECK(workspace::RemoveKept(root, kept));
    AMBIT_CHECK(ToStdout(fmt::format("{}  {}\n", kept.project, kept.place)));
  }
  return {};
}

}  // namespace

void AddKeep(NewCommand ambit) {
  auto flags = std::make_shared<KeepFlags>();
  NewCommand keep = ambit.AddCommand("keep", "What agents keep from run to run of a project");
  NewCommand list = keep.AddCommand("list", "List it, with the directories that hold it");
  list.AddFlag("--json", flags->json, "For programs");
  list.Does([flags] { return List(flags->json); });
  NewCommand rm = keep.AddCommand("rm", "Remove what is kept for a project");
  rm.AddArgument("project", flags->project, "Its directory").Required();
  rm.AddArgument("place", flags->places,
                 "Only these, as 'list' names them ('~/...') or by their absolute paths");
  rm.Does([flags] { return Remove(*flags); });
}

}  // namespace ambit::cli
