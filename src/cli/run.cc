#include "supervise/run.h"

#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/after_run.h"
#include "cli/cli.h"
#include "cli/keep_policy.h"
#include "journal/writer.h"

namespace ambit::cli {
namespace {

struct RunFlags {
  std::string directory;
  std::string project = "cow";
  std::vector<std::string> read_only;
  std::vector<std::string> copy_on_write;
  std::vector<std::string> mask;
  std::vector<std::string> hide;
  std::vector<std::string> unmask;
  std::vector<std::string> environment;
  std::vector<std::uint16_t> host_ports;
  bool keep = false;
  bool raw_terminal = false;
  bool quiet = false;
  std::vector<std::string> argv;
};

std::vector<policy::EnvironmentRule> ParseEnvironment(const std::vector<std::string>& flags) {
  std::vector<policy::EnvironmentRule> rules;
  for (const std::string& flag : flags) {
    const std::size_t equals = flag.find('=');
    if (equals == std::string::npos) {
      rules.push_back({.name = flag, .value = std::nullopt});
    } else {
      rules.push_back({.name = flag.substr(0, equals), .value = flag.substr(equals + 1)});
    }
  }
  return rules;
}

std::vector<policy::NamedPath> NamedBy(const char* flag, const std::vector<std::string>& paths) {
  std::vector<policy::NamedPath> named;
  for (const std::string& path : paths) named.push_back({.path = path, .from = flag});
  return named;
}

supervise::RunRequest ToRequest(const RunFlags& flags) {
  supervise::RunRequest request;
  request.directory = flags.directory;
  request.argv = flags.argv;
  request.keep = flags.keep;
  if (flags.raw_terminal) request.showing = supervise::Showing::kUnfiltered;
  request.policy.project = flags.project == "ro"   ? policy::ProjectMode::kReadOnly
                           : flags.project == "rw" ? policy::ProjectMode::kReadWrite
                                                   : policy::ProjectMode::kCopyOnWrite;
  request.policy.read_only = NamedBy("--ro", flags.read_only);
  request.policy.copy_on_write = NamedBy("--cow", flags.copy_on_write);
  request.policy.mask = flags.mask;
  request.policy.hide = flags.hide;
  request.policy.unmask = flags.unmask;
  request.policy.environment = ParseEnvironment(flags.environment);
  request.policy.host_ports = flags.host_ports;
  request.environment = supervise::TakeEnvironment(request.policy);
  return request;
}

void Say(const std::string& text) { std::fputs(("ambit: " + text + "\n").c_str(), stderr); }

std::vector<std::string> NamesOf(const std::vector<std::string>& environment) {
  std::vector<std::string> names;
  for (const std::string& flag : environment) names.push_back(flag.substr(0, flag.find('=')));
  return names;
}

/// What a run without a policy gets, told in three lines; direct writes and an open terminal
/// are one more each.
void TellWhatHolds(const workspace::RunMeta& meta, const RunFlags& flags) {
  Say(fmt::format("run {} in {}: {}", meta.id, Printable(meta.project),
                  flags.project == "ro"   ? "read-only"
                  : flags.project == "rw" ? "writes are on the host at once: no diff, no gate, no "
                                            "undo"
                                          : "changes stay in the run's own layer"));
  if (flags.project == "rw") {
    Say("what your machine runs by itself there (git hooks, .envrc, editor tasks) can be changed");
  }
  Say(fmt::format(
      "{}; /usr read-only, an empty home, {}",
      flags.host_ports.empty()
          ? "no network"
          : fmt::format("no network but the host's port {}", fmt::join(flags.host_ports, ", ")),
      flags.environment.empty() ? "no variable of yours"
                                : fmt::format("with the real value of {} inside",
                                              fmt::join(NamesOf(flags.environment), ", "))));
  if (flags.raw_terminal) {
    Say("your terminal gets every byte that the agent writes: it can set the clipboard and type");
  }
  if (flags.project == "cow") Say(fmt::format("see what it changed with 'ambit diff {}'", meta.id));
}

void WarnOfUnsetVariables(const supervise::RunRequest& request,
                          const supervise::RunObserver& observer) {
  for (const policy::EnvironmentRule& rule : request.policy.environment) {
    if (rule.value || request.environment.contains(rule.name)) continue;
    observer.on_warning(fmt::format("--env {}: it is not set here, so it does not exist inside",
                                    Printable(rule.name)));
  }
}

/// Whether the work of this run may be asked about: it can be reviewed, and its end was its own or
/// the person's at the keyboard. A run that ambit itself cut short, or somebody's kill, is not.
bool EndedForReview(const RunFlags& flags, const supervise::Outcome& outcome) {
  if (flags.quiet || flags.project != "cow") return false;
  if (outcome.cause == supervise::Cause::kExited) return true;
  return outcome.cause == supervise::Cause::kSignaled && outcome.exit_code == 128 + SIGINT;
}

int Execute(const RunFlags& flags) {
  const bool automated = ::getenv("CI") != nullptr;  // some have a terminal and nobody at it
  std::string id;
  const supervise::RunObserver observer{.on_planned =
                                            [&](const workspace::RunMeta& meta) {
                                              id = meta.id;
                                              if (!flags.quiet) TellWhatHolds(meta, flags);
                                            },
                                        .on_warning =
                                            [&](const std::string& text) {
                                              if (!flags.quiet) Say(text);
                                            }};
  const auto open_journal =
      [](const workspace::RunDir& run) -> Result<std::unique_ptr<event::Sink>> {
    return journal::Writer::Create(run.fd.get(), workspace::kJournalFile, run.id);
  };
  const supervise::RunRequest request = ToRequest(flags);
  WarnOfUnsetVariables(request, observer);
  const Result<supervise::Outcome> outcome = supervise::Run(request, open_journal, observer);
  if (!outcome) return Complain(outcome.error().what, outcome.error().remedy);
  if (!outcome->detail.empty() && outcome->cause != supervise::Cause::kSignaled) {
    (void)Complain(outcome->detail, outcome->remedy);
  }
  supervise::GiveBackEnvironment(request.environment);
  if (!automated && EndedForReview(flags, *outcome)) ReviewWithPerson(id);
  if (!flags.quiet) TidyRuns();
  return outcome->exit_code;
}

}  // namespace

void AddRun(CLI::App& app, Action& action) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* run = app.add_subcommand("run", "Run a command in a fresh sandbox");
  run->add_option("-C", flags->directory, "Take this directory as the project")->type_name("DIR");
  run->add_option("--project", flags->project,
                  "cow: changes stay in the run; ro: read-only; rw: the host's tree itself")
      ->check(CLI::IsMember({"cow", "ro", "rw"}))
      ->capture_default_str();
  // allow_extra_args: an option takes one value each time, or it would swallow the "--" after it.
  run->add_option("--ro", flags->read_only, "Show this host path inside, read-only")
      ->type_name("PATH")
      ->allow_extra_args(false);
  run->add_option("--cow", flags->copy_on_write, "Show this host directory inside, copy-on-write")
      ->type_name("PATH")
      ->allow_extra_args(false);
  run->add_option("--mask", flags->mask, "Show these project files with placeholders for values")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  run->add_option("--hide", flags->hide, "Leave these project files, or directories/, out")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  run->add_option("--unmask", flags->unmask, "Show these as they are, though they look secret")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  run->add_option("--env", flags->environment, "Pass this variable, or set it")
      ->type_name("NAME[=VALUE]")
      ->allow_extra_args(false);
  run->add_option("--host-port", flags->host_ports, "127.0.0.1:PORT inside reaches the host's own")
      ->type_name("PORT")
      ->allow_extra_args(false);
  run->add_flag("--keep-run", flags->keep, "Remove this run only when it is named");
  run->add_flag("--raw-terminal", flags->raw_terminal,
                "Show a terminal all that is written, also what makes it act");
  run->add_flag("-q,--quiet", flags->quiet, "Say nothing but errors");
  run->add_option("command", flags->argv, "Command and arguments, after --")->required();
  run->final_callback([flags, &action] { action = [flags] { return Execute(*flags); }; });
}

}  // namespace ambit::cli
