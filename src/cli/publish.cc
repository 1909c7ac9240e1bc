// `ambit publish`: a port of the host leads to a server inside a run that goes on.
#include "supervise/publish.h"

#include <fmt/format.h>

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/cli.h"
#include "cli/live_runs.h"
#include "cli/run.h"
#include "policy/published_port.h"
#include "supervise/control_socket.h"
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

Status Publish(const PublishFlags& flags) {
  AMBIT_TRY(const policy::PublishedPort port, policy::ParsePublishedPort(flags.port()));
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(const std::vector<LiveRun> live, LiveRuns(person, flags.run()));
  AMBIT_TRY(const LiveRun* meant, RunMeant(live, flags.run(), flags.directory));
  AMBIT_TRY(const std::uint32_t bound, AskTheRun(*meant, {.kind = supervise::ControlKind::kPublish,
                                                          .host = port.host,
                                                          .inside = port.inside}));
  Say(fmt::format(
      "{}: {}", meant->meta.id,
      supervise::TellOf({.host = static_cast<std::uint16_t>(bound), .inside = port.inside})));
  return {};
}

}  // namespace

void AddPublish(CLI::App& app, Action& action) {
  auto flags = std::make_shared<PublishFlags>();
  CLI::App* publish =
      app.add_subcommand("publish", "Let a port of this machine lead to a server inside a run");
  publish->add_option("run", flags->first, "The run; the newest one of this project that goes on");
  publish->add_option("port", flags->second,
                      "PORT, or HOST:INSIDE; HOST 0 is any port that is free");
  AddDirectoryOption(*publish, flags->directory);
  publish->final_callback(
      [flags, &action] { action = [flags] { return Report(Publish(*flags)); }; });
}

}  // namespace ambit::cli
