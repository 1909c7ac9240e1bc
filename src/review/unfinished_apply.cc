#include "review/unfinished_apply.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/fd.h"
#include "review/apply_log.h"
#include "review/apply_plan.h"
#include "workspace/change_dir.h"

namespace ambit::review {
namespace {

using workspace::RunDir;
using workspace::RunMeta;
using workspace::RunStore;

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::string DirectoryBeside(std::string_view runs_root) {
  return std::string(runs_root.substr(0, runs_root.rfind('/'))) + "/applying";
}

std::string DirectoryFor(const RunDir& run) {
  return DirectoryBeside(std::string_view(run.path).substr(0, run.path.rfind('/')));
}

/// Apply and undo hold the run's lock all the time.
bool IsLocked(const RunDir& run) {
  if (::flock(run.fd.get(), LOCK_SH | LOCK_NB) != 0) return true;
  (void)::flock(run.fd.get(), LOCK_UN);
  return false;
}

bool HasStaging(const RunMeta& meta) {
  const auto layer = std::ranges::find(meta.layers, "project", &workspace::RunLayer::name);
  if (layer == meta.layers.end()) return false;
  struct stat info{};
  const std::string path = fmt::format("{}/{}{}", layer->lower, kStagingPrefix, meta.id);
  return ::lstat(path.c_str(), &info) == 0;
}

std::unexpected<Error> Refusal(const std::string& id, Unfinished unfinished) {
  if (unfinished == Unfinished::kUnderWay) {
    return Fail(Errc::kDenied,
                fmt::format("an apply or undo of run {} is under way in this project", id),
                "try again when it is done");
  }
  return Fail(Errc::kDenied,
              fmt::format("an apply or undo of run {} was interrupted: the project is neither as "
                          "it was before nor as it would be after it",
                          id),
              fmt::format("'ambit undo {0}' or 'ambit apply {0}' brings it to an end", id));
}

}  // namespace

Status AnnounceApply(const RunDir& run) {
  const std::string directory = DirectoryFor(run);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("create '{}'", directory));
  }
  const Fd dir(::open(directory.c_str(), kDirectoryFlags));
  if (!dir) return FailErrno(errno, fmt::format("open '{}'", directory));
  const Fd file(
      ::openat(dir.get(), run.id.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file || ::fsync(dir.get()) != 0) {
    return FailErrno(errno, fmt::format("create '{}/{}'", directory, run.id));
  }
  return {};
}

Status WithdrawApply(const RunDir& run) {
  const std::string path = fmt::format("{}/{}", DirectoryFor(run), run.id);
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return FailErrno(errno, fmt::format("remove '{}'", path));
}

Unfinished UnfinishedOf(const RunDir& run, const RunMeta& meta) {
  const auto log = ApplyLog::Last(run);
  if (log && (!*log || (*log)->phase() == Phase::kDone)) return Unfinished::kNothing;
  if (IsLocked(run)) return Unfinished::kUnderWay;
  return HasStaging(meta) ? Unfinished::kInterrupted : Unfinished::kNothing;
}

std::string_view WordsFor(Unfinished unfinished) {
  switch (unfinished) {
    case Unfinished::kNothing:
      return "";
    case Unfinished::kInterrupted:
      return "apply interrupted";
    case Unfinished::kUnderWay:
      return "being applied";
  }
  return "";
}

Status RefuseWhileApplying(const std::string& runs_root, const std::string& project) {
  const std::string directory = DirectoryBeside(runs_root);
  const Fd dir(::open(directory.c_str(), kDirectoryFlags));
  if (!dir && errno == ENOENT) return {};  // nothing was ever applied
  if (!dir) return FailErrno(errno, fmt::format("open '{}'", directory));
  AMBIT_TRY(const std::vector<std::string> ids, workspace::NamesIn(dir.get()));
  if (ids.empty()) return {};
  const auto store = RunStore::Open(runs_root, /*create=*/false);
  if (!store && store.error().code == Errc::kNotFound) return {};
  if (!store) return std::unexpected(store.error());
  for (const std::string& id : ids) {
    const auto run = store->OpenRun(id);
    const auto meta = run ? RunStore::ReadMeta(*run) : std::unexpected(run.error());
    if (!meta || meta->project != project) continue;
    const Unfinished unfinished = UnfinishedOf(*run, *meta);
    if (unfinished != Unfinished::kNothing) return Refusal(id, unfinished);
  }
  return {};
}

}  // namespace ambit::review
