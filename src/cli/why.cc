#include "plan/why.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/path.h"
#include "base/text.h"
#include "cli/audit.h"
#include "cli/cli.h"
#include "cli/effective_policy.h"
#include "cli/live_runs.h"
#include "cli/net_way.h"
#include "cli/run.h"
#include "cli/run_journal.h"
#include "cli/runs.h"
#include "cli/why_record.h"
#include "host/facts.h"
#include "plan/target.h"
#include "sys/file.h"

namespace ambit::cli {
namespace {

constexpr std::size_t kMostMaskBytes = 1U << 20;
constexpr std::size_t kMostKeys = 20;
constexpr int kNothingRefused = 1;
constexpr std::size_t kMostShown = 20;  // to people

struct WhyFlags {
  std::string run;
  std::string directory;
  std::string path;
  std::string host;
  bool newest = false;
  bool json = false;
};

/// What is told of one thing.
struct Told {
  plan::Answer answer;
  std::string but = {};  // it was allowed, and this is what it failed of
  bool waits = false;    // for a person, who has not said yet
};

/// The absolute path of what was typed: links are followed as far as it exists.
Result<std::string> PathOf(const std::string& typed) {
  if (typed.empty()) return Fail(Errc::kInvalidArgument, "--path is empty", "name a path");
  if (typed.starts_with('/')) return host::ResolveWhatExists(typed);
  AMBIT_TRY(const std::string here, host::RealPath("."));
  return host::ResolveWhatExists(here + "/" + typed);
}

/// The names of the keys in what a run saw of a secret file: placeholders are behind them, and
/// nothing of that is read here.
std::vector<std::string> KeysIn(const workspace::RunDir& run, const std::string& shown) {
  std::vector<std::string> keys;
  const auto text = shown.empty() ? Fail(Errc::kNotFound, "")
                                  : sys::ReadSmallFile(run.fd.get(), shown.c_str(), kMostMaskBytes);
  if (!text) return keys;
  for (std::string_view rest = *text; !rest.empty() && keys.size() < kMostKeys;) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos && !line.starts_with('#')) {
      keys.push_back(Printable(line.substr(0, equals)));
    }
  }
  return keys;
}

std::string RuleOf(const plan::Answer& answer, const workspace::RunDir& run) {
  const std::vector<std::string> keys = KeysIn(run, answer.shown_in_place);
  return answer.rule + (keys.empty() ? "" : fmt::format("; its keys: {}", fmt::join(keys, ", ")));
}

/// "a connection to example.com port 443 (3 times), 2026-01-31 23:59:59".
template <class What>
std::string WhatAndWhen(const OnRecord<What>& one) {
  return fmt::format("{}, {}", event::WithTimes(one.what.what, one.times), LocalTime(one.time_ns));
}

plan::Answer AnswerOf(const OnRecord<event::Refusal>& one) {
  return {.refused = true, .what = WhatAndWhen(one), .rule = one.what.rule, .way = one.what.way};
}

/// How the run was made, with the rules that a person gave while it went on.
Result<plan::LaunchPlan> PlanWithAnswers(const workspace::RunDir& run, const WhyRecord& record) {
  AMBIT_TRY(plan::LaunchPlan plan, PlanOf(run));
  std::ranges::copy(record.answers.allow, std::back_inserter(plan.network.rules.allow));
  std::ranges::copy(record.answers.deny, std::back_inserter(plan.network.rules.deny));
  return plan;
}

/// What the journal says of each, and what the plan adds of the way out.
Status TellRefused(const WhyRecord& record, const JournalOfRun& opened, std::vector<Told>& told) {
  if (record.refused.empty()) return {};
  AMBIT_TRY(const plan::LaunchPlan plan, PlanWithAnswers(opened.run, record));
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  const NetWay net_way(opened.meta, plan.network, person);
  for (const auto& one : record.refused) {
    plan::Answer& answer = told.emplace_back(AnswerOf(one)).answer;
    if (!one.what.host.empty()) {
      net_way.Mend({.host = one.what.host, .port = one.what.port}, answer);
    } else if (answer.way.empty() && !one.what.path.empty()) {
      answer.way = plan::WhyPath(plan, one.what.path).way;
    }
  }
  return {};
}

void TellFailed(const WhyRecord& record, std::vector<Told>& told) {
  for (const auto& one : record.failed) {
    told.push_back({.answer = {.refused = false, .what = WhatAndWhen(one), .rule = {}, .way = {}},
                    .but = one.what.why});
  }
}

/// What a run that goes on waits for.
void TellWaiting(const JournalOfRun& opened, std::vector<Told>& told) {
  if (!workspace::IsAlive(opened.meta)) return;
  for (const Waiting& one : WaitingIn(opened.meta, opened.run)) {
    told.push_back(
        {.answer = {.refused = false,
                    .what = fmt::format("a connection to {}, for {} s", one.target, one.seconds),
                    .rule = "no rule names it, and the policy says to ask (net.ask)",
                    .way = fmt::format("ambit approve {} {}", one.run, one.target)},
         .waits = true});
  }
}

/// What ended the run was a refusal as well, when its command could not be started or a wall not be
/// built. `detail` is what was told then.
Result<plan::Answer> AnswerOfTheEnd(const JournalOfRun& opened, const std::string& detail) {
  const workspace::RunMeta& meta = opened.meta;
  const std::string cause = meta.outcome ? meta.outcome->cause : "";
  if (cause == "not-found" || cause == "not-executable" || cause == "setup-failed") {
    return plan::Answer{.refused = true,
                        .what = fmt::format("the start of run {}: {}", meta.id, cause),
                        .rule = detail,
                        .way = {}};
  }
  AMBIT_TRY(const plan::LaunchPlan plan, PlanOf(opened.run));
  if (!plan.network.HasNames() && plan.network.host_ports.empty()) {
    return plan::Answer{
        .refused = false,
        .what = fmt::format("all of run {}: it was refused nothing that is on record. It had no "
                            "network, as no rule names a host (what does not exist inside, and "
                            "connections of such a run, are on no record: ask with --path or "
                            "--host)",
                            meta.id),
        .rule = {},
        .way = "--allow NAME"};
  }
  return plan::Answer{
      .refused = false,
      .what = fmt::format(
          "all of run {}: it was refused nothing that is on record (what does not exist inside, "
          "and UDP, are on none, and ports that no rule allows only where the kernel tells of "
          "them: ask with --path or --host)",
          meta.id),
      .rule = {},
      .way = {}};
}

/// All on record, each kind the newest first: what waits, what was refused, what failed.
Result<std::vector<Told>> AskForAll(const WhyFlags& flags, const JournalOfRun& opened) {
  AMBIT_TRY(WhyRecord record, ReadWhyRecord(opened, {}, {}));
  std::vector<Told> told;
  if (flags.newest && !record.refused.empty()) {
    record.refused.resize(1);
    AMBIT_CHECK(TellRefused(record, opened, told));
    return told;
  }
  TellWaiting(opened, told);
  AMBIT_CHECK(TellRefused(record, opened, told));
  TellFailed(record, told);
  if (told.empty()) {
    AMBIT_TRY(plan::Answer answer, AnswerOfTheEnd(opened, record.end));
    told.push_back({.answer = std::move(answer)});
  }
  return told;
}

/// Whether the project's file, which is not trusted, allows what nobody else does.
bool WouldHoldIfTrusted(const workspace::RunMeta& meta, const plan::Target& target) {
  const auto allows = [&](TrustIn trust) {
    const auto effective = ReadPolicyHere(PolicyFlags(meta.project),
                                          meta.argv.empty() ? "" : meta.argv.front(), trust);
    if (!effective || !effective->loaded.mistakes.empty()) return false;
    const auto decision = plan::DecisionOn(effective->policy.net, target);
    return decision && decision->allowed;
  };
  return allows(TrustIn::kEverything) && !allows(TrustIn::kRecord);
}

void NameTrust(const workspace::RunMeta& meta, const plan::Target& target, plan::Answer& answer) {
  if (!answer.refused || !answer.way.contains("--allow ") || !WouldHoldIfTrusted(meta, target)) {
    return;
  }
  answer.way +=
      "; or 'ambit trust': the project's ambit.toml allows it and is not trusted, so it does not "
      "hold";
}

/// What the plan says of a path or a host, or, where it is on record as refused, the record.
Result<std::vector<Told>> AskForOne(const WhyFlags& flags, const JournalOfRun& opened) {
  std::string path;
  plan::Target target;
  if (!flags.path.empty()) {
    AMBIT_TRY(path, PathOf(flags.path));
  } else {
    AMBIT_TRY(target, plan::ReadTypedTarget(flags.host));
  }
  AMBIT_TRY(WhyRecord record, ReadWhyRecord(opened, path, target));
  AMBIT_TRY(const plan::LaunchPlan plan, PlanWithAnswers(opened.run, record));
  plan::Answer planned = path.empty() ? plan::WhyHost(plan, flags.host) : plan::WhyPath(plan, path);
  planned.rule = RuleOf(planned, opened.run);
  const bool allowed_since = !planned.refused && !record.answers.allow.empty();
  std::vector<Told> told;
  told.push_back({.answer = std::move(planned)});
  if (!record.refused.empty() && !allowed_since) {
    OnRecord<event::Refusal>& newest = record.refused.front();
    // An address of the loopback is as good as another.
    for (const auto& older : record.refused | std::views::drop(1)) newest.times += older.times;
    plan::Answer answer = AnswerOf(newest);
    if (answer.way.empty()) answer.way = told.front().answer.way;
    told.front().answer = std::move(answer);
  }
  if (path.empty()) {
    AMBIT_TRY(const host::Person person, host::ReadPerson());
    NetWay(opened.meta, plan.network, person).Mend(target, told.front().answer);
    NameTrust(opened.meta, target, told.front().answer);
  }
  TellFailed(record, told);
  return told;
}

std::string ForPeople(const Told& told) {
  const plan::Answer& answer = told.answer;
  const std::string_view verb = told.waits ? "waits  " : answer.refused ? "refused" : "allowed";
  std::string text = fmt::format("{} {}\n", verb, Printable(answer.what));
  if (!answer.rule.empty()) text += "because " + Printable(answer.rule) + "\n";
  if (!told.but.empty()) text += "but     " + Printable(told.but) + "\n";
  if (!answer.way.empty()) return text + "allow   " + Printable(answer.way) + "\n";
  return answer.refused ? text + "nothing allows it\n" : text;
}

std::string ForPrograms(const Told& told) {
  const plan::Answer& answer = told.answer;
  return fmt::format(
      R"({{"refused":{},"what":"{}","rule":"{}","allow":"{}","failed":"{}","waits":{}}})"
      "\n",
      answer.refused, JsonEscape(answer.what), JsonEscape(answer.rule), JsonEscape(answer.way),
      JsonEscape(told.but), told.waits);
}

/// Of what was refused and of what failed the newest; that there is more goes to stderr.
std::string ForPeople(const std::vector<Told>& all) {
  std::string text;
  std::size_t refused = 0;
  std::size_t failed = 0;
  for (const Told& told : all) {
    if (told.answer.refused && ++refused > kMostShown) continue;
    if (!told.but.empty() && ++failed > kMostShown) continue;
    text += (text.empty() ? "" : "\n") + ForPeople(told);
  }
  if (refused > kMostShown) Say("more was refused: 'ambit audit show --denied' has all");
  if (failed > kMostShown) Say("more has failed: 'ambit audit show --type egress.connect' has all");
  return text;
}

/// A path or a host in the place of the run is what is asked about: a run's name begins like none.
WhyFlags AsMeant(WhyFlags flags) {
  const bool asks = !flags.path.empty() || !flags.host.empty() || flags.newest;
  const bool like_a_run =
      flags.run.starts_with("r-") && flags.run.find_first_of("/.:") == std::string::npos;
  if (asks || flags.run.empty() || like_a_run) return flags;
  const bool url = flags.run.contains("://");
  std::error_code error;
  const bool is_path = flags.run.contains('/') || flags.run.starts_with('.') ||
                       std::filesystem::exists(flags.run, error);
  (is_path && !url ? flags.path : flags.host) = std::exchange(flags.run, {});
  return flags;
}

Result<int> Why(const WhyFlags& given) {
  const WhyFlags flags = AsMeant(given);
  AMBIT_TRY(const JournalOfRun opened, JournalOfRun::Open(flags.run, flags.directory));
  AMBIT_CHECK(WarnWhenBroken(opened));
  const bool of_all = flags.path.empty() && flags.host.empty();
  AMBIT_TRY(const std::vector<Told> all,
            of_all ? AskForAll(flags, opened) : AskForOne(flags, opened));
  std::string text;
  if (flags.json) {
    for (const Told& told : all) text += ForPrograms(told);
  } else {
    text = ForPeople(all);
  }
  AMBIT_CHECK(ToStdout(text));
  const bool refused = std::ranges::any_of(all, [](const Told& one) { return one.answer.refused; });
  return refused ? 0 : kNothingRefused;
}

}  // namespace

void AddWhy(NewCommand ambit) {
  auto flags = std::make_shared<WhyFlags>();
  NewCommand why =
      ambit.AddCommand("why", "Tell which rule refused something, and what would allow it");
  why.AddArgument("run", flags->run,
                  std::string(kRunHelp) + "; also a path or a host, as with --path and --host");
  AddDirectoryFlag(why, flags->directory);
  why.AddFlag("--path", flags->path, "Why this path cannot be used inside").Takes("PATH");
  why.AddFlag("--host", flags->host, "Why this host, or HOST:PORT, cannot be reached")
      .Takes("HOST")
      .NotWith({"--path"});
  why.AddFlag("--newest", flags->newest, "Only the newest of all that was refused")
      .NotWith({"--path", "--host"});
  why.AddFlag("--json", flags->json, "For programs");
  why.EndHelpWith(
      "What was allowed and failed is told behind what was refused, with what it failed of. Exit "
      "code 0: it was refused, and this is why. 1: nothing refused it.");
  why.Does([flags] { return Why(*flags); });
}

}  // namespace ambit::cli
