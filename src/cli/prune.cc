#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/keep_policy.h"
#include "cli/question.h"
#include "cli/runs.h"
#include "review/applied_runs.h"
#include "review/apply_log.h"
#include "workspace/run_removal.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

constexpr std::uint64_t kMaxDays = 36'500;
constexpr std::int64_t kSecondsADay = 86'400;

struct PruneFlags {
  std::optional<std::uint64_t> older_than;  // days
  std::optional<std::uint64_t> keep;        // runs
  std::optional<std::uint64_t> max_size;    // bytes
  bool dry_run = false;
  bool yes = false;
};

struct Candidate {
  workspace::RunDir dir;
  std::string state;
  std::int64_t ended = 0;   // UNIX seconds
  std::uint64_t bytes = 0;  // on disk
  bool unseen = false;      // holds work that nobody has looked at
  bool dropped = false;
};

Candidate CandidateOf(workspace::RunDir dir, const Result<workspace::RunMeta>& meta) {
  Candidate out;
  struct stat info{};
  if (meta) {
    out.state = StateAndWorkOf(dir, *meta);
    out.ended = meta->finished_ns.value_or(meta->started_ns) / 1'000'000'000;
  } else {
    out.state = "broken";
    if (::fstat(dir.fd.get(), &info) == 0) out.ended = info.st_mtime;
  }
  out.bytes = workspace::SizeOnDisk(dir);
  out.unseen = workspace::HasWork(dir) && !workspace::HasMark(dir, workspace::kReviewedMark) &&
               !workspace::HasMark(dir, workspace::kDiscardedMark);
  out.dir = std::move(dir);
  return out;
}

/// What has ended, newest first; runs that are alive are nobody's to drop.
Result<std::vector<Candidate>> Candidates(const workspace::RunStore& store) {
  AMBIT_TRY(const std::vector<workspace::RunEntry> runs, store.List());
  std::vector<Candidate> out;
  for (const workspace::RunEntry& run : runs) {
    if (run.meta && run.meta->keep) continue;  // --keep-run: goes only by name
    auto dir = store.OpenRun(run.id);
    if (!dir || !workspace::CheckEnded(*dir)) continue;
    out.push_back(CandidateOf(*std::move(dir), run.meta));
  }
  return out;
}

void Choose(const PruneFlags& flags, std::vector<Candidate>& runs) {
  const bool by_age = flags.older_than || (!flags.keep && !flags.max_size);
  const auto days = static_cast<std::int64_t>(flags.older_than.value_or(kKeepDays));
  const std::int64_t oldest = ::time(nullptr) - days * kSecondsADay;
  std::uint64_t left = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    runs[i].dropped = (by_age && runs[i].ended < oldest) || (flags.keep && i >= *flags.keep);
    if (!runs[i].dropped) left += runs[i].bytes;
  }
  for (auto run = runs.rbegin(); run != runs.rend() && flags.max_size; ++run) {
    if (run->dropped || left <= *flags.max_size) continue;
    run->dropped = true;
    left -= run->bytes;
  }
  std::erase_if(runs, [](const Candidate& run) { return !run.dropped; });
}

std::string Bytes(std::uint64_t bytes) {
  if (bytes < 1U << 20) return fmt::format("{} KiB", (bytes + 1023) / 1024);
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

Status Ask(const PruneFlags& flags, const std::vector<Candidate>& runs) {
  const auto unseen = std::ranges::count_if(runs, &Candidate::unseen);
  if (unseen == 0 || flags.yes) return {};
  std::fputs(fmt::format("ambit: {} with work that was never applied or looked at: dropped only "
                         "with a yes or --yes\n",
                         Count(static_cast<std::size_t>(unseen), "run"))
                 .c_str(),
             stderr);
  if (flags.dry_run) return {};  // it says that much, and what would be asked
  if (::isatty(0) == 1 && ::isatty(2) == 1 && AskYes("drop them?")) return {};
  return Fail(Errc::kInvalidArgument, "nothing was dropped",
              "look with 'ambit diff RUN', or say --yes");
}

/// Whether the run holds what an undo could not put back; says so.
bool IsNeeded(const Candidate& run) {
  const Status unneeded = review::RefuseKept(run.dir);
  if (unneeded) return false;
  std::fputs(fmt::format("ambit: {} stays: {}; {}\n", run.dir.id,
                         WithoutControls(unneeded.error().what), unneeded.error().remedy)
                 .c_str(),
             stderr);
  return true;
}

Status Prune(const PruneFlags& flags) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  const auto store = OpenStore(person);
  if (!store && store.error().code == Errc::kNotFound) return {};
  if (!store) return std::unexpected(store.error());
  AMBIT_TRY(std::vector<Candidate> runs, Candidates(*store));
  // The record of an interrupted apply is the only way back to the project as it was.
  std::erase_if(runs, [](const Candidate& run) { return !review::RefuseUnfinished(run.dir); });
  Choose(flags, runs);
  std::erase_if(runs, IsNeeded);

  std::uint64_t bytes = 0;
  std::string list;
  for (const Candidate& run : runs) {
    bytes += run.bytes;
    list += fmt::format("{}  {:<22}  {:<19}  {:>12}{}\n", run.dir.id, run.state,
                        LocalTime(run.ended * 1'000'000'000), Bytes(run.bytes),
                        run.unseen ? "  not looked at" : "");
  }
  AMBIT_CHECK(ToStdout(list));
  AMBIT_CHECK(Ask(flags, runs));
  if (!flags.dry_run) {
    for (const Candidate& run : runs) AMBIT_CHECK(review::RemoveRun(*store, run.dir));
  }
  std::fputs(fmt::format("ambit: {} {}, {}\n", flags.dry_run ? "would drop" : "dropped",
                         Count(runs.size(), "run"), Bytes(bytes))
                 .c_str(),
             stderr);
  return {};
}

}  // namespace

void AddPrune(NewCommand ambit) {
  auto flags = std::make_shared<PruneFlags>();
  NewCommand prune = ambit.AddCommand(
      "prune", fmt::format("Remove runs that ended long ago (more than {} days, when no other "
                           "limit is given)",
                           kKeepDays));
  prune.AddFlag("--older-than", flags->older_than, "Those that ended more than so many days ago")
      .Takes("DAYS")
      .UpTo(kMaxDays);
  prune.AddFlag("--keep", flags->keep, "All but the newest N").Takes("N");
  prune.AddFlag("--max-size", flags->max_size, "The oldest, until the rest is not larger")
      .Takes("SIZE")
      .InBytes();
  prune.AddFlag("--dry-run", flags->dry_run, "Only say which");
  prune.AddFlag("-y,--yes", flags->yes, "Also work that was never applied or looked at");
  prune.Does([flags] { return Prune(*flags); });
}

}  // namespace ambit::cli
