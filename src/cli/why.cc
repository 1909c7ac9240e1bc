#include "plan/why.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/path.h"
#include "base/text.h"
#include "cli/audit.h"
#include "cli/opened_run.h"
#include "cli/run.h"
#include "cli/run_journal.h"
#include "cli/runs.h"
#include "event/refusal.h"
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

/// What was refused, as the journal has it.
struct Evidence {
  event::Refusal refusal;
  std::int64_t time_ns = 0;
  std::uint64_t times = 0;
};

/// The absolute path of what was typed: links are followed as far as it exists.
Result<std::string> PathOf(const std::string& typed) {
  if (typed.empty()) return Fail(Errc::kInvalidArgument, "--path is empty", "name a path");
  if (typed.starts_with('/')) return host::ResolveWhatExists(typed);
  AMBIT_TRY(const std::string here, host::RealPath("."));
  return host::ResolveWhatExists(here + "/" + typed);
}

/// Whether a denial is of this path, or of the port of this host.
bool IsOf(const journal::Entry& entry, const std::string& path, const plan::Target& target) {
  if (!path.empty()) return entry.Text("path") == path;
  const auto port = entry.Number("port");
  if (target.host.empty() || !port || (target.port && *port != *target.port)) return false;
  const std::string host = entry.Text("host");
  return host == target.host ||
         (target.IsLoopback() && plan::Target{.host = host, .port = {}}.IsLoopback());
}

struct Found {
  std::vector<Evidence> refused;  // each once, the newest first
  std::string end;                // what run.ended tells
  policy::NetRules answers;       // rules that a person gave while the run went on
};

void NoteAnswer(const journal::Entry& entry, policy::NetRules& answers) {
  if (entry.event != event::kNetAnswered || entry.Text("scope") == "once") return;
  const event::Value* allowed = entry.Find("allowed");
  const bool* yes = allowed != nullptr ? std::get_if<bool>(allowed) : nullptr;
  auto rule = policy::ParseNetRule(entry.Text("rule"),
                                   yes != nullptr && *yes ? "ambit approve" : "ambit deny");
  if (yes == nullptr || !rule) return;
  (*yes ? answers.allow : answers.deny).push_back(*std::move(rule));
}

/// What was refused, each thing once. Of more than kMostKept the oldest are forgotten.
class Refusals {
 public:
  void Add(event::Refusal refusal, std::int64_t time_ns) {
    Evidence& evidence = all_[fmt::format("{}\n{}\n{}", refusal.what, refusal.rule, refusal.path)];
    evidence = {.refusal = std::move(refusal), .time_ns = time_ns, .times = evidence.times + 1};
    if (all_.size() < 2 * kMostKept) return;
    const std::vector<Evidence> sorted = NewestFirst();
    const std::int64_t oldest = sorted[kMostKept - 1].time_ns;
    std::erase_if(all_, [&](const auto& entry) { return entry.second.time_ns < oldest; });
  }

  [[nodiscard]] std::vector<Evidence> NewestFirst() const {
    std::vector<Evidence> sorted;
    for (const auto& [key, evidence] : all_) sorted.push_back(evidence);
    std::ranges::sort(sorted, std::greater(), &Evidence::time_ns);
    return sorted;
  }

 private:
  static constexpr std::size_t kMostKept = 1000;
  std::map<std::string, Evidence> all_;
};

Result<Found> FindRefused(const JournalOfRun& opened, const std::string& path,
                          const std::string& host) {
  const plan::Target target = plan::ParseTarget(host);
  const bool any = path.empty() && host.empty();
  Found found;
  Refusals refusals;
  AMBIT_CHECK(ForEachEntry(journal::FromFile(opened.file.get()),
                           [&](const journal::Entry& entry, std::string_view) -> Result<bool> {
                             if (entry.event == event::kRunEnded) found.end = entry.Text("detail");
                             NoteAnswer(entry, found.answers);
                             if (!event::IsRefused(entry.event)) return true;
                             if (!any && !IsOf(entry, path, target)) return true;
                             auto refusal = event::RefusalOf(entry.event, entry.fields);
                             if (refusal) refusals.Add(*std::move(refusal), entry.time_ns);
                             return true;
                           }));
  found.refused = refusals.NewestFirst();
  return found;
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

plan::Answer AnswerOf(const Evidence& evidence) {
  return {.refused = true,
          .what = fmt::format("{}{}, {}", evidence.refusal.what,
                              evidence.times > 1 ? fmt::format(" ({} times)", evidence.times) : "",
                              LocalTime(evidence.time_ns)),
          .rule = evidence.refusal.rule,
          .way = evidence.refusal.way};
}

/// What the journal says of each, and where that is no way out, what the plan says.
Result<std::vector<plan::Answer>> AnswersOf(std::span<const Evidence> refused,
                                            const workspace::RunDir& run) {
  std::optional<plan::LaunchPlan> plan;
  std::vector<plan::Answer> answers;
  for (const Evidence& evidence : refused) {
    plan::Answer& answer = answers.emplace_back(AnswerOf(evidence));
    if (!answer.way.empty() || evidence.refusal.path.empty()) continue;
    if (!plan) {
      AMBIT_TRY(plan, PlanOf(run));
    }
    answer.way = plan::WhyPath(*plan, evidence.refusal.path).way;
  }
  return answers;
}

/// What ended the run was a refusal as well, when its command could not be started or a wall not be
/// built. `detail` is what was told then.
plan::Answer AnswerOfTheEnd(const workspace::RunMeta& meta, const std::string& detail) {
  const std::string cause = meta.outcome ? meta.outcome->cause : "";
  if (cause == "not-found" || cause == "not-executable" || cause == "setup-failed") {
    return {.refused = true,
            .what = fmt::format("the start of run {}: {}", meta.id, cause),
            .rule = detail,
            .way = {}};
  }
  return {.refused = false,
          .what = fmt::format(
              "all of run {}: it was refused nothing that is on record (what the run's own "
              "kernel refuses by itself is not: ask with --path or --host)",
              meta.id),
          .rule = {},
          .way = {}};
}

/// One answer for what was asked for, or one for each thing on record that was refused, the newest
/// first.
Result<std::vector<plan::Answer>> Ask(const WhyFlags& flags, const JournalOfRun& opened) {
  std::string path;
  if (!flags.path.empty()) {
    AMBIT_TRY(path, PathOf(flags.path));
  }
  AMBIT_TRY(Found found, FindRefused(opened, path, flags.host));
  if (path.empty() && flags.host.empty()) {
    if (found.refused.empty()) return std::vector{AnswerOfTheEnd(opened.meta, found.end)};
    if (flags.newest) found.refused.resize(1);
    return AnswersOf(found.refused, opened.run);
  }
  AMBIT_TRY(plan::LaunchPlan plan, PlanOf(opened.run));
  std::ranges::copy(found.answers.allow, std::back_inserter(plan.network.rules.allow));
  std::ranges::copy(found.answers.deny, std::back_inserter(plan.network.rules.deny));
  plan::Answer planned = path.empty() ? plan::WhyHost(plan, flags.host) : plan::WhyPath(plan, path);
  planned.rule = RuleOf(planned, opened.run);
  const bool allowed_since = !planned.refused && !found.answers.allow.empty();
  if (found.refused.empty() || allowed_since) return std::vector{std::move(planned)};
  Evidence& newest = found.refused.front();
  // An address of the loopback is as good as another.
  for (const Evidence& older : found.refused | std::views::drop(1)) newest.times += older.times;
  plan::Answer answer = AnswerOf(newest);
  if (answer.way.empty()) answer.way = planned.way;
  return std::vector{std::move(answer)};
}

std::string ForPeople(const plan::Answer& answer) {
  std::string text =
      fmt::format("{} {}\n", answer.refused ? "refused" : "allowed", Printable(answer.what));
  if (!answer.rule.empty()) text += "because " + Printable(answer.rule) + "\n";
  if (!answer.refused) return text;
  return text +
         (answer.way.empty() ? "nothing allows it\n" : "allow   " + Printable(answer.way) + "\n");
}

std::string ForPrograms(const plan::Answer& answer) {
  return fmt::format(R"({{"refused":{},"what":"{}","rule":"{}","allow":"{}"}})"
                     "\n",
                     answer.refused, JsonEscape(answer.what), JsonEscape(answer.rule),
                     JsonEscape(answer.way));
}

/// A path or a host in the place of the run is what is asked about: no run's name has a slash, a
/// dot or a colon.
WhyFlags AsMeant(WhyFlags flags) {
  const bool asks = !flags.path.empty() || !flags.host.empty() || flags.newest;
  if (asks || flags.run.find_first_of("/.:") == std::string::npos) return flags;
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
  AMBIT_TRY(const std::vector<plan::Answer> answers, Ask(flags, opened));
  std::string text;
  for (const plan::Answer& answer :
       answers | std::views::take(flags.json ? answers.size() : kMostShown)) {
    if (!text.empty() && !flags.json) text += "\n";
    text += flags.json ? ForPrograms(answer) : ForPeople(answer);
  }
  AMBIT_CHECK(ToStdout(text));
  if (answers.size() > kMostShown && !flags.json) {
    Say("more was refused: 'ambit audit show --denied' has all");
  }
  return answers.front().refused ? 0 : kNothingRefused;
}

}  // namespace

void AddWhy(CLI::App& app, Action& action) {
  auto flags = std::make_shared<WhyFlags>();
  CLI::App* why =
      app.add_subcommand("why", "Tell which rule refused something, and what would allow it");
  why->add_option("run", flags->run,
                  std::string(kRunHelp) + "; also a path or a host, as with --path and --host");
  AddDirectoryOption(*why, flags->directory);
  CLI::Option* path = why->add_option("--path", flags->path, "Why this path cannot be used inside");
  path->type_name("PATH");
  CLI::Option* host =
      why->add_option("--host", flags->host, "Why this host, or HOST:PORT, cannot be reached");
  host->type_name("HOST")->excludes(path);
  why->add_flag("--newest", flags->newest, "Only the newest of all that was refused")
      ->excludes(path)
      ->excludes(host);
  why->add_flag("--json", flags->json, "For programs");
  why->footer("Exit code 0: it was refused, and this is why. 1: nothing refused it.");
  why->final_callback([flags, &action] { action = Finishing([flags] { return Why(*flags); }); });
}

}  // namespace ambit::cli
