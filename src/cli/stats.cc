#include <fmt/format.h>

#include <memory>
#include <string>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/runs.h"
#include "cli/usage_text.h"
#include "supervise/run_usage.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

using workspace::RunMeta;

struct StatsFlags {
  std::string run;
  std::string directory;
  bool json = false;
};

struct Figures {
  std::uint64_t cpu_ms = 0;
  std::uint64_t memory = 0;
  std::uint64_t processes = 0;
  std::uint64_t disk = 0;
  std::uint64_t net_out = 0;
};

/// Of a run that goes on: now. Of one that has ended: its processor time and its peaks.
Result<Figures> FiguresOf(const workspace::RunDir& run, const RunMeta& meta) {
  if (meta.used) {
    return Figures{.cpu_ms = meta.used->cpu_ms,
                   .memory = meta.used->memory_peak,
                   .processes = meta.used->processes_peak,
                   .disk = meta.used->disk_bytes,
                   .net_out = meta.used->net_out_bytes};
  }
  if (!workspace::IsAlive(meta)) {
    return Fail(Errc::kNotFound, fmt::format("the run '{}' left no figures", meta.id),
                "it crashed, or an older ambit made it");
  }
  AMBIT_TRY(const supervise::RunUsageNow now, supervise::ReadUsage(meta, run));
  return Figures{.cpu_ms = now.cpu_ms,
                 .memory = now.memory,
                 .processes = now.processes,
                 .disk = now.disk.bytes,
                 .net_out = now.net_out};
}

std::string ForPeople(const RunMeta& meta, const Figures& figures, const plan::Limits& limits) {
  using policy::Limit;
  const std::string_view when = meta.used ? ", at most" : ", now";
  std::string out;
  const auto line = [&](std::string_view name, std::string_view value) {
    out += fmt::format("{:<22} {}\n", name, value);
  };
  line("run", meta.id);
  line("state", StateOf(meta));
  line("wall clock", OfLimit(Span(WallOf(meta)), limits, Limit::kTime));
  line("processor time", OfLimit(Span(figures.cpu_ms), limits, Limit::kCpuTime));
  line(fmt::format("memory{}", when), OfLimit(Size(figures.memory), limits, Limit::kMemory));
  line(fmt::format("processes{}", when),
       OfLimit(fmt::to_string(figures.processes), limits, Limit::kProcesses));
  line("disk", OfLimit(figures.disk == 0 ? "-" : Size(figures.disk), limits, Limit::kDisk));
  line("sent out", OfLimit(Size(figures.net_out), limits, Limit::kNetOut));
  return out;
}

std::string ForPrograms(const RunMeta& meta, const Figures& figures, const plan::Limits& limits) {
  return fmt::format(
      R"({{"id":"{}","alive":{},"state":"{}","wall_ms":{},"cpu_ms":{},"{}":{},"{}":{},"disk_bytes":{},"net_out_bytes":{},"limits":{}}})"
      "\n",
      meta.id, !meta.used, JsonEscape(StateOf(meta)), WallOf(meta), figures.cpu_ms,
      meta.used ? "memory_peak" : "memory", figures.memory,
      meta.used ? "processes_peak" : "processes", figures.processes, figures.disk, figures.net_out,
      LimitsForPrograms(limits));
}

Status Stats(const StatsFlags& flags) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(const workspace::RunStore store, OpenStore(person));
  AMBIT_TRY(const RunMeta meta, FindRun(store, person, flags.run, flags.directory));
  AMBIT_TRY(const workspace::RunDir run, store.OpenRun(meta.id));
  AMBIT_TRY(const Figures figures, FiguresOf(run, meta));
  AMBIT_TRY(const plan::LaunchPlan plan, PlanOf(run));
  return ToStdout(flags.json ? ForPrograms(meta, figures, plan.limits)
                             : ForPeople(meta, figures, plan.limits));
}

}  // namespace

void AddStats(NewCommand ambit) {
  auto flags = std::make_shared<StatsFlags>();
  NewCommand stats = ambit.AddCommand("stats", "Show what a run uses, or has used");
  stats.AddArgument("run", flags->run, kRunHelp);
  AddDirectoryFlag(stats, flags->directory);
  stats.AddFlag("--json", flags->json, "For programs");
  stats.Does([flags] { return Stats(*flags); });
}

}  // namespace ambit::cli
