#include "review/applied_runs.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <functional>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/path.h"
#include "base/text.h"
#include "review/unfinished_apply.h"
#include "sys/file.h"

namespace ambit::review {
namespace {

using workspace::RunDir;
using workspace::RunEntry;
using workspace::RunMeta;
using workspace::RunStore;

constexpr const char* kOvertakenFile = "overtaken";
constexpr std::size_t kMaxOvertakenBytes = 128;

/// A newer apply to the same project, whose run was removed.
struct Overtaken {
  std::string by;
  std::int64_t time_ns = 0;
};

std::optional<Overtaken> OvertakenOf(const RunDir& run) {
  const auto text = sys::ReadSmallFile(run.fd.get(), kOvertakenFile, kMaxOvertakenBytes);
  if (!text) return std::nullopt;
  const std::size_t space = text->find(' ');
  if (space == std::string::npos || !workspace::IsRunId(text->substr(0, space))) {
    return std::nullopt;
  }
  Overtaken out{.by = text->substr(0, space)};
  const char* begin = text->data() + space + 1;
  const auto read = std::from_chars(begin, text->data() + text->size(), out.time_ns);
  return read.ec == std::errc() ? std::optional(std::move(out)) : std::nullopt;
}

Status NoteOvertaken(const RunDir& run, const Overtaken& by) {
  const auto known = OvertakenOf(run);
  if (known && known->time_ns >= by.time_ns) return {};
  if (::unlinkat(run.fd.get(), kOvertakenFile, 0) != 0 && errno != ENOENT) {
    return FailErrno(errno, fmt::format("remove '{}/{}'", run.path, kOvertakenFile));
  }
  return sys::WriteNewFile(run.fd.get(), kOvertakenFile, fmt::format("{} {}\n", by.by, by.time_ns),
                           0600);
}

/// Whether the removal that was noted never came to the record of the apply.
bool IsStillThere(const RunStore& store, const std::string& id) {
  const auto run = store.OpenRun(id);
  return run && ApplyLog::IsIn(*run);
}

/// Calls `look` for each run of `project` but `except` that can be read.
Status ForEachRun(const RunStore& store, const std::string& project, const std::string& except,
                  const std::function<Status(RunMeta& meta, const RunDir& run)>& look) {
  AMBIT_TRY(std::vector<RunEntry> runs, store.List());
  for (RunEntry& entry : runs) {
    if (!entry.meta || entry.meta->project != project || entry.id == except) continue;
    const auto run = store.OpenRun(entry.id);
    if (run) AMBIT_CHECK(look(*entry.meta, *run));
  }
  return {};
}

using Paths = std::set<std::string, PathOrder>;

Result<Paths> PathsOf(const ApplyLog& log) {
  AMBIT_TRY(const std::vector<Step> steps, log.ReadSteps());
  Paths paths;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!log.skipped().contains(i)) paths.insert(steps[i].path);
  }
  return paths;
}

/// Whether `path`, something above it or something below it is one of `paths`.
bool Touches(const Paths& paths, const std::string& path) {
  for (std::string_view above = path; !above.empty(); above = ParentOf(above)) {
    if (paths.contains(std::string(above))) return true;
  }
  const auto next = paths.lower_bound(path);  // what is below a path comes right after it
  return next != paths.end() && IsAtOrBelow(*next, path);
}

std::optional<std::string> FirstOfBoth(const Paths& some, const Paths& others) {
  for (const std::string& path : others) {
    if (Touches(some, path)) return path;
  }
  return std::nullopt;
}

/// Before the run goes: those that it will be missed by are told.
Status NoteRemoval(const RunStore& store, const RunDir& run) {
  const auto last = ApplyLog::Last(run);
  const auto meta = RunStore::ReadMeta(run);
  if (!last || !*last || !meta) return {};  // nothing that anybody could have taken back
  const Overtaken by{.by = run.id, .time_ns = (*last)->time_ns()};
  return ForEachRun(store, meta->project, run.id, [&](RunMeta&, const RunDir& other) -> Status {
    const auto older = ApplyLog::Last(other);
    if (!older || !*older || (*older)->time_ns() > by.time_ns) return {};
    return NoteOvertaken(other, by);
  });
}

}  // namespace

Result<RunMeta> LastApplied(const RunStore& store, const std::string& project) {
  std::optional<RunMeta> last;
  std::optional<Overtaken> overtaken;
  std::int64_t last_ns = -1;
  AMBIT_CHECK(ForEachRun(store, project, "", [&](RunMeta& meta, const RunDir& run) -> Status {
    const auto log = ApplyLog::Last(run);
    if (!log || !*log || (*log)->time_ns() <= last_ns) return {};
    last_ns = (*log)->time_ns();
    last = std::move(meta);
    overtaken = OvertakenOf(run);
    return {};
  }));
  if (!last) {
    return Fail(Errc::kNotFound, "nothing was applied to this project that could be taken back");
  }
  if (overtaken && overtaken->time_ns > last_ns && !IsStillThere(store, overtaken->by)) {
    return Fail(
        Errc::kDenied,
        fmt::format("the last apply was of run {}, and its record was removed with that "
                    "run: it cannot be taken back",
                    overtaken->by),
        fmt::format("'ambit undo {0}' takes back the apply before it, of run {0}", last->id));
  }
  return *std::move(last);
}

Status RefuseOutOfOrder(const RunStore& store, const RunMeta& meta, const ApplyLog& log) {
  AMBIT_TRY(const Paths paths, PathsOf(log));
  std::string first;  // to be taken back before this one
  std::string shared;
  std::int64_t first_ns = log.time_ns();
  AMBIT_CHECK(ForEachRun(store, meta.project, meta.id, [&](RunMeta&, const RunDir& run) -> Status {
    AMBIT_TRY(const std::vector<ApplyLog> standing, ApplyLog::Standing(run));
    for (const ApplyLog& other : standing) {
      if (other.time_ns() <= first_ns || other.phase() != Phase::kDone) continue;
      AMBIT_TRY(const Paths others, PathsOf(other));
      const auto both = FirstOfBoth(paths, others);
      if (!both) continue;
      first = run.id;
      first_ns = other.time_ns();
      shared = *both;
    }
    return {};
  }));
  if (first.empty()) return {};
  return Fail(Errc::kDenied,
              fmt::format("run {} was applied after {} and changed '{}' as well", first, meta.id,
                          Printable(shared)),
              fmt::format("take them back in turn: 'ambit undo {}' first, then 'ambit undo {}'",
                          first, meta.id));
}

Status RemoveRun(const RunStore& store, const RunDir& run, workspace::Deadline deadline) {
  AMBIT_CHECK(workspace::LockRun(run));
  AMBIT_CHECK(workspace::CheckEnded(run));
  AMBIT_CHECK(NoteRemoval(store, run));
  (void)WithdrawApply(run);
  return workspace::RemoveRun(store, run, deadline);
}

}  // namespace ambit::review
