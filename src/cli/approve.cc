// `ambit approve` and `ambit deny`: a person's answer to what a run waits for.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/approved_rules.h"
#include "cli/cli.h"
#include "cli/live_runs.h"
#include "cli/question.h"
#include "cli/run.h"
#include "cli/runs.h"
#include "cli/usage_text.h"
#include "host/facts.h"
#include "policy/net_decision.h"
#include "policy/net_rules.h"
#include "supervise/control_client.h"
#include "supervise/typed_answers.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

using supervise::ControlKind;
using supervise::Scope;

constexpr int kNothingWaits = 1;
constexpr int kBetweenLooksMs = 500;  // --watch

struct AnswerFlags {
  bool allow = true;
  std::string run;
  std::vector<std::string> targets;
  std::string directory;
  bool once = false;
  bool for_run = false;
  bool project = false;
  bool always = false;
  bool watch = false;
  bool json = false;

  [[nodiscard]] Scope scope() const {
    if (always) return Scope::kAlways;
    if (project) return Scope::kProject;
    return once ? Scope::kOnce : Scope::kRun;
  }
  /// The first word may be a run.
  void SortWords() {
    if (workspace::IsRunId(run) || run.empty()) return;
    targets.insert(targets.begin(), run);
    run.clear();
  }
};

/// A run that ends meanwhile waits for nothing.
std::vector<Waiting> WhatWaits(const std::vector<LiveRun>& live) {
  std::vector<Waiting> waiting;
  for (const LiveRun& one : live) {
    std::ranges::move(WaitingIn(one.meta, one.run, supervise::kControlPatience),
                      std::back_inserter(waiting));
  }
  return waiting;
}

std::string_view HowLong(Scope scope) {
  constexpr std::array<std::string_view, 4> kWords = {
      "once", "until the run ends", "in this project, now and later", "in all runs, now and later"};
  return kWords.at(static_cast<std::size_t>(scope));
}

Status Answer(const host::Person& person, const LiveRun& live, bool allow, Scope scope,
              const std::string& target) {
  AMBIT_TRY(const policy::NetRule rule, policy::ParseNetRule(target, {}));
  const std::string text = policy::TextOf(rule);
  AMBIT_TRY([[maybe_unused]] const std::uint32_t answered,
            AskTheRun(live, {.kind = ControlKind::kAnswer,
                             .scope = scope,
                             .allow = static_cast<std::uint8_t>(allow ? 1 : 0),
                             .text = supervise::TextOf(text)}));
  AMBIT_CHECK(
      WriteApproved(person, live.meta.project, {.allow = allow, .scope = scope, .target = text}));
  Say(fmt::format("{}: {} {} {}", live.meta.id, text, allow ? "allowed" : "denied",
                  HowLong(scope)));
  return {};
}

/// Whether `target` answers something that the run waits for.
bool WaitsFor(const LiveRun& live, const policy::NetRule& target) {
  const auto waiting = WaitingIn(live.meta, live.run, supervise::kControlPatience);
  return std::ranges::any_of(waiting, [&](const Waiting& one) {
    const auto asked = policy::ParseNetRule(one.target, {});
    return asked && policy::Covers(target, *asked);
  });
}

/// The newest run that waits for what `target` answers, where none is named: of this project, else
/// of any. nullptr: none does.
const LiveRun* WhoWaits(const AnswerFlags& flags, const std::vector<LiveRun>& live,
                        const policy::NetRule& target) {
  if (!flags.run.empty()) return nullptr;
  const Result<supervise::Place> here = PlaceHere(flags.directory);
  const LiveRun* elsewhere = nullptr;
  for (const LiveRun& one : live) {
    if (!WaitsFor(one, target)) continue;
    if (here && one.meta.project == here->project.root) return &one;
    if (elsewhere == nullptr) elsewhere = &one;
  }
  return elsewhere;
}

/// The run that is meant; of those of this project the one that waits for `target`, if there is
/// one.
Result<const LiveRun*> RunToAnswer(const AnswerFlags& flags, const std::vector<LiveRun>& live,
                                   const LiveRun* waits) {
  if (!flags.run.empty() || waits == nullptr) return RunMeant(live, flags.run, flags.directory);
  const Result<supervise::Place> here = PlaceHere(flags.directory);
  if (here && here->project.root == waits->meta.project) return waits;
  return RunMeant(live, flags.run, flags.directory);
}

/// What was refused, with the run that does wait for it.
Status NameWhoWaits(Error error, const LiveRun& waits, const AnswerFlags& flags,
                    const std::string& target) {
  return Fail(error.code, std::move(error.what),
              fmt::format("run {} of {} waits for it: 'ambit {} {} {}'", waits.meta.id,
                          Printable(waits.meta.project), flags.allow ? "approve" : "deny",
                          waits.meta.id, Printable(target)));
}

/// Without a run that was named: in the project's own, and there where it is waited for.
Status AnswerThat(const host::Person& person, const AnswerFlags& flags,
                  const std::vector<LiveRun>& live, const std::string& target) {
  AMBIT_TRY(const policy::NetRule rule, policy::ParseNetRule(target, {}));
  const LiveRun* waits = WhoWaits(flags, live, rule);
  Status done;
  const Result<const LiveRun*> meant = RunToAnswer(flags, live, waits);
  if (meant) {
    done = Answer(person, **meant, flags.allow, flags.scope(), target);
  } else {
    done = std::unexpected(meant.error());
  }
  const bool elsewhere = !done && waits != nullptr && (!meant || *meant != waits);
  return elsewhere ? NameWhoWaits(done.error(), *waits, flags, target) : done;
}

/// Each that is new is put to the person, once. False: the person has left.
bool AskAboutEach(const host::Person& person, const std::vector<LiveRun>& live,
                  std::set<std::pair<std::string, std::uint32_t>>& seen) {
  for (const Waiting& one : WhatWaits(live)) {
    if (!seen.insert({one.run, one.question}).second) continue;
    (void)::tcflush(STDIN_FILENO, TCIFLUSH);  // typed before it was asked
    auto typed = Ask(fmt::format("{} waits for {} ({} s)\n  {}\n>", one.run, Printable(one.target),
                                 one.seconds, supervise::kTypedAnswers));
    while (typed && !typed->empty() && !supervise::ReadTypedAnswer(*typed)) {
      typed = Ask(fmt::format("{}\n>", supervise::TextForNoAnswer(*typed)));
    }
    if (!typed) return false;
    const auto choice = supervise::ReadTypedAnswer(*typed);
    if (!choice) {
      Say(fmt::format("{} waits on: 'ambit approve {} {}' answers", Printable(one.target), one.run,
                      Printable(one.target)));
      continue;
    }
    const auto run = std::ranges::find(live, one.run, [](const LiveRun& l) { return l.meta.id; });
    // One that was given up meanwhile is no reason to stop asking.
    (void)Report(Answer(person, *run, choice->allow, choice->scope, one.target));
  }
  return true;
}

std::string ForPeople(const std::vector<Waiting>& waiting) {
  std::string text;
  for (const Waiting& one : waiting) {
    text += fmt::format("{}  {:<40}  waits {} s\n", one.run, Printable(one.target), one.seconds);
  }
  return text;
}

std::string ForPrograms(const std::vector<Waiting>& waiting) {
  std::vector<std::string> lines;
  for (const Waiting& one : waiting) {
    lines.push_back(fmt::format(R"({{"run":"{}","question":{},"target":"{}","seconds":{}}})",
                                one.run, one.question, JsonEscape(one.target), one.seconds));
  }
  return fmt::format("[{}]\n", fmt::join(lines, ",\n"));
}

Result<int> ShowWhatWaits(const AnswerFlags& flags, const std::vector<LiveRun>& live) {
  const std::vector<Waiting> waiting = WhatWaits(live);
  if (waiting.empty() && !flags.json) {
    Say(live.empty() ? "no run is going on" : "nothing waits for an answer");
  }
  AMBIT_CHECK(ToStdout(flags.json ? ForPrograms(waiting) : ForPeople(waiting)));
  return waiting.empty() ? kNothingWaits : 0;
}

Result<int> Watch(const host::Person& person, const AnswerFlags& flags) {
  std::set<std::pair<std::string, std::uint32_t>> seen;
  Say(fmt::format("watching {}: whatever waits is asked about; Ctrl-C ends it",
                  flags.run.empty() ? "all your runs" : flags.run));
  for (;;) {
    AMBIT_TRY(const std::vector<LiveRun> live, LiveRuns(person, flags.run));
    if (!AskAboutEach(person, live, seen)) return 0;
    ::poll(nullptr, 0, kBetweenLooksMs);
  }
}

Result<int> AnswerOrShow(AnswerFlags flags) {
  flags.SortWords();
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  const bool at_terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
  if (flags.watch && !at_terminal) {
    return Fail(Errc::kInvalidArgument, "--watch asks at a terminal, and here is none",
                "'ambit approve --json' lists what waits");
  }
  if (flags.watch) return Watch(person, flags);
  AMBIT_TRY(const std::vector<LiveRun> live, LiveRuns(person, flags.run));
  if (!flags.targets.empty()) {
    for (const std::string& target : flags.targets) {
      AMBIT_CHECK(AnswerThat(person, flags, live, target));
    }
    return 0;
  }
  if (!at_terminal || !flags.allow || flags.json || WhatWaits(live).empty())
    return ShowWhatWaits(flags, live);
  std::set<std::pair<std::string, std::uint32_t>> seen;
  (void)AskAboutEach(person, live, seen);
  return 0;
}

void AddAnswer(NewCommand ambit, bool allow) {
  auto flags = std::make_shared<AnswerFlags>();
  flags->allow = allow;
  NewCommand command = ambit.AddCommand(allow ? "approve" : "deny",
                                        allow ? "Allow what a run waits for, or a name from now on"
                                              : "Deny what a run waits for, or a name from now on");
  command.AddArgument("run", flags->run, "The run; the newest one of this project that goes on");
  command.AddArgument("target", flags->targets,
                      allow ? "NAME[:PORT] as --allow takes it; left out: what waits is shown, and "
                              "at a terminal asked about"
                            : "NAME[:PORT] as --deny takes it; left out: what waits is shown");
  AddDirectoryFlag(command, flags->directory);
  command.AddFlag("--once", flags->once, "Only what waits now");
  command.AddFlag("--run", flags->for_run, "Until the run ends (the default)").NotWith({"--once"});
  command.AddFlag("--project", flags->project, "In later runs of this project, too")
      .NotWith({"--once", "--run"});
  command.AddFlag("--always", flags->always, "In all later runs, too")
      .NotWith({"--once", "--run", "--project"});
  if (allow) {
    command.AddFlag("--watch", flags->watch, "Stay, and ask about each as it comes up");
  }
  command.AddFlag("--json", flags->json, "For programs: what waits");
  command.EndHelpWith(
      "Deny wins over allow, and the managed policy bounds what can be allowed. A name that leads "
      "to private addresses needs --private when the run starts, whatever is allowed. --project "
      "and "
      "--always are written to approved.toml files, which 'ambit policy show' names. Exit code 1: "
      "nothing waits.");
  command.Does([flags] { return AnswerOrShow(*flags); });
}

}  // namespace

void AddApprove(NewCommand ambit) { AddAnswer(ambit, true); }
void AddDeny(NewCommand ambit) { AddAnswer(ambit, false); }

}  // namespace ambit::cli
