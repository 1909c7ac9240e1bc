#pragma once
// What the journal of a run tells `ambit why`: what was refused, what was allowed and failed all
// the same, and what a person answered while the run went on. Each thing once, with how often. Who
// calls: why.cc. Errors: those of reading the journal.
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/run_journal.h"
#include "event/refusal.h"
#include "plan/target.h"
#include "policy/net_rules.h"

namespace ambit::cli {

/// Something of the journal, the newest of its kind.
template <class What>
struct OnRecord {
  What what;
  std::int64_t time_ns = 0;
  std::uint64_t times = 0;
};

struct WhyRecord {
  std::vector<OnRecord<event::Refusal>> refused;  // the newest first
  std::vector<OnRecord<event::Failure>> failed;   // the newest first
  std::string end;                                // what run.ended tells
  policy::NetRules answers;                       // rules that a person gave
};

/// What `path` or `target` is about, where it is not empty; else everything.
Result<WhyRecord> ReadWhyRecord(const JournalOfRun& opened, const std::string& path,
                                const plan::Target& target);

}  // namespace ambit::cli
