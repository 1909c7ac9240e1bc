#include "cli/live_runs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.h"
#include "host/facts.h"
#include "supervise/control_client.h"

namespace ambit::cli {

Result<std::vector<LiveRun>> LiveRuns(const host::Person& person, const std::string& named) {
  AMBIT_TRY(const AllRuns all, ListAllRuns(person));
  std::vector<LiveRun> live;
  for (const workspace::RunEntry& entry : all.runs) {
    if (!entry.meta || !workspace::IsAlive(*entry.meta)) continue;
    if (!named.empty() && entry.id != named) continue;
    if (auto run = all.store->OpenRun(entry.id)) {
      live.push_back({.meta = *entry.meta, .run = *std::move(run)});
    }
  }
  if (!named.empty() && live.empty()) {
    return Fail(Errc::kNotFound, fmt::format("the run '{}' is not going on", Printable(named)),
                "'ambit ps' lists those that are");
  }
  return live;
}

Result<const LiveRun*> RunMeant(const std::vector<LiveRun>& live, const std::string& named,
                                const std::string& directory) {
  if (live.empty()) return Fail(Errc::kNotFound, "no run is going on", "'ambit ps -a' lists all");
  if (!named.empty()) return &live.front();
  const Result<supervise::Place> here = PlaceHere(directory);
  const auto of_project = std::ranges::find_if(
      live, [&](const LiveRun& one) { return here && one.meta.project == here->project.root; });
  if (of_project != live.end()) return &*of_project;
  std::vector<std::string> ids;
  for (const LiveRun& one : live) ids.push_back(one.meta.id);
  return Fail(Errc::kInvalidArgument, "no run of this project is going on",
              fmt::format("name one: {}", fmt::join(ids, ", ")));
}

std::vector<Waiting> WaitingIn(const workspace::RunMeta& meta, const workspace::RunDir& run,
                               std::chrono::seconds patience) {
  std::vector<Waiting> waiting;
  const auto reply =
      supervise::Say(run.fd.get(), {.kind = supervise::ControlKind::kList}, patience);
  if (!reply) return waiting;
  for (const supervise::ControlReply& record : *reply) {
    if (record.kind != supervise::ReplyKind::kQuestion) continue;
    waiting.push_back({.run = meta.id,
                       .target = std::string(supervise::TextIn(record.text)),
                       .question = record.number,
                       .seconds = record.seconds});
  }
  return waiting;
}

Result<std::uint32_t> AskTheRun(const LiveRun& live, const supervise::ControlRequest& request) {
  AMBIT_TRY(const auto reply, supervise::Say(live.run.fd.get(), request));
  const supervise::ControlReply& last = reply.back();
  if (last.kind != supervise::ReplyKind::kFailed) return last.number;
  return Fail(Errc::kDenied, std::string(supervise::TextIn(last.text)),
              std::string(supervise::TextIn(last.remedy)));
}

}  // namespace ambit::cli
