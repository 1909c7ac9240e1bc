#include "cli/why_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <variant>

#include "cli/net_way.h"

namespace ambit::cli {
namespace {

/// What is asked about; neither: everything.
struct Asked {
  std::string path;
  std::string host;  // as the record has it
  std::optional<std::uint16_t> port;
  bool loopback = false;  // one address of it is as good as another
};

Asked AskedOf(const std::string& path, const plan::Target& target) {
  Asked asked{.path = path,
              .host = std::string(target.host),
              .port = target.port,
              .loopback = target.IsLoopback()};
  const auto rule = plan::RuleOf(target);
  if (rule && rule->name) asked.host = rule->name->text();
  if (rule && rule->range && !plan::IsOfMany(*rule)) {
    asked.host = policy::TextOf(rule->range->first);
  }
  return asked;
}

bool IsOf(const journal::Entry& entry, const Asked& asked) {
  if (!asked.path.empty()) return entry.Text("path") == asked.path;
  if (asked.host.empty()) return true;
  const auto host_port = entry.Number("host_port");
  const auto port = host_port ? host_port : entry.Number("port");
  if (!port || (asked.port && *port != *asked.port)) return false;
  const std::string host = entry.Text("host");
  const bool loopback = host_port || plan::Target{.host = host, .port = {}}.IsLoopback();
  return host == asked.host || (asked.loopback && loopback);
}

/// Of a rule that was given in the run.
std::string FromOf(const journal::Entry& entry, bool yes) {
  if (yes) return "ambit approve";
  const std::string scope = entry.Text("scope");
  return scope == "always" ? kDeniedAlways : scope == "project" ? kDeniedInProject : kDeniedInRun;
}

void NoteAnswer(const journal::Entry& entry, policy::NetRules& answers) {
  if (entry.event != event::kNetAnswered || entry.Text("scope") == "once") return;
  const event::Value* allowed = entry.Find("allowed");
  const bool* yes = allowed != nullptr ? std::get_if<bool>(allowed) : nullptr;
  auto rule = policy::ParseNetRule(entry.Text("rule"), FromOf(entry, yes != nullptr && *yes));
  if (yes == nullptr || !rule) return;
  if (*yes) {
    // It takes back what was denied in the run in the same words.
    std::erase_if(answers.deny, [text = policy::TextOf(*rule)](const policy::NetRule& denied) {
      return policy::TextOf(denied) == text;
    });
  }
  (*yes ? answers.allow : answers.deny).push_back(*std::move(rule));
}

/// Of more than kMostKept things the oldest are forgotten.
template <class What>
class Kept {
 public:
  /// Collected repeats came before what was told meanwhile, so they are not the newest.
  void Add(const std::string& key, What what, std::int64_t time_ns) {
    OnRecord<What>& one = all_[key];
    const std::uint64_t times = one.times + what.times;
    if (one.times > 0 && what.times > 1) time_ns = one.time_ns;
    one = {.what = std::move(what), .time_ns = time_ns, .times = times};
    if (all_.size() < 2 * kMostKept) return;
    const std::vector<OnRecord<What>> sorted = NewestFirst();
    const std::int64_t oldest = sorted[kMostKept - 1].time_ns;
    std::erase_if(all_, [&](const auto& entry) { return entry.second.time_ns < oldest; });
  }

  [[nodiscard]] std::vector<OnRecord<What>> NewestFirst() const {
    std::vector<OnRecord<What>> sorted;
    for (const auto& [key, one] : all_) sorted.push_back(one);
    std::ranges::sort(sorted, std::greater(), &OnRecord<What>::time_ns);
    return sorted;
  }

 private:
  static constexpr std::size_t kMostKept = 1000;
  std::map<std::string, OnRecord<What>> all_;
};

}  // namespace

Result<WhyRecord> ReadWhyRecord(const JournalOfRun& opened, const std::string& path,
                                const plan::Target& target) {
  const Asked asked = AskedOf(path, target);
  WhyRecord record;
  Kept<event::Refusal> refused;
  Kept<event::Failure> failed;
  const auto read = [&](const journal::Entry& entry, std::string_view) -> Result<bool> {
    if (entry.event == event::kRunEnded) record.end = entry.Text("detail");
    NoteAnswer(entry, record.answers);
    if (!IsOf(entry, asked)) return true;
    if (auto failure = event::FailureOf(entry.event, entry.fields)) {
      const std::string key = fmt::format("{}\n{}", failure->what, failure->why);
      failed.Add(key, *std::move(failure), entry.time_ns);
      return true;
    }
    if (!event::IsRefused(entry.event)) return true;
    auto refusal = event::RefusalOf(entry.event, entry.fields);
    if (!refusal) return true;
    const std::string key = event::KeyOf(*refusal);
    refused.Add(key, *std::move(refusal), entry.time_ns);
    return true;
  };
  AMBIT_CHECK(ForEachEntry(journal::FromFile(opened.file.get()), read));
  record.refused = refused.NewestFirst();
  record.failed = failed.NewestFirst();
  return record;
}

}  // namespace ambit::cli
