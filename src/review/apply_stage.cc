#include "review/apply_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "review/apply_steps.h"
#include "sys/file.h"
#include "workspace/change_dir.h"

namespace ambit::review {
namespace {

constexpr mode_t kPermissionBits = 0777;
constexpr mode_t kOwnerAll = 0700;
constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr std::uint64_t kBlock = 512;  // stat(2): the unit of st_blocks
constexpr std::ptrdiff_t kMaxFilesToSync = 32;
// A file system that compresses has fewer blocks than bytes; a file of this size may cost so much.
constexpr std::uint64_t kSmallFile = 16U << 20;

bool BringsContent(const Step& step) {
  return step.kind == StepKind::kExchange || (step.kind == StepKind::kPlace && !step.moved);
}

/// Whether the slot holds, once the step is done, what belongs to the host.
bool KeepsOld(const Step& step) {
  return step.kind == StepKind::kTake || step.kind == StepKind::kExchange;
}

std::uint64_t BytesAllowed(const struct stat& info) {
  const auto blocks = static_cast<std::uint64_t>(info.st_blocks) * kBlock;
  return std::min(static_cast<std::uint64_t>(info.st_size), std::max(blocks, kSmallFile));
}

Status RemoveName(int dir, const std::string& name) {
  if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno == EISDIR && ::unlinkat(dir, name.c_str(), AT_REMOVEDIR) == 0) return {};
  return FailErrno(errno, fmt::format("remove '{}'", name));
}

/// A copy appears under its name only when it is whole.
Status CopyWhole(int from_dir, const std::string& name, int to_dir) {
  const std::string partial = "copy-" + name;
  AMBIT_CHECK(RemoveName(to_dir, partial));
  Status copied = CopyEntry(from_dir, name, to_dir, partial, UINT64_MAX);
  if (copied && ::renameat(to_dir, partial.c_str(), to_dir, name.c_str()) != 0) {
    copied = FailErrno(errno, fmt::format("rename '{}'", partial));
  }
  if (!copied) (void)RemoveName(to_dir, partial);
  return copied;
}

/// What the project had goes to the record, unless it is there already. True when it is there as a
/// copy, so that the original still is in its place.
Result<bool> SaveOld(int staging, const std::string& name, int old) {
  const auto kept = LookAt(old, name);
  const auto mine = LookAt(staging, name);
  if (kept && mine && SameContent(SeenOf(*kept), SeenOf(*mine))) return true;
  const std::string as = kept ? name + "-later" : name;
  if (::renameat(staging, name.c_str(), old, as.c_str()) == 0) return false;
  if (errno != EXDEV) return FailErrno(errno, fmt::format("keep '{}'", name));
  if (!kept) {
    AMBIT_CHECK(CopyWhole(staging, name, old));
  } else {
    AMBIT_CHECK(RemoveName(old, as));
    AMBIT_CHECK(CopyEntry(staging, name, old, as, UINT64_MAX));
  }
  return true;
}

/// rename(2) moves within one mount, and within one subvolume of it.
bool CanRename(int from_dir, int to_dir) {
  struct statx from{};
  struct statx to{};
  const auto look = [](int dir, struct statx& info) {
    return ::statx(dir, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &info) == 0;
  };
  return look(from_dir, from) && look(to_dir, to) && from.stx_mnt_id == to.stx_mnt_id &&
         from.stx_dev_major == to.stx_dev_major && from.stx_dev_minor == to.stx_dev_minor;
}

}  // namespace

Result<Staging> Staging::Create(const ProjectTree& tree, const std::string& run_id) {
  const std::string name = std::string(kStagingPrefix) + run_id;
  if (::mkdirat(tree.fd(), name.c_str(), 0700) != 0) {
    return FailErrno(errno, fmt::format("make '{}/{}'", tree.path(), name));
  }
  return OpenOrCreate(tree, run_id);
}

Result<Staging> Staging::OpenOrCreate(const ProjectTree& tree, const std::string& run_id) {
  std::string name = std::string(kStagingPrefix) + run_id;
  if (::mkdirat(tree.fd(), name.c_str(), 0700) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("make '{}/{}'", tree.path(), name));
  }
  Fd fd(::openat(tree.fd(), name.c_str(), kDirectoryFlags));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0) {
    return FailErrno(errno, fmt::format("open '{}/{}'", tree.path(), name));
  }
  if (info.st_uid != ::geteuid()) {
    return Fail(Errc::kDenied, fmt::format("'{}/{}' belongs to somebody else", tree.path(), name),
                "remove it when nobody needs it");
  }
  return Staging(tree, std::move(name), std::move(fd));
}

bool Staging::Exists(const ProjectTree& tree, const std::string& run_id) {
  return LookAt(tree.fd(), std::string(kStagingPrefix) + run_id).has_value();
}

std::string Staging::path() const { return tree_.path() + "/" + name_; }

Status Staging::Fill(int upper, const MergedTexts& merged, std::vector<Step>& steps) const {
  AMBIT_CHECK(CheckRoom(upper, merged, steps));
  // A sync for each of thousands of files would take minutes, one for the whole file system waits
  // for what everybody else has written to it.
  const auto files = std::ranges::count_if(steps, BringsContent);
  const bool each = files <= kMaxFilesToSync;
  for (Step& step : steps) {
    if (BringsContent(step)) AMBIT_CHECK(FillOne(upper, merged, step, each));
  }
  if (!each && ::syncfs(fd_.get()) != 0) return FailErrno(errno, fmt::format("sync '{}'", path()));
  return {};
}

Status Staging::CheckRoom(int upper, const MergedTexts& merged,
                          const std::vector<Step>& steps) const {
  std::uint64_t needed = 0;
  for (const Step& step : steps) {
    if (!BringsContent(step) || !S_ISREG(step.mode)) continue;
    if (step.merged) {
      needed += merged.at(step.path).size();
      continue;
    }
    AMBIT_TRY(const Fd file, workspace::OpenNoFollow(upper, step.path, O_PATH));
    struct stat info{};
    if (::fstat(file.get(), &info) != 0) return FailErrno(errno, "stat");
    needed += std::min(static_cast<std::uint64_t>(info.st_size),
                       static_cast<std::uint64_t>(info.st_blocks) * kBlock);
  }
  struct statvfs room{};
  if (::fstatvfs(fd_.get(), &room) != 0) return FailErrno(errno, "statvfs");
  const std::uint64_t free = room.f_bavail * room.f_frsize;
  if (needed <= free) return {};
  return Fail(
      Errc::kLimit,
      fmt::format("the changes need {} bytes, the project's file system has {} left", needed, free),
      "nothing was changed; make room, or apply less of it: ambit apply -- PATH");
}

Status Staging::FillOne(int upper, const MergedTexts& merged, Step& step, bool sync) const {
  const std::string slot = SlotName(step.slot);
  const auto own = [&](uid_t uid, gid_t gid) -> Status {
    if (::fchownat(fd_.get(), slot.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) == 0) return {};
    if (::geteuid() != 0) return {};  // a person makes files of their own
    return FailErrno(errno, fmt::format("give '{}' its owner", step.path));
  };
  if (step.merged) {
    AMBIT_CHECK(FillMerged(merged.at(step.path), step, sync));
  } else if (S_ISREG(step.mode)) {
    AMBIT_CHECK(FillFile(upper, step, sync));
  } else if (S_ISDIR(step.mode)) {
    if (::mkdirat(fd_.get(), slot.c_str(), 0700) != 0) {
      return FailErrno(errno, fmt::format("make '{}'", step.path));
    }
    AMBIT_CHECK(own(tree_.owner(), tree_.group()));
    const mode_t mode = (step.mode & kPermissionBits) | kOwnerAll;  // closed when it is filled
    if (::fchmodat(fd_.get(), slot.c_str(), mode, 0) != 0) return FailErrno(errno, "chmod");
  } else {
    AMBIT_TRY(const Fd link, workspace::OpenNoFollow(upper, step.path, O_PATH));
    AMBIT_TRY(const std::string target, sys::ReadLink(link.get(), ""));
    if (!WhyLinkIsUnsafe(step.path, target).empty()) {
      return Fail(Errc::kInternal, fmt::format("apply '{}': not the link it was", step.path));
    }
    if (::symlinkat(target.c_str(), fd_.get(), slot.c_str()) != 0) {
      return FailErrno(errno, fmt::format("make '{}'", step.path));
    }
    AMBIT_CHECK(own(tree_.owner(), tree_.group()));
  }
  const auto info = LookAt(fd_.get(), slot);
  if (!info) return FailErrno(ENOENT, fmt::format("apply '{}'", step.path));
  step.after = SeenOf(*info);
  return {};
}

Status Staging::FillFile(int upper, Step& step, bool sync) const {
  AMBIT_TRY(const Fd source, workspace::OpenPlainFile(upper, step.path));
  struct stat info{};
  if (::fstat(source.get(), &info) != 0) return FailErrno(errno, "stat");
  const std::string slot = SlotName(step.slot);
  const Fd target(
      ::openat(fd_.get(), slot.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!target) return FailErrno(errno, fmt::format("create '{}'", step.path));
  if (Status copied = CopyContent(source.get(), target.get(), BytesAllowed(info)); !copied) {
    copied.error().what = fmt::format("apply '{}': {}", step.path, copied.error().what);
    return copied;
  }
  // What was somebody else's before, and in the layer still is, stays theirs.
  const bool same_owner = step.before.inode != 0 && step.before.uid == info.st_uid;
  const uid_t uid = same_owner ? step.before.uid : tree_.owner();
  const gid_t gid = same_owner ? step.before.gid : tree_.group();
  if (::fchown(target.get(), uid, gid) != 0 && ::geteuid() == 0) {
    return FailErrno(errno, fmt::format("give '{}' its owner", step.path));
  }
  if (::fchmod(target.get(), info.st_mode & kPermissionBits) != 0) return FailErrno(errno, "chmod");
  if (sync && ::fsync(target.get()) != 0) {
    return FailErrno(errno, fmt::format("sync '{}'", step.path));
  }
  return {};
}

/// Whose it was and who may use it stays as the host has it.
Status Staging::FillMerged(const std::string& text, const Step& step, bool sync) const {
  const std::string slot = SlotName(step.slot);
  const Fd target(
      ::openat(fd_.get(), slot.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!target) return FailErrno(errno, fmt::format("create '{}'", step.path));
  AMBIT_CHECK(sys::WriteAll(target.get(), text, step.path.c_str()));
  if (::fchown(target.get(), step.before.uid, step.before.gid) != 0 && ::geteuid() == 0) {
    return FailErrno(errno, fmt::format("give '{}' its owner", step.path));
  }
  if (::fchmod(target.get(), step.before.mode & kPermissionBits) != 0) {
    return FailErrno(errno, "chmod");
  }
  if (sync && ::fsync(target.get()) != 0) {
    return FailErrno(errno, fmt::format("sync '{}'", step.path));
  }
  return {};
}

Status Staging::FillFrom(const ApplyLog& log, const std::vector<Step>& steps) const {
  for (const Step& step : steps) {
    const std::string slot = SlotName(step.slot);
    if (!KeepsOld(step) || LookAt(fd_.get(), slot) || !LookAt(log.old(), slot)) continue;
    if (::linkat(log.old(), slot.c_str(), fd_.get(), slot.c_str(), 0) == 0) continue;
    AMBIT_CHECK(CopyWhole(log.old(), slot, fd_.get()));
  }
  return {};
}

bool Staging::CanKeep(const ApplyLog& log, const Step& step) const {
  if (!KeepsOld(step) || !S_ISREG(step.before.mode) || CanRename(fd_.get(), log.old())) return true;
  const auto at = tree_.At(step.path);
  if (!at) return true;  // the step itself says why
  // The copy belongs to this process, so undo reads it as its owner.
  if (::geteuid() != 0 && (step.before.mode & S_IRUSR) == 0) return false;
  const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  return static_cast<bool>(Fd(::openat(at->parent.get(), at->name.c_str(), flags)));
}

Status Staging::Empty(const ApplyLog& log, const std::vector<Step>& steps) const {
  std::map<std::string, const Step*> slots;
  for (const Step& step : steps) {
    if (step.kind != StepKind::kChangeMode) slots.emplace(SlotName(step.slot), &step);
  }
  AMBIT_TRY(const std::vector<std::string> names, workspace::NamesIn(fd_.get()));
  std::vector<std::string> copied;
  for (const std::string& name : names) {
    const auto info = LookAt(fd_.get(), name);
    if (!info) continue;
    const auto found = slots.find(name);
    const bool ours =
        found == slots.end() || S_ISDIR(info->st_mode) ||
        (BringsContent(*found->second) && SameFile(found->second->after, SeenOf(*info)));
    if (ours) {
      AMBIT_CHECK(RemoveName(fd_.get(), name));
      continue;
    }
    AMBIT_TRY(const bool copy, SaveOld(fd_.get(), name, log.old()));
    if (copy) copied.push_back(name);
  }
  // What was saved must be on disk before the original goes and the record says so.
  if (::fsync(log.old()) != 0) return FailErrno(errno, fmt::format("sync '{}'", log.path()));
  for (const std::string& name : copied) AMBIT_CHECK(RemoveName(fd_.get(), name));
  if (::unlinkat(tree_.fd(), name_.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return FailErrno(errno, fmt::format("remove '{}'", path()));
  }
  return {};
}

}  // namespace ambit::review
