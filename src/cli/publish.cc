// `ambit publish`: a port of the host leads to a server inside a run that goes on.
#include "supervise/publish.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>

#include "cli/cli.h"
#include "cli/live_runs.h"
#include "cli/run.h"
#include "policy/published_port.h"
#include "supervise/control_message.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

struct PublishFlags {
  std::string first;
  std::string second;
  std::string directory;

  /// The run may be left out.
  [[nodiscard]] const std::string& run() const { return second.empty() ? second : first; }
  [[nodiscard]] const std::string& port() const { return second.empty() ? first : second; }
};

/// The run's own words would speak of a flag that nobody typed.
Status CheckIsFree(const workspace::RunMeta& meta, const policy::PublishedPort& port) {
  const auto there = std::ranges::find_if(meta.published, [&](const policy::PublishedPort& one) {
    return port.host != 0 && one.host == port.host;
  });
  if (there == meta.published.end()) return {};
  return Fail(Errc::kInvalidArgument,
              fmt::format("{} publishes port {} of this machine already: {}", meta.id, port.host,
                          supervise::TellOf(*there)),
              *there == port
                  ? std::string()
                  : fmt::format("publish another port: 0:{} takes one that is free", port.inside));
}

Status Publish(const PublishFlags& flags) {
  if (flags.port().empty() || (flags.second.empty() && workspace::IsRunId(flags.first))) {
    return Fail(Errc::kInvalidArgument, "no port is named",
                "as in 'ambit publish 3000', or 8080:3000 for port 3000 inside at 8080 here");
  }
  AMBIT_TRY(const policy::PublishedPort port, policy::ParsePublishedPort(flags.port()));
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(const std::vector<LiveRun> live, LiveRuns(person, flags.run()));
  AMBIT_TRY(const LiveRun* meant, RunMeant(live, flags.run(), flags.directory));
  AMBIT_CHECK(CheckIsFree(meant->meta, port));
  AMBIT_TRY(const std::uint32_t bound, AskTheRun(*meant, {.kind = supervise::ControlKind::kPublish,
                                                          .host = port.host,
                                                          .inside = port.inside}));
  Say(fmt::format(
      "{}: {}", meant->meta.id,
      supervise::TellOf({.host = static_cast<std::uint16_t>(bound), .inside = port.inside})));
  return {};
}

}  // namespace

void AddPublish(NewCommand ambit) {
  auto flags = std::make_shared<PublishFlags>();
  NewCommand publish =
      ambit.AddCommand("publish", "Let a port of this machine lead to a server inside a run");
  publish.AddArgument("run", flags->first, "The run; the newest one of this project that goes on");
  publish.AddArgument("port", flags->second,
                      "PORT, or HOST:INSIDE; HOST 0 is any port that is free");
  AddDirectoryFlag(publish, flags->directory);
  publish.Does([flags] { return Publish(*flags); });
}

}  // namespace ambit::cli
