#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/live_runs.h"
#include "cli/runs.h"
#include "review/unfinished_apply.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

struct PsFlags {
  bool all = false;
  bool json = false;
};

/// "  (127.0.0.1:8080 to 80)"; of a run that is over nothing is published.
std::string PublishedNow(const workspace::RunMeta& meta) {
  std::vector<std::string> ports;
  for (const policy::PublishedPort& port : meta.published) {
    ports.push_back(fmt::format("127.0.0.1:{} to {}", port.host, port.inside));
  }
  if (ports.empty() || !workspace::IsAlive(meta)) return {};
  return fmt::format("  ({})", fmt::join(ports, ", "));
}

/// Of a run that goes on, what it waits for.
std::vector<Waiting> WaitingNow(const workspace::RunDir& run, const workspace::RunMeta& meta) {
  return workspace::IsAlive(meta) ? WaitingIn(meta, run) : std::vector<Waiting>();
}

std::string StateNow(const workspace::RunDir& run, const workspace::RunMeta& meta) {
  return WaitingNow(run, meta).empty() ? StateAndWorkOf(run, meta) : "waits for an answer";
}

std::string RowOf(const workspace::RunStore& store, const workspace::RunEntry& entry) {
  if (!entry.meta) {
    return fmt::format("{}  {:<22}  {}\n", entry.id, "broken", Printable(entry.meta.error().what));
  }
  const auto run = store.OpenRun(entry.id);
  return fmt::format("{}  {:<22}  {:<19}  {}  {}{}\n", entry.id,
                     run ? StateNow(*run, *entry.meta) : "gone", LocalTime(entry.meta->started_ns),
                     Printable(entry.meta->project), CommandLine(*entry.meta),
                     PublishedNow(*entry.meta));
}

std::string JsonOf(const workspace::RunStore& store, const workspace::RunEntry& entry) {
  if (!entry.meta) {
    return fmt::format(R"({{"id":"{}","state":"broken","alive":false,"error":"{}"}})", entry.id,
                       JsonEscape(entry.meta.error().what));
  }
  const auto run = store.OpenRun(entry.id);
  std::vector<std::string> words;
  for (const std::string& word : entry.meta->argv) {
    words.push_back(fmt::format("\"{}\"", JsonEscape(word)));
  }
  std::vector<std::string> ports;
  for (const policy::PublishedPort& port : entry.meta->published) {
    ports.push_back(fmt::format(R"({{"host":{},"inside":{}}})", port.host, port.inside));
  }
  std::vector<std::string> waits;
  for (const Waiting& one : run ? WaitingNow(*run, *entry.meta) : std::vector<Waiting>()) {
    waits.push_back(fmt::format("\"{}\"", JsonEscape(one.target)));
  }
  return fmt::format(
      R"({{"id":"{}","state":"{}","alive":{},"unfinished":"{}","started_ns":{},"project":"{}","argv":[{}],"published":[{}],"waits":[{}]}})",
      entry.id, JsonEscape(run ? StateAndWorkOf(*run, *entry.meta) : "gone"),
      workspace::IsAlive(*entry.meta),
      run ? review::WordsFor(review::UnfinishedOf(*run, *entry.meta)) : "", entry.meta->started_ns,
      JsonEscape(entry.meta->project), fmt::join(words, ","), fmt::join(ports, ","),
      fmt::join(waits, ","));
}

Status List(const PsFlags& flags) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(AllRuns all, ListAllRuns(person));
  std::erase_if(all.runs, [&](const workspace::RunEntry& run) {
    return !flags.all && !(run.meta && workspace::IsAlive(*run.meta));
  });
  std::string out;
  if (flags.json) {
    std::vector<std::string> rows;
    for (const workspace::RunEntry& run : all.runs) rows.push_back(JsonOf(*all.store, run));
    out = fmt::format("[{}]\n", fmt::join(rows, ",\n"));
  } else {
    out =
        fmt::format("{:<10}  {:<22}  {:<19}  {}\n", "RUN", "STATE", "STARTED", "PROJECT  COMMAND");
    for (const workspace::RunEntry& run : all.runs) out += RowOf(*all.store, run);
  }
  return ToStdout(out);
}

}  // namespace

void AddPs(NewCommand ambit) {
  auto flags = std::make_shared<PsFlags>();
  NewCommand ps = ambit.AddCommand("ps", "List the runs that are alive");
  ps.AddFlag("-a,--all", flags->all, "All runs, newest first");
  ps.AddFlag("--json", flags->json, "For programs");
  ps.Does([flags] { return List(*flags); });
}

}  // namespace ambit::cli
