#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/runs.h"
#include "cli/usage_text.h"
#include "review/apply_log.h"
#include "review/unfinished_apply.h"
#include "workspace/run_removal.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

using workspace::RunDir;
using workspace::RunMeta;

struct InspectFlags {
  std::string run;
  std::string directory;
  bool json = false;
};

std::string WorkOf(const RunDir& run) {
  if (workspace::HasMark(run, workspace::kDiscardedMark)) return "discarded";
  if (!workspace::HasWork(run)) return "nothing changed";
  return workspace::HasMark(run, workspace::kReviewedMark) ? "kept" : "kept, not looked at";
}

/// When changes came to the project; empty: never, or all was taken back.
std::string AppliedOf(const RunDir& run) {
  const auto logs = review::ApplyLog::Standing(run);
  if (!logs) return "its record cannot be read: " + Printable(logs.error().what);
  std::vector<std::string> times;
  for (const review::ApplyLog& log : *logs) {
    if (log.phase() == review::Phase::kDone) times.push_back(LocalTime(log.time_ns()));
  }
  return fmt::format("{}", fmt::join(times, ", "));
}

std::string ForPeople(const RunDir& run, const RunMeta& meta) {
  std::string out;
  const auto line = [&](std::string_view name, std::string_view value) {
    out += fmt::format("{:<9} {}\n", name, value);
  };
  line("run", meta.id);
  line("state", StateOf(meta));
  line("command", CommandLine(meta));
  line("project", Printable(meta.project));
  line("directory", Printable(meta.cwd));
  line("started", LocalTime(meta.started_ns));
  line("finished", LocalTime(meta.finished_ns.value_or(0)));
  line("work", WorkOf(run));
  if (const std::string applied = AppliedOf(run); !applied.empty()) {
    line("applied", fmt::format("{}; 'ambit undo {}' takes it back", applied, meta.id));
  }
  if (meta.used) {
    line("used", fmt::format("{} of processor time, at most {} of memory and {} processes",
                             Span(meta.used->cpu_ms), Size(meta.used->memory_peak),
                             meta.used->processes_peak));
  }
  // A record of how it was made is not there when making it failed.
  if (const auto plan = PlanOf(run)) line("limits", LimitsForPeople(plan->limits));
  for (const policy::PublishedPort& port : meta.published) {
    line("publish", fmt::format("127.0.0.1:{} to port {} inside", port.host, port.inside));
  }
  const review::Unfinished unfinished = review::UnfinishedOf(run, meta);
  if (unfinished == review::Unfinished::kUnderWay) line("apply", "under way");
  if (unfinished == review::Unfinished::kInterrupted) {
    line("apply", fmt::format("interrupted; 'ambit undo {0}' or 'ambit apply {0}' brings it to an "
                              "end",
                              meta.id));
  }
  for (const workspace::RunLayer& layer : meta.layers) {
    line("layer", fmt::format("{} over {}", Printable(run.path + "/" + layer.upper),
                              Printable(layer.lower)));
  }
  line("record", Printable(run.path));
  return out;
}

/// "record" is meta.json as it stands; the rest is what a program would have to find out.
std::string ForPrograms(const RunDir& run, const RunMeta& meta) {
  const std::string outcome =
      meta.outcome ? fmt::format(R"({{"cause":"{}","exit_code":{}}})",
                                 JsonEscape(meta.outcome->cause), meta.outcome->exit_code)
                   : "null";
  std::vector<std::string> layers;
  for (const workspace::RunLayer& layer : meta.layers) {
    layers.push_back(fmt::format(R"({{"name":"{}","upper":"{}","lower":"{}"}})",
                                 JsonEscape(layer.name), JsonEscape(run.path + "/" + layer.upper),
                                 JsonEscape(layer.lower)));
  }
  return fmt::format(
      R"({{"format":1,"id":"{}","alive":{},"state":"{}","outcome":{},"discarded":{},"reviewed":{},"unfinished":"{}",
"paths":{{"run":"{}","meta":"{}","plan":"{}","journal":"{}"}},
"layers":[{}],
"record":{}}}
)",
      meta.id, workspace::IsAlive(meta), JsonEscape(StateOf(meta)), outcome,
      workspace::HasMark(run, workspace::kDiscardedMark),
      workspace::HasMark(run, workspace::kReviewedMark),
      review::WordsFor(review::UnfinishedOf(run, meta)), JsonEscape(run.path),
      JsonEscape(run.path + "/" + workspace::kMetaFile),
      JsonEscape(run.path + "/" + workspace::kPlanFile),
      JsonEscape(run.path + "/" + workspace::kJournalFile), fmt::join(layers, ","),
      workspace::EncodeMeta(meta));
}

Status Inspect(const InspectFlags& flags) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(const workspace::RunStore store, OpenStore(person));
  AMBIT_TRY(const RunMeta meta, FindRun(store, person, flags.run, flags.directory, Newest::kOfAll));
  AMBIT_TRY(const RunDir run, store.OpenRun(meta.id));
  return ToStdout(flags.json ? ForPrograms(run, meta) : ForPeople(run, meta));
}

}  // namespace

void AddInspect(NewCommand ambit) {
  auto flags = std::make_shared<InspectFlags>();
  NewCommand inspect = ambit.AddCommand("inspect", "Show what is known of a run");
  inspect.AddArgument("run", flags->run, kRunHelp);
  AddDirectoryFlag(inspect, flags->directory);
  inspect.AddFlag("--json", flags->json, "For programs");
  inspect.Does([flags] { return Inspect(*flags); });
}

}  // namespace ambit::cli
