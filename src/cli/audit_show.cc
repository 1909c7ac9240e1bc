#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "base/text.h"
#include "cli/audit.h"
#include "cli/run_journal.h"
#include "cli/runs.h"
#include "journal/entry_text.h"
#include "journal/match.h"

namespace ambit::cli {
namespace {

struct ShowFlags {
  std::string run;
  std::string directory;
  std::string since;
  journal::Wanted wanted;
  bool follow = false;
  bool json = false;
};

/// "2026-01-31 23:59:59.012  file.write          src/main.c (pid 12)"
std::string ForPeople(const journal::Entry& entry) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return fmt::format("{}.{:03}  {:<18}  {}\n", LocalTime(entry.time_ns),
                     (entry.time_ns % kSecond + kSecond) % kSecond / 1'000'000,
                     Printable(entry.event), journal::Essence(entry));
}

Status Show(ShowFlags flags) {
  if (!flags.since.empty()) {
    const std::int64_t now = std::time(nullptr) * 1'000'000'000LL;
    AMBIT_TRY(flags.wanted.since_ns, journal::ParseSince(flags.since, now));
  }
  AMBIT_TRY(const JournalOfRun opened, JournalOfRun::Open(flags.run, flags.directory));
  AMBIT_CHECK(WarnWhenBroken(opened));
  Output out(STDOUT_FILENO);
  bool any = false;
  const auto print = [&](const journal::Entry& entry, std::string_view line) -> Result<bool> {
    if (journal::Matches(flags.wanted, entry)) {
      any = true;
      AMBIT_CHECK(out.Write(flags.json ? std::string(line) + "\n" : ForPeople(entry)));
    }
    return !out.left();
  };
  AMBIT_CHECK(ForEachEntry(flags.follow ? Following(opened, [&] { return out.Flush(); })
                                        : journal::FromFile(opened.file.get()),
                           print));
  if (!any) {
    fmt::print(
        stderr,
        "ambit: nothing in the journal is like that; 'ambit audit schema' lists the events\n");
  }
  return out.Flush();
}

}  // namespace

void AddAuditShow(NewCommand audit) {
  auto flags = std::make_shared<ShowFlags>();
  NewCommand show = audit.AddCommand("show", "What happened in a run, an event per line");
  show.AddArgument("run", flags->run, kRunHelp);
  AddDirectoryFlag(show, flags->directory);
  show.AddFlag("-f,--follow", flags->follow, "Go on until the run has ended");
  show.AddFlag("--type", flags->wanted.type, "Only events of this name: 'file.*'").Takes("GLOB");
  show.AddFlag("--path", flags->wanted.path, "Only what names such a path: 'src/*.c'")
      .Takes("GLOB");
  show.AddFlag("--since", flags->since,
               "Only what is not older: 90s, 10m, 2h, 1d, 14:05, 2026-01-31")
      .Takes("TIME");
  show.AddFlag("--denied", flags->wanted.refused,
               "Only what was refused, and limits that were reached");
  show.AddFlag("--json", flags->json, "The journal's own lines");
  show.Does([flags] { return Show(*flags); });
}

}  // namespace ambit::cli
