#include "review/apply_log.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "sys/file.h"
#include "workspace/change_dir.h"

namespace ambit::review {
namespace {

constexpr const char* kDirectory = "applied";
constexpr const char* kRenamesFile = "renames";
constexpr std::size_t kMaxRecordBytes = 2U << 30;
constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr std::array<std::string_view, 6> kPhaseNames = {"staging", "running", "saving",
                                                         "done",    "undoing", "undone"};

Result<Fd> OpenDirectory(int dir, const char* name, bool create) {
  if (create && ::mkdirat(dir, name, 0700) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("create '{}' for the run", name));
  }
  Fd fd(::openat(dir, name, kDirectoryFlags));
  if (!fd) return FailErrno(errno, fmt::format("open '{}' of the run", name));
  return fd;
}

/// Replaces the file as a whole, and it is on disk when this returns.
Status WriteSynced(int dir, const char* name, std::string_view text) {
  const std::string fresh = fmt::format("{}.new", name);
  if (::unlinkat(dir, fresh.c_str(), 0) != 0 && errno != ENOENT) {
    return FailErrno(errno, fmt::format("remove '{}'", fresh));
  }
  AMBIT_CHECK(sys::WriteNewFile(dir, fresh.c_str(), text, 0600));
  AMBIT_TRY(const Fd file, sys::OpenAt(dir, fresh.c_str(), O_RDONLY | O_NOFOLLOW));
  if (::fsync(file.get()) != 0) return FailErrno(errno, fmt::format("sync '{}'", fresh));
  if (::renameat(dir, fresh.c_str(), dir, name) != 0) {
    return FailErrno(errno, fmt::format("rename '{}'", fresh));
  }
  if (::fsync(dir) != 0) return FailErrno(errno, fmt::format("sync '{}'", name));
  return {};
}

/// The names of the records, oldest first.
Result<std::vector<std::string>> RecordsIn(int applied) {
  AMBIT_TRY(std::vector<std::string> names, workspace::NamesIn(applied));
  std::erase_if(names, [](const std::string& name) {
    return name.size() != 4 || name.find_first_not_of("0123456789") != std::string::npos;
  });
  std::ranges::sort(names);
  return names;
}

}  // namespace

Result<ApplyLog> ApplyLog::Open(const workspace::RunDir& run, int applied,
                                const std::string& name) {
  AMBIT_TRY(Fd dir, OpenDirectory(applied, name.c_str(), /*create=*/true));
  AMBIT_TRY(Fd old, OpenDirectory(dir.get(), "old", /*create=*/true));
  return ApplyLog(fmt::format("{}/{}/{}", run.path, kDirectory, name), std::move(dir),
                  std::move(old));
}

Result<ApplyLog> ApplyLog::Begin(const workspace::RunDir& run, bool renames) {
  AMBIT_TRY(const Fd applied, OpenDirectory(run.fd.get(), kDirectory, /*create=*/true));
  AMBIT_TRY(const std::vector<std::string> names, RecordsIn(applied.get()));
  const int last = names.empty() ? 0 : ::atoi(names.back().c_str());
  if (last >= 9999) return Fail(Errc::kLimit, "this run was applied too often");
  AMBIT_TRY(ApplyLog log, Open(run, applied.get(), fmt::format("{:04}", last + 1)));
  if (renames) AMBIT_CHECK(WriteSynced(log.dir_.get(), kRenamesFile, ""));
  AMBIT_CHECK(log.SetPhase(Phase::kStaging));
  if (::fsync(applied.get()) != 0 || ::fsync(run.fd.get()) != 0) {
    return FailErrno(errno, fmt::format("sync '{}'", log.path_));
  }
  return log;
}

Result<std::optional<ApplyLog>> ApplyLog::Last(const workspace::RunDir& run) {
  const auto applied = OpenDirectory(run.fd.get(), kDirectory, /*create=*/false);
  if (!applied && applied.error().code == Errc::kNotFound) return std::nullopt;
  if (!applied) return std::unexpected(applied.error());
  AMBIT_TRY(std::vector<std::string> names, RecordsIn(applied->get()));
  for (; !names.empty(); names.pop_back()) {
    AMBIT_TRY(ApplyLog log, Open(run, applied->get(), names.back()));
    AMBIT_CHECK(log.ReadPhase());
    if (log.phase_ != Phase::kUndone) return log;
  }
  return std::nullopt;
}

Result<std::vector<ApplyLog>> ApplyLog::Standing(const workspace::RunDir& run) {
  std::vector<ApplyLog> standing;
  const auto applied = OpenDirectory(run.fd.get(), kDirectory, /*create=*/false);
  if (!applied && applied.error().code == Errc::kNotFound) return standing;
  if (!applied) return std::unexpected(applied.error());
  AMBIT_TRY(const std::vector<std::string> names, RecordsIn(applied->get()));
  for (const std::string& name : names) {
    AMBIT_TRY(ApplyLog log, Open(run, applied->get(), name));
    AMBIT_CHECK(log.ReadPhase());
    if (log.phase_ != Phase::kUndone) standing.push_back(std::move(log));
  }
  return standing;
}

bool ApplyLog::IsIn(const workspace::RunDir& run) {
  return ::faccessat(run.fd.get(), kDirectory, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool ApplyLog::renames() const {
  return ::faccessat(dir_.get(), kRenamesFile, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Status ApplyLog::SetPhase(Phase phase, std::set<std::size_t> skipped) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  time_ns_ = now.tv_sec * 1'000'000'000LL + now.tv_nsec;
  phase_ = phase;
  skipped_ = std::move(skipped);
  std::string text =
      fmt::format("{} {}\n", kPhaseNames.at(static_cast<std::size_t>(phase)), time_ns_);
  for (const std::size_t step : skipped_) text += fmt::format("{}\n", step);
  return WriteSynced(dir_.get(), "phase", text);
}

Status ApplyLog::ReadPhase() {
  auto text = sys::ReadSmallFile(dir_.get(), "phase", kMaxRecordBytes);
  if (!text && text.error().code == Errc::kNotFound) {  // it was never begun
    phase_ = Phase::kUndone;
    return {};
  }
  if (!text) return std::unexpected(text.error());
  const auto bad = [&] {
    return Fail(Errc::kInvalidArgument, fmt::format("'{}/phase' is damaged", path_));
  };
  const std::size_t space = text->find(' ');
  const auto* name = std::ranges::find(kPhaseNames, std::string_view(*text).substr(0, space));
  if (space == std::string::npos || name == kPhaseNames.end()) return bad();
  phase_ = static_cast<Phase>(name - kPhaseNames.begin());
  const char* at = text->data() + space + 1;
  const char* end = text->data() + text->size();
  bool first = true;
  while (at < end) {
    std::int64_t number = 0;
    const auto [next, err] = std::from_chars(at, end, number);
    if (err != std::errc() || next == end || *next != '\n') return bad();
    if (first) time_ns_ = number;
    if (!first) skipped_.insert(static_cast<std::size_t>(number));
    first = false;
    at = next + 1;
  }
  return {};
}

Status ApplyLog::WriteSteps(const std::vector<Step>& steps) const {
  return WriteSynced(dir_.get(), "steps", EncodeSteps(steps));
}

Result<std::vector<Step>> ApplyLog::ReadSteps() const {
  AMBIT_TRY(const std::string text, sys::ReadSmallFile(dir_.get(), "steps", kMaxRecordBytes));
  return DecodeSteps(text);
}

Status ApplyLog::WriteParents(const LeftBehind& parents) const {
  return WriteSynced(dir_.get(), "parents", EncodeLeft(parents));
}

LeftBehind ApplyLog::ReadParents() const {
  return DecodeLeft(
      sys::ReadSmallFile(dir_.get(), "parents", kMaxRecordBytes).value_or(std::string()));
}

LeftBehind ApplyLog::ReadLeft(const workspace::RunDir& run) {
  // Without it a path ambit wrote counts as changed by the host: a conflict, never a loss.
  const std::string name = fmt::format("{}/left", kDirectory);
  return DecodeLeft(
      sys::ReadSmallFile(run.fd.get(), name.c_str(), kMaxRecordBytes).value_or(std::string()));
}

Status ApplyLog::WriteLeft(const workspace::RunDir& run, const LeftBehind& left) {
  AMBIT_TRY(const Fd applied, OpenDirectory(run.fd.get(), kDirectory, /*create=*/true));
  return WriteSynced(applied.get(), "left", EncodeLeft(left));
}

Status RefuseKept(const workspace::RunDir& run) {
  const auto applied = OpenDirectory(run.fd.get(), kDirectory, /*create=*/false);
  if (!applied && applied.error().code == Errc::kNotFound) return {};
  if (!applied) return std::unexpected(applied.error());
  AMBIT_TRY(const std::vector<std::string> records, RecordsIn(applied->get()));
  for (const std::string& record : records) {
    AMBIT_TRY(ApplyLog log, ApplyLog::Open(run, applied->get(), record));
    AMBIT_CHECK(log.ReadPhase());
    AMBIT_TRY(const std::vector<std::string> kept, workspace::NamesIn(log.old()));
    if (log.phase() != Phase::kUndone || kept.empty()) continue;
    return Fail(Errc::kDenied,
                fmt::format("an undo of run {} left {} that it could not put back in '{}/old'",
                            run.id, Count(kept.size(), "file"), log.path()),
                fmt::format("take what you need; 'ambit rm --force {}' drops the rest", run.id));
  }
  return {};
}

Status RefuseUnfinished(const workspace::RunDir& run) {
  AMBIT_TRY(const std::optional<ApplyLog> last, ApplyLog::Last(run));
  if (!last || last->phase() == Phase::kDone) return {};
  return Fail(Errc::kDenied, fmt::format("an apply of run {} was interrupted", run.id),
              fmt::format("'ambit undo {0}' takes it back, 'ambit apply {0}' goes on", run.id));
}

}  // namespace ambit::review
