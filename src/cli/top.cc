#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/runs.h"
#include "cli/usage_text.h"
#include "supervise/run_usage.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kRefresh{2000};
/// Between the two looks that tell how busy a run is.
constexpr milliseconds kBetween{250};

struct Row {
  workspace::RunMeta meta;
  plan::Limits limits;
  supervise::RunUsageNow now;
  Clock::time_point at{};
  std::uint64_t percent = 0;  // of one processor
};
using Rows = std::map<std::string, Row>;

/// Runs whose processes cannot be looked at any more have ended meanwhile.
Result<Rows> Look(const host::Person& person, const Rows& before) {
  Rows rows;
  AMBIT_TRY(const AllRuns all, ListAllRuns(person));
  for (const workspace::RunEntry& entry : all.runs) {
    if (!entry.meta || !workspace::IsAlive(*entry.meta)) continue;
    const auto run = all.store->OpenRun(entry.id);
    if (!run) continue;
    const auto usage = supervise::ReadUsage(*entry.meta, *run);
    const auto plan = PlanOf(*run);
    if (!usage || !plan) continue;
    Row row{.meta = *entry.meta, .limits = plan->limits, .now = *usage, .at = Clock::now()};
    if (const auto it = before.find(entry.id); it != before.end()) {
      const auto wall = std::chrono::duration_cast<milliseconds>(row.at - it->second.at).count();
      const std::uint64_t cpu = row.now.cpu_ms - std::min(row.now.cpu_ms, it->second.now.cpu_ms);
      if (wall > 0) row.percent = cpu * 100 / static_cast<std::uint64_t>(wall);
    }
    rows.emplace(entry.id, std::move(row));
  }
  return rows;
}

std::string ForPeople(const Rows& rows) {
  using policy::Limit;
  std::string out = fmt::format("{:<10}  {:>9}  {:>5}  {:>20}  {:>12}  {:>20}  {:>20}  {}\n", "RUN",
                                "TIME", "CPU%", "MEMORY", "PROCESSES", "DISK", "SENT", "COMMAND");
  for (const auto& [id, row] : rows) {
    out += fmt::format(
        "{:<10}  {:>9}  {:>5}  {:>20}  {:>12}  {:>20}  {:>20}  {}\n", id, Span(WallOf(row.meta)),
        row.percent, OfLimit(Size(row.now.memory), row.limits, Limit::kMemory),
        OfLimit(fmt::to_string(row.now.processes), row.limits, Limit::kProcesses),
        OfLimit(Size(row.now.disk.bytes), row.limits, Limit::kDisk),
        OfLimit(Size(row.now.net_out), row.limits, Limit::kNetOut), CommandLine(row.meta));
  }
  return out;
}

std::string ForPrograms(const Rows& rows) {
  std::vector<std::string> lines;
  for (const auto& [id, row] : rows) {
    lines.push_back(fmt::format(
        R"({{"id":"{}","wall_ms":{},"cpu_ms":{},"cpu_percent":{},"memory":{},"processes":{},"disk_bytes":{},"disk_entries":{},"net_out_bytes":{},"limits":{},"project":"{}"}})",
        id, WallOf(row.meta), row.now.cpu_ms, row.percent, row.now.memory, row.now.processes,
        row.now.disk.bytes, row.now.disk.entries, row.now.net_out, LimitsForPrograms(row.limits),
        JsonEscape(row.meta.project)));
  }
  return fmt::format("[{}]\n", fmt::join(lines, ",\n"));
}

Status Top(bool json) {
  constexpr const char* kClear = "\033[H\033[J";
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(Rows rows, Look(person, {}));
  const bool live = !json && ::isatty(STDOUT_FILENO) == 1;
  for (milliseconds pause = kBetween;; pause = kRefresh) {
    if (!rows.empty() || live) ::poll(nullptr, 0, static_cast<int>(pause.count()));
    AMBIT_TRY(rows, Look(person, rows));
    AMBIT_CHECK(ToStdout(json ? ForPrograms(rows) : (live ? kClear : "") + ForPeople(rows)));
    if (!live) return {};
  }
}

}  // namespace

void AddTop(NewCommand ambit) {
  auto json = std::make_shared<bool>(false);
  NewCommand top = ambit.AddCommand("top", "Show what the runs that are alive use");
  top.AddFlag("--json", *json, "For programs");
  top.Does([json] { return Top(*json); });
}

}  // namespace ambit::cli
