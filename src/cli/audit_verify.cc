#include <fmt/format.h>

#include <memory>
#include <string>

#include "base/hex.h"
#include "base/text.h"
#include "cli/audit.h"
#include "cli/run_journal.h"
#include "cli/runs.h"
#include "journal/verify.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

using journal::Standing;
using journal::Verdict;
using workspace::RunDir;

constexpr int kTampered = 1;
constexpr int kNotSealed = 3;

struct VerifyFlags {
  std::string run;
  std::string directory;
  bool json = false;
};

int ExitCodeFor(const Verdict& verdict, bool running) {
  switch (verdict.standing) {
    case Standing::kIntact:
      return 0;
    case Standing::kTampered:
      return kTampered;
    case Standing::kUnsealed:
      return running ? 0 : kNotSealed;
    case Standing::kUnchained:
      return kNotSealed;
  }
  return kTampered;
}

std::string LastGood(const Verdict& verdict) {
  if (verdict.last_good.line == 0) return "no record of it is good";
  return fmt::format("the last good record is {} of {}, at byte {}", verdict.last_good.sequence,
                     LocalTime(verdict.last_good.time_ns), verdict.last_good.offset);
}

std::string WhyUnsealed(const Verdict& verdict, bool running) {
  if (running) return "the run still writes it";
  if (verdict.torn_bytes != 0) {
    return fmt::format("it ends in {} of a record that was cut off, by a crash or a full disk",
                       Count(verdict.torn_bytes, "byte"));
  }
  return "ambit was killed before it could seal it";
}

std::string ForPeople(const RunDir& run, const Verdict& verdict, bool running) {
  switch (verdict.standing) {
    case Standing::kIntact:
      return fmt::format(
          "{}: intact, {}, sealed {}{}\n", run.id, Count(verdict.last_good.sequence, "record"),
          LocalTime(verdict.last_good.time_ns),
          verdict.resumed == 0
              ? ""
              : fmt::format("; gone on with after a crash: {}", Count(verdict.resumed, "time")));
    case Standing::kUnsealed:
      return fmt::format("{}: good so far, not sealed: {}; {}\n", run.id,
                         WhyUnsealed(verdict, running), LastGood(verdict));
    case Standing::kUnchained:
      return fmt::format("{}: made before journals were chained: nothing can be said of it\n",
                         run.id);
    case Standing::kTampered:
      return fmt::format("{}: tampered with: {} (line {}, byte {}); {}\n", run.id, verdict.what,
                         verdict.bad.line, verdict.bad.offset, LastGood(verdict));
  }
  return {};
}

std::string PlaceAsJson(const journal::Place& place) {
  if (place.line == 0) return "null";
  return fmt::format(R"({{"line":{},"offset":{},"seq":{},"t":{}}})", place.line, place.offset,
                     place.sequence == 0 ? "null" : std::to_string(place.sequence),
                     place.sequence == 0 ? "null" : std::to_string(place.time_ns));
}

std::string ForPrograms(const RunDir& run, const Verdict& verdict, bool running) {
  std::string key;
  if (verdict.key) AppendHex(*verdict.key, key);
  return fmt::format(
      R"({{"format":1,"run":"{}","running":{},"standing":"{}","fault":"{}","what":"{}",)"
      R"("bad":{},"last_good":{},"seals":{},"resumed":{},"torn_bytes":{},"key":"{}"}})"
      "\n",
      run.id, running, NameOf(verdict.standing), NameOf(verdict.fault), JsonEscape(verdict.what),
      PlaceAsJson(verdict.bad), PlaceAsJson(verdict.last_good), verdict.seals, verdict.resumed,
      verdict.torn_bytes, key);
}

Result<int> Verify(const VerifyFlags& flags) {
  AMBIT_TRY(const JournalOfRun opened, JournalOfRun::Open(flags.run, flags.directory));
  const RunDir& run = opened.run;
  // Asked before the bytes are read: a run that ends meanwhile is told as one that runs.
  const bool running = workspace::IsAlive(opened.meta);
  AMBIT_TRY(const Verdict verdict, VerdictOf(opened.run, opened.meta, opened.file.get()));
  AMBIT_CHECK(
      ToStdout(flags.json ? ForPrograms(run, verdict, running) : ForPeople(run, verdict, running)));
  return ExitCodeFor(verdict, running);
}

}  // namespace

void AddAuditVerify(NewCommand audit) {
  auto flags = std::make_shared<VerifyFlags>();
  NewCommand verify = audit.AddCommand("verify", "Tell whether the journal is as it was written");
  verify.AddArgument("run", flags->run, kRunHelp);
  AddDirectoryFlag(verify, flags->directory);
  verify.AddFlag("--json", flags->json, "For programs");
  verify.EndHelpWith(
      "Exit code 0: intact, or good so far while the run still writes it. 1: tampered with.\n"
      "3: not sealed because ambit was killed or the disk was full, or made before journals were "
      "chained.");
  verify.Does([flags] { return Verify(*flags); });
}

}  // namespace ambit::cli
