#include "cli/run.h"

#include <errno.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <memory>
#include <ranges>

#include "base/text.h"
#include "cli/after_run.h"
#include "cli/approved_rules.h"
#include "cli/cli.h"
#include "cli/keep_policy.h"
#include "cli/run_summary.h"
#include "cli/shell_inside.h"
#include "host/inside_run.h"
#include "journal/writer.h"
#include "policy/net_words.h"
#include "review/unfinished_apply.h"
#include "supervise/certificates.h"
#include "supervise/publish.h"
#include "supervise/unheld_line.h"

namespace ambit::cli {
namespace {

/// Which variables cross with the person's own value, and which were given another one.
std::string FateOfVariables(const supervise::RunRequest& request) {
  std::vector<std::string> passed;
  std::vector<std::string> set;
  for (const policy::EnvironmentRule& rule : request.policy.environment) {
    if (rule.of_preset) continue;
    if (rule.value) {
      set.push_back(rule.name);
    } else if (request.environment.contains(rule.name)) {
      passed.push_back(rule.name);
    }
  }
  const std::string as_set = set.empty() ? "" : fmt::format("{} as set", fmt::join(set, ", "));
  if (passed.empty()) return "no variable of yours" + (set.empty() ? "" : ", with " + as_set);
  return fmt::format("with the real value of {} inside{}", fmt::join(passed, ", "),
                     set.empty() ? "" : ", and " + as_set);
}

std::string_view FateOfChanges(policy::ProjectMode mode) {
  switch (mode) {
    case policy::ProjectMode::kReadOnly:
      return "read-only";
    case policy::ProjectMode::kReadWrite:
      return "writes are on the host at once: no diff, no gate, no undo";
    case policy::ProjectMode::kCopyOnWrite:
      return "changes stay in the run's own layer";
  }
  return {};
}

/// The host's, when names are reached through one.
std::string ThroughProxy(const supervise::RunRequest& request) {
  if (request.policy.net.allow.empty() && !request.policy.net.ask) return {};
  const auto proxy = plan::ProxyOf(request.environment);
  return proxy && *proxy ? fmt::format(" through proxy {}", plan::TextOf(**proxy)) : std::string();
}

/// "example.com, *.pypi.org and 12 more".
std::string FirstOf(const std::vector<policy::NetRule>& rules) {
  constexpr std::size_t kMostNamed = 3;
  std::vector<std::string> names;
  for (const policy::NetRule& rule : rules | std::views::take(kMostNamed)) {
    names.push_back(policy::TextOf(rule));
  }
  const std::string more = rules.size() > kMostNamed
                               ? fmt::format(" and {} more", rules.size() - kMostNamed)
                               : std::string();
  return fmt::format("{}{}", fmt::join(names, ", "), more);
}

/// Whether somebody denies for this run, and may take a denial for all that there is to say: a
/// flag, or a file that a flag names.
bool IsDeniedForThisRun(const policy::Merged& merged) {
  const policy::Setting* denied = merged.Find("net.deny");
  return denied != nullptr && std::ranges::any_of(denied->items, [](const policy::Item& item) {
           return item.origin.source == policy::SourceKind::kFlags ||
                  item.origin.source == policy::SourceKind::kFile;
         });
}

/// "no network", and why where that surprises.
std::string NoNetwork(const policy::Policy& policy, const policy::Merged& merged) {
  if (!policy.net.allow.empty()) return "no network (all that is allowed is denied, and deny wins)";
  if (!policy.publish.empty() || !IsDeniedForThisRun(merged)) return "no network";
  return "no network (what is denied allows nothing else: --allow NAME)";
}

/// "no network but *.example.com (not a.example.com), the host's port 5432".
std::string NetworkOf(const supervise::RunRequest& request, const policy::Merged& merged) {
  const policy::Policy& policy = request.policy;
  const auto reachable =
      policy::StrongestFirst(policy::Reachable(policy.net), merged.Find("net.allow"));
  std::vector<std::string> parts;
  if (!reachable.empty()) {
    const auto denied = policy::StrongestFirst(policy::DeniedWithin(policy.net, reachable),
                                               merged.Find("net.deny"));
    parts.push_back(FirstOf(reachable) +
                    (denied.empty() ? "" : fmt::format(" (not {})", FirstOf(denied))));
  }
  if (!policy.host_ports.empty()) {
    parts.push_back(fmt::format("the host's port {}", fmt::join(policy.host_ports, ", ")));
  }
  if (policy.net.ask) parts.emplace_back("what you approve ('ambit approve --watch' asks)");
  if (parts.empty()) return NoNetwork(policy, merged);
  return fmt::format("no network but {}{}", fmt::join(parts, ", "), ThroughProxy(request));
}

/// What a run without a policy gets, told in three lines; what is more than that is one more.
void TellWhatHolds(const workspace::RunMeta& meta, const EffectivePolicy& effective,
                   const supervise::RunRequest& request) {
  const policy::Policy& policy = request.policy;
  Say(fmt::format("run {} in {}: {}", meta.id, Printable(meta.project),
                  FateOfChanges(policy.project)));
  if (policy.project == policy::ProjectMode::kReadWrite) {
    Say("what your machine runs by itself there (git hooks, .envrc, editor tasks) can be changed");
  }
  if (!effective.loaded.presets.empty()) {
    Say(fmt::format("preset {}{}", fmt::join(effective.loaded.presets, ", "),
                    effective.loaded.command_preset.empty()
                        ? ""
                        : " (--no-preset leaves out what the command's name chooses)"));
  }
  Say(fmt::format("{}; /usr read-only, an empty home, {}",
                  NetworkOf(request, effective.loaded.merged), FateOfVariables(request)));
  for (const policy::PublishedPort& port : meta.published) Say(supervise::TellOf(port));
  if (request.showing == supervise::Showing::kUnfiltered) {
    Say("your terminal gets every byte that the agent writes: it can set the clipboard and type");
  }
  if (policy.project == policy::ProjectMode::kCopyOnWrite) {
    Say(fmt::format("see what it changed with 'ambit diff {}'", meta.id));
  }
}

void WarnOfUnsetVariables(const supervise::RunRequest& request,
                          const supervise::RunObserver& observer) {
  for (const policy::EnvironmentRule& rule : request.policy.environment) {
    if (rule.value || request.environment.contains(rule.name)) continue;
    observer.on_warning(fmt::format("{} {}: it is not set here, so it does not exist inside",
                                    rule.from, Printable(rule.name)));
  }
}

bool WasInterrupted(const supervise::Outcome& outcome) {
  return outcome.cause == supervise::Cause::kSignaled && outcome.exit_code == 128 + SIGINT;
}

/// A shell goes on with its loop after a command that ended with 130, and leaves it after one that
/// died of SIGINT, which is 130 in `$?` as well (bash, jobs.c: WTERMSIG of the foreground job). No
/// shell makes anything of another signal than what the exit code says, and SIGQUIT would leave a
/// core of ambit.
void DieOfInterrupt() {
  std::fflush(nullptr);
  ::signal(SIGINT, SIG_DFL);
  sigset_t interrupt{};
  ::sigemptyset(&interrupt);
  ::sigaddset(&interrupt, SIGINT);
  ::sigprocmask(SIG_UNBLOCK, &interrupt, nullptr);
  ::raise(SIGINT);
}

/// Whether the work of this run may be asked about: it can be reviewed, and its end was its own or
/// the person's at the keyboard. A run that ambit itself cut short, or somebody's kill, is not.
bool EndedForReview(const RunFlags& flags, const EffectivePolicy& effective,
                    const supervise::Outcome& outcome) {
  if (flags.quiet || effective.policy.project != policy::ProjectMode::kCopyOnWrite) return false;
  if (outcome.cause == supervise::Cause::kExited) return true;
  return WasInterrupted(outcome);
}

/// With a person to review it with, the review tells of the changes.
void TellTheEnd(const RunFlags& flags, const Ended& ended, bool for_review) {
  if (for_review && CanReviewWithPerson()) {
    TellWhatWasRefused(ended);
    ReviewWithPerson(ended.id);
  } else if (!flags.quiet) {
    TellHowItWent(ended);
  }
}

/// A call that is missing is a matter of the kernel, not of the policy.
int TellWhyNothingBegan(const Error& error) {
  if (error.sys_errno != ENOSYS) return Complain(error.what, error.remedy);
  const supervise::Outcome missing = supervise::SetupFailed(host::Primitive::kInit, error);
  return Complain(missing.detail, missing.remedy);
}

}  // namespace

void Say(const std::string& text) { std::fputs(("ambit: " + text + "\n").c_str(), stderr); }

void TellWhatIsLeftOut(const EffectivePolicy& effective) {
  for (const std::string& entry : effective.policy.left_out) Say(entry);
  const auto untrusted = [](const policy::LeftOut& one) {
    return one.item.origin.source == policy::SourceKind::kProject;
  };
  if (std::ranges::any_of(effective.loaded.merged.left_out, untrusted)) {
    Say("'ambit trust' shows what the project's file asks for, and trusts it");
  }
}

void RunFlags::AddTo(NewCommand command) {
  policy.AddTo(command);
  command.AddFlag("--keep-run", keep, "Remove this run only when it is named");
  command.AddFlag("--raw-terminal", raw_terminal,
                  "Show a terminal all that is written, also what makes it act");
  command.AddFlag("-q,--quiet", quiet, "Say nothing but errors");
}

supervise::RunRequest RequestFor(const RunFlags& flags, const EffectivePolicy& effective) {
  supervise::RunRequest request;
  request.place = effective.place;
  request.argv = flags.argv;
  request.keep = flags.keep;
  if (flags.raw_terminal) request.showing = supervise::Showing::kUnfiltered;
  request.may_begin = review::RefuseWhileApplying;
  request.policy = effective.policy;
  request.proxy_login = supervise::TakeProxyLogin();
  request.environment = supervise::TakeEnvironment(request.policy);
  const policy::NetRules& net = request.policy.net;
  if (!net.allow.empty() || net.ask) {
    const auto warn = [&](const std::string& text) {
      if (!flags.quiet) Say(text);
    };
    supervise::AddCertificates(request.environment, request.place.project.root, warn,
                               request.policy);
  }
  return request;
}

Result<plan::LaunchPlan> PlanOf(const EffectivePolicy& effective,
                                const std::vector<std::string>& argv, bool tell_every_pattern) {
  RunFlags run;
  run.argv = argv.empty() ? std::vector<std::string>{"true"} : argv;
  supervise::RunRequest request = RequestFor(run, effective);
  request.tell_every_pattern = tell_every_pattern;
  AMBIT_TRY(supervise::Preview preview,
            supervise::PlanRun(request, {.on_planned = {}, .on_warning = Say}));
  return std::move(preview.plan);
}

int ExecuteRun(const RunFlags& flags) {
  const bool automated = ::getenv("CI") != nullptr;  // some have a terminal and nobody at it
  if (host::IsInsideRun()) return Complain(host::kInsideRun, host::kInsideRunRemedy);
  const Result<EffectivePolicy> effective = FindPolicy(flags.policy, flags.argv.front());
  if (!effective) return TellWhyNothingBegan(effective.error());
  const supervise::RunRequest request = RequestFor(flags, *effective);
  Ended ended;
  const auto begun = std::chrono::steady_clock::now();
  const supervise::RunObserver observer{
      .on_planned =
          [&](const workspace::RunMeta& meta) {
            ended.id = meta.id;
            if (!flags.quiet) TellWhatHolds(meta, *effective, request);
          },
      .on_warning =
          [&](const std::string& text) {
            if (!flags.quiet) Say(text);
          },
      .on_answered =
          [&](const supervise::Approvals::Verdict& verdict) {
            return WriteApproved(effective->place.person, effective->place.project.root, verdict);
          },
      .on_waiting =
          [&](const std::string& what) {
            if (!flags.quiet) {
              (void)supervise::WriteUnheld(STDERR_FILENO, fmt::format("ambit: {}\n", what));
            }
          },
      .on_ended = [&](const supervise::Refused& refused) { ended.refused = refused; }};
  const auto open_journal =
      [](const workspace::RunDir& run) -> Result<std::unique_ptr<event::Sink>> {
    AMBIT_TRY(const auto key, journal::SigningKey::LoadOrMake(journal::KeyDirectoryOf(run.path)));
    return journal::Writer::Create(run.fd.get(), workspace::kJournalFile, run.id, key);
  };
  if (!flags.quiet) {
    TellWhatIsLeftOut(*effective);
    for (const std::string& note : effective->loaded.notes) Say(note);
  }
  WarnOfUnsetVariables(request, observer);
  const Result<supervise::Outcome> outcome = supervise::Run(request, open_journal, observer);
  if (!outcome) return Complain(outcome.error().what, outcome.error().remedy);
  if (!outcome->detail.empty() && outcome->cause != supervise::Cause::kSignaled) {
    (void)Complain(outcome->detail, outcome->remedy);
  }
  supervise::GiveBackEnvironment(request.environment);
  ended.outcome = *outcome;
  ended.took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begun);
  TellTheEnd(flags, ended, !automated && EndedForReview(flags, *effective, *outcome));
  if (!flags.quiet) TidyRuns();
  if (WasInterrupted(*outcome)) DieOfInterrupt();  // everything is as it was, and on record
  return outcome->exit_code;
}

void AddRun(NewCommand ambit) {
  auto flags = std::make_shared<RunFlags>();
  NewCommand run = ambit.AddCommand("run", "Run a command in a fresh sandbox");
  flags->AddTo(run);
  run.AddArgument("command", flags->argv, "Command and arguments, after --").Required();
  run.Does([flags] { return ExecuteRun(*flags); });
}

void AddShell(NewCommand ambit) {
  auto flags = std::make_shared<RunFlags>();
  NewCommand shell = ambit.AddCommand("shell", "Start your shell in a fresh sandbox");
  flags->AddTo(shell);
  shell.Does([flags]() -> Result<int> {
    AMBIT_TRY(const EffectivePolicy effective, FindPolicy(flags->policy, ""));
    std::vector<policy::NamedPath> shown = effective.policy.read_only;
    std::ranges::copy(effective.policy.copy_on_write, std::back_inserter(shown));
    flags->argv = {ShellInside(shown), "-i"};
    return ExecuteRun(*flags);
  });
}

}  // namespace ambit::cli
