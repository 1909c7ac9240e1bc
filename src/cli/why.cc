#include "plan/why.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/path.h"
#include "base/text.h"
#include "cli/audit.h"
#include "cli/opened_run.h"
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
  std::optional<Evidence> newest;
  std::string end;  // what run.ended tells
};

Result<Found> NewestOf(const JournalOfRun& opened, const std::string& path,
                       const std::string& host) {
  const plan::Target target = plan::ParseTarget(host);
  const bool any = path.empty() && host.empty();
  Found found;
  std::uint64_t times = 0;
  AMBIT_CHECK(ForEachEntry(journal::FromFile(opened.file.get()),
                           [&](const journal::Entry& entry, std::string_view) -> Result<bool> {
                             if (entry.event == event::kRunEnded) found.end = entry.Text("detail");
                             if (!event::IsRefused(entry.event)) return true;
                             if (!any && !IsOf(entry, path, target)) return true;
                             auto refusal = event::RefusalOf(entry.event, entry.fields);
                             if (refusal) {
                               found.newest = Evidence{.refusal = *std::move(refusal),
                                                       .time_ns = entry.time_ns,
                                                       .times = ++times};
                             }
                             return true;
                           }));
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

/// What the journal says, and where that is no way out, what the plan says.
Result<plan::Answer> WithThePlan(plan::Answer answer, const Evidence& evidence,
                                 const workspace::RunDir& run) {
  if (answer.way.empty() && !evidence.refusal.path.empty()) {
    AMBIT_TRY(const plan::LaunchPlan plan, PlanOf(run));
    answer.way = plan::WhyPath(plan, evidence.refusal.path).way;
  }
  return answer;
}

plan::Answer AnswerOf(const Evidence& evidence) {
  return {.refused = true,
          .what = fmt::format("{}{}, {}", evidence.refusal.what,
                              evidence.times > 1 ? fmt::format(" ({} times)", evidence.times) : "",
                              LocalTime(evidence.time_ns)),
          .rule = evidence.refusal.rule,
          .way = evidence.refusal.way};
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

Result<plan::Answer> Ask(const WhyFlags& flags, const JournalOfRun& opened) {
  std::string path;
  if (!flags.path.empty()) {
    AMBIT_TRY(path, PathOf(flags.path));
  }
  AMBIT_TRY(const Found found, NewestOf(opened, path, flags.host));
  const std::optional<Evidence>& evidence = found.newest;
  if (path.empty() && flags.host.empty()) {
    if (!evidence) return AnswerOfTheEnd(opened.meta, found.end);
    return WithThePlan(AnswerOf(*evidence), *evidence, opened.run);
  }
  AMBIT_TRY(const plan::LaunchPlan plan, PlanOf(opened.run));
  plan::Answer planned = path.empty() ? plan::WhyHost(plan, flags.host) : plan::WhyPath(plan, path);
  planned.rule = RuleOf(planned, opened.run);
  if (!evidence) return planned;
  plan::Answer answer = AnswerOf(*evidence);
  if (answer.way.empty()) answer.way = planned.way;
  return answer;
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

Result<int> Why(const WhyFlags& flags) {
  AMBIT_TRY(const JournalOfRun opened, JournalOfRun::Open(flags.run, flags.directory));
  AMBIT_CHECK(WarnWhenBroken(opened));
  AMBIT_TRY(const plan::Answer answer, Ask(flags, opened));
  AMBIT_CHECK(ToStdout(flags.json ? ForPrograms(answer) : ForPeople(answer)));
  return answer.refused ? 0 : kNothingRefused;
}

}  // namespace

void AddWhy(CLI::App& app, Action& action) {
  auto flags = std::make_shared<WhyFlags>();
  CLI::App* why =
      app.add_subcommand("why", "Tell which rule refused something, and what would allow it");
  why->add_option("run", flags->run, kRunHelp);
  AddDirectoryOption(*why, flags->directory);
  CLI::Option* path = why->add_option("--path", flags->path, "Why this path cannot be used inside");
  path->type_name("PATH");
  CLI::Option* host =
      why->add_option("--host", flags->host, "Why this host, or HOST:PORT, cannot be reached");
  host->type_name("HOST")->excludes(path);
  why->add_flag("--newest", flags->newest, "The newest that was refused, as without any of these")
      ->excludes(path)
      ->excludes(host);
  why->add_flag("--json", flags->json, "For programs");
  why->footer("Exit code 0: it was refused, and this is why. 1: nothing refused it.");
  why->final_callback([flags, &action] { action = Finishing([flags] { return Why(*flags); }); });
}

}  // namespace ambit::cli
