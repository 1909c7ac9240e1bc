#include "cli/keep_policy.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "cli/runs.h"
#include "host/facts.h"
#include "review/applied_runs.h"
#include "review/apply_log.h"
#include "sys/file.h"
#include "workspace/run_removal.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

using Clock = std::chrono::steady_clock;
using workspace::RunDir;
using workspace::RunStore;

constexpr std::time_t kSecondsADay = 86'400;
constexpr auto kTimeToMeasure = std::chrono::milliseconds(300);
constexpr auto kTimeToRemove = std::chrono::seconds(1);
constexpr const char* kWarnedMark = "expiring";
constexpr const char* kSizeFile = "size";

struct Finished {
  RunDir dir;
  std::int64_t ended_ns = 0;
  std::uint64_t bytes = 0;
  bool due = false;
};

/// Held by the one ambit that looks today; nullopt for all others, and on the very first day.
std::optional<Fd> TakeTodaysTurn(const RunStore& store) {
  const std::string path = store.root().substr(0, store.root().rfind('/')) + "/last-tidied";
  Fd stamp(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  struct stat info{};
  if (!stamp) {
    Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)).Reset();
    return std::nullopt;
  }
  const auto taken_today = [&] {
    return ::fstat(stamp.get(), &info) != 0 ||
           std::abs(::time(nullptr) - info.st_mtime) < kSecondsADay;
  };
  if (taken_today() || ::flock(stamp.get(), LOCK_EX | LOCK_NB) != 0 || taken_today()) {
    return std::nullopt;
  }
  if (::futimens(stamp.get(), nullptr) != 0) return std::nullopt;
  return stamp;
}

/// All that ended and that the policy speaks of, oldest first.
Result<std::vector<Finished>> FindFinished(const RunStore& store) {
  AMBIT_TRY(const std::vector<workspace::RunEntry> runs, store.List());
  std::vector<Finished> finished;
  for (const workspace::RunEntry& run : runs) {
    if (!run.meta || run.meta->keep || workspace::IsAlive(*run.meta)) continue;
    auto dir = store.OpenRun(run.id);
    if (!dir) continue;
    finished.push_back(
        {.dir = *std::move(dir), .ended_ns = run.meta->finished_ns.value_or(run.meta->started_ns)});
  }
  std::ranges::sort(finished, {}, &Finished::ended_ns);
  return finished;
}

/// The size as it was measured once, unless something happened to the run since.
std::optional<std::uint64_t> KnownSize(const RunDir& run) {
  struct stat dir{};
  struct stat file{};
  if (::fstat(run.fd.get(), &dir) != 0 ||
      ::fstatat(run.fd.get(), kSizeFile, &file, AT_SYMLINK_NOFOLLOW) != 0 ||
      std::pair(file.st_mtim.tv_sec, file.st_mtim.tv_nsec) <
          std::pair(dir.st_mtim.tv_sec, dir.st_mtim.tv_nsec)) {
    return std::nullopt;
  }
  const auto text = sys::ReadSmallFile(run.fd.get(), kSizeFile, 32);
  std::uint64_t bytes = 0;
  if (!text ||
      std::from_chars(text->data(), text->data() + text->size(), bytes).ec != std::errc()) {
    return std::nullopt;
  }
  return bytes;
}

void RememberSize(const RunDir& run, std::uint64_t bytes) {
  const Fd file(::openat(run.fd.get(), kSizeFile,
                         O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file) (void)sys::WriteAll(file.get(), fmt::format("{}", bytes), kSizeFile);
}

/// Sizes, as many as there is time for; the next day goes on. What is not known counts nothing.
void MeasureAll(std::vector<Finished>& runs) {
  const auto deadline = Clock::now() + kTimeToMeasure;
  for (Finished& run : runs) {
    if (const auto known = KnownSize(run.dir)) {
      run.bytes = *known;
    } else if (Clock::now() < deadline) {
      run.bytes = workspace::SizeOnDisk(run.dir);
      RememberSize(run.dir, run.bytes);
    }
  }
}

void ChooseDue(std::vector<Finished>& runs) {
  const std::int64_t oldest = ::time(nullptr) - kKeepDays * kSecondsADay;
  std::uint64_t left = 0;
  for (Finished& run : runs) {
    run.due = run.ended_ns / 1'000'000'000 < oldest;
    if (!run.due) left += run.bytes;
  }
  for (Finished& run : runs) {
    if (left <= kKeepBytes) return;
    if (run.due) continue;
    run.due = true;
    left -= run.bytes;
  }
}

bool MayGo(const RunDir& run) {
  if (!review::RefuseUnfinished(run)) return false;
  return !workspace::HasWork(run) || workspace::HasMark(run, workspace::kDiscardedMark) ||
         workspace::HasMark(run, workspace::kTakenMark);
}

void Tell(std::string_view what, const std::vector<std::string>& ids, std::string_view command) {
  constexpr std::size_t kMaxNamed = 8;
  if (ids.empty()) return;
  const auto named = static_cast<std::ptrdiff_t>(std::min(ids.size(), kMaxNamed));
  const std::vector<std::string> first(ids.begin(), ids.begin() + named);
  fmt::print(stderr, "ambit: {}: {}{}\n", what, fmt::join(first, " "),
             ids.size() > kMaxNamed ? fmt::format(" and {} more", ids.size() - kMaxNamed) : "");
  if (!command.empty()) {
    fmt::print(stderr, "ambit: '{} {}'\n", command, fmt::join(first, " "));
  }
}

void TellAndRemove(const RunStore& store, const std::vector<Finished>& runs) {
  const auto deadline = Clock::now() + kTimeToRemove;
  std::vector<std::string> untaken;
  std::vector<std::string> warned;
  std::vector<std::string> removed;
  for (const Finished& run : runs) {
    // Under the lock: nobody applies it meanwhile, or takes an apply back.
    if (!run.due || !workspace::LockRun(run.dir)) continue;
    if (!MayGo(run.dir)) {
      untaken.push_back(run.dir.id);
    } else if (!workspace::HasMark(run.dir, kWarnedMark)) {
      if (workspace::SetMark(run.dir, kWarnedMark)) warned.push_back(run.dir.id);
    } else if (review::RemoveRun(store, run.dir, deadline)) {
      removed.push_back(run.dir.id);
    }
  }
  const std::string limits =
      fmt::format("older than {} days, or of more than {} GiB together the oldest", kKeepDays,
                  kKeepBytes >> 30);
  Tell(fmt::format("runs with work that was never applied in full, {}", limits), untaken,
       "ambit rm");
  Tell(fmt::format("nothing is left to take from these runs, {}; they go tomorrow", limits), warned,
       "");
  Tell("removed, as was said before", removed, "");
}

}  // namespace

void TidyRuns() {
  const auto person = host::ReadPerson();
  const auto store = person ? OpenStore(*person) : std::unexpected(person.error());
  if (!store) return;
  const std::optional<Fd> turn = TakeTodaysTurn(*store);
  if (!turn) return;
  auto runs = FindFinished(*store);
  if (!runs) return;
  MeasureAll(*runs);
  ChooseDue(*runs);
  TellAndRemove(*store, *runs);
}

}  // namespace ambit::cli
