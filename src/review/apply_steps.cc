#include "review/apply_steps.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/file.h"

namespace ambit::review {
namespace {

constexpr mode_t kModeBits = 07777;
constexpr std::string_view kChanged = "the host changed it meanwhile";

StepResult NotDone(std::string_view reason) {
  return {.done = false, .reason = std::string(reason)};
}

/// What the system refused: about this one path, or about everything.
Result<StepResult> Refused(int err, const Step& step) {
  switch (err) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
      return NotDone(kChanged);
    case EEXIST:
      return NotDone("the host made it meanwhile");
    case ENOTEMPTY:
      return NotDone("the directory still holds something");
    case EXDEV:
      return NotDone("it lies on another file system");
    case EACCES:
    case EPERM:
    case EROFS:
    case EBUSY:
    case ETXTBSY:
      return NotDone(::strerror(err));  // NOLINT(concurrency-mt-unsafe): one thread
    case EINVAL:
      return Fail(Errc::kUnsupported,
                  fmt::format("replace '{}': the file system of the project cannot exchange two "
                              "files",
                              step.path),
                  "copy the project to a local file system such as ext4, xfs or btrfs");
    default:
      return FailErrno(err, fmt::format("apply '{}'", step.path));
  }
}

bool IsStill(int dir, const std::string& name, const Seen& expected) {
  const auto info = LookAt(dir, name);
  return info && SameFile(expected, SeenOf(*info)) && !IsBeingWritten(dir, name);
}

bool Move(int from_dir, const std::string& from, int to_dir, const std::string& to) {
  return ::renameat2(from_dir, from.c_str(), to_dir, to.c_str(), RENAME_NOREPLACE) == 0;
}

}  // namespace

std::string SlotName(std::uint32_t slot) { return fmt::format("{}", slot); }

Result<StepResult> Stepper::Do(const Step& step) const {
  const auto at = tree_.At(step.path);
  if (!at) return Refused(at.error().sys_errno, step);
  switch (step.kind) {
    case StepKind::kTake:
      return Take(step, *at);
    case StepKind::kPlace:
      return PlaceNew(step, *at);
    case StepKind::kExchange:
      return Exchange(step, *at);
    case StepKind::kRemoveDirectory:
      return RemoveDirectory(step, *at);
    case StepKind::kChangeMode:
      return ChangeMode(step, *at, step.before.mode, step.mode);
  }
  return Fail(Errc::kInternal, "apply: unknown step");
}

Result<StepResult> Stepper::TakeBack(const Step& step) const {
  const auto at = tree_.At(step.path);
  if (!at) {
    auto refused = Refused(at.error().sys_errno, step);
    const bool has_content = step.kind == StepKind::kTake || step.kind == StepKind::kExchange;
    // Where not even the directory is left there is nothing of ours to take back.
    if (refused && !has_content) refused->done = true;
    return refused;
  }
  switch (step.kind) {
    case StepKind::kTake:
      return PutBack(step, *at);
    case StepKind::kPlace:
      return RemoveNew(step, *at);
    case StepKind::kExchange:
      return ExchangeBack(step, *at);
    case StepKind::kRemoveDirectory:
      return RestoreDirectory(step, *at);
    case StepKind::kChangeMode:
      return ChangeMode(step, *at, step.mode, step.before.mode);
  }
  return Fail(Errc::kInternal, "undo: unknown step");
}

Result<StepResult> Stepper::Take(const Step& step, const Place& at) const {
  if (!IsStill(at.parent.get(), at.name, step.before)) return NotDone(kChanged);
  const std::string slot = SlotName(step.slot);
  if (!Move(at.parent.get(), at.name, staging_, slot)) return Refused(errno, step);
  if (IsStill(staging_, slot, step.before)) return StepResult();
  if (!Move(staging_, slot, at.parent.get(), at.name)) {
    return NotDone("the host changed it twice meanwhile; the older version is kept by undo");
  }
  return NotDone(kChanged);
}

Result<StepResult> Stepper::PlaceNew(const Step& step, const Place& at) const {
  if (!Move(staging_, SlotName(step.slot), at.parent.get(), at.name)) return Refused(errno, step);
  return StepResult();
}

Result<StepResult> Stepper::Exchange(const Step& step, const Place& at) const {
  if (!IsStill(at.parent.get(), at.name, step.before)) return NotDone(kChanged);
  return ExchangeFor(step, at, step.before);
}

Result<StepResult> Stepper::ExchangeFor(const Step& step, const Place& at,
                                        const Seen& expected) const {
  const std::string slot = SlotName(step.slot);
  const auto ours = LookAt(staging_, slot);
  const auto exchange = [&] {
    return ::renameat2(staging_, slot.c_str(), at.parent.get(), at.name.c_str(), RENAME_EXCHANGE) ==
           0;
  };
  if (!ours) return FailErrno(ENOENT, fmt::format("apply '{}'", step.path));
  if (!exchange()) return Refused(errno, step);
  if (IsStill(staging_, slot, expected)) return StepResult();
  if (!exchange()) return NotDone("the host changed it twice meanwhile; undo keeps the older one");
  const auto back = LookAt(staging_, slot);
  // Somebody was here in between as well: theirs is newer than what was just put back.
  if (back && back->st_ino != ours->st_ino) (void)exchange();
  return NotDone(kChanged);
}

Result<StepResult> Stepper::RemoveDirectory(const Step& step, const Place& at) const {
  const auto info = LookAt(at.parent.get(), at.name);
  if (!info) return StepResult();
  if (!SameFile(step.before, SeenOf(*info))) return NotDone(kChanged);
  if (::unlinkat(at.parent.get(), at.name.c_str(), AT_REMOVEDIR) == 0) return StepResult();
  return Refused(errno == EEXIST ? ENOTEMPTY : errno, step);
}

Result<StepResult> Stepper::ChangeMode(const Step& step, const Place& at, mode_t from,
                                       mode_t to) const {
  const Fd directory(
      ::openat(at.parent.get(), at.name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info{};
  if (!directory) return Refused(errno, step);
  if (::fstat(directory.get(), &info) != 0) return Refused(errno, step);
  const mode_t now = info.st_mode & kModeBits;
  if (now == (to & kModeBits)) return StepResult();
  const bool other = step.before.inode != 0 && step.before.inode != info.st_ino;
  if (other || now != (from & kModeBits)) return NotDone(kChanged);
  // chmod(2) through /proc: the very directory that was looked at, which O_PATH alone cannot.
  const std::string self = fmt::format("/proc/self/fd/{}", directory.get());
  if (::chmod(self.c_str(), to & kModeBits) != 0) return Refused(errno, step);
  return StepResult();
}

Result<StepResult> Stepper::PutBack(const Step& step, const Place& at) const {
  const std::string slot = SlotName(step.slot);
  if (!LookAt(staging_, slot)) return StepResult();  // never taken, or back already
  if (Move(staging_, slot, at.parent.get(), at.name)) return StepResult();
  const int err = errno;
  const auto there = LookAt(at.parent.get(), at.name);
  if (err == EEXIST && there && SameContent(step.before, SeenOf(*there))) return StepResult();
  return Refused(err, step);
}

Result<StepResult> Stepper::ExchangeBack(const Step& step, const Place& at) const {
  const auto slot = LookAt(staging_, SlotName(step.slot));
  if (slot && SameFile(step.after, SeenOf(*slot))) return StepResult();  // never done, or back
  const auto there = LookAt(at.parent.get(), at.name);
  if (there && SameContent(step.before, SeenOf(*there)) && !SameFile(step.after, SeenOf(*there))) {
    return StepResult();
  }
  if (!slot) return NotDone("what it held is not kept any more");
  if (!IsStill(at.parent.get(), at.name, step.after)) {
    return NotDone("the host changed it since it was applied");
  }
  return ExchangeFor(step, at, step.after);
}

Result<StepResult> Stepper::RemoveNew(const Step& step, const Place& at) const {
  const std::string slot = SlotName(step.slot);
  if (LookAt(staging_, slot)) return StepResult();  // never placed, or back already
  const auto there = LookAt(at.parent.get(), at.name);
  if (!there) return StepResult();
  if (!IsStill(at.parent.get(), at.name, step.after)) {
    return NotDone("the host changed it since it was applied");
  }
  if (S_ISDIR(step.after.mode)) {
    if (::unlinkat(at.parent.get(), at.name.c_str(), AT_REMOVEDIR) == 0) return StepResult();
    return Refused(errno == EEXIST ? ENOTEMPTY : errno, step);
  }
  if (!Move(at.parent.get(), at.name, staging_, slot)) return Refused(errno, step);
  if (IsStill(staging_, slot, step.after)) return StepResult();
  (void)Move(staging_, slot, at.parent.get(), at.name);
  return NotDone("the host changed it since it was applied");
}

Result<StepResult> Stepper::RestoreDirectory(const Step& step, const Place& at) const {
  const auto there = LookAt(at.parent.get(), at.name);
  if (there && S_ISDIR(there->st_mode)) return StepResult();
  if (there) return NotDone("the host made something else there");
  const std::string fresh = SlotName(step.slot);
  if (::mkdirat(staging_, fresh.c_str(), 0700) != 0 && errno != EEXIST) {
    return Refused(errno, step);
  }
  (void)::fchownat(staging_, fresh.c_str(), step.before.uid, step.before.gid, AT_SYMLINK_NOFOLLOW);
  if (::fchmodat(staging_, fresh.c_str(), step.before.mode & kModeBits, 0) != 0) {
    return Refused(errno, step);
  }
  if (!Move(staging_, fresh, at.parent.get(), at.name)) return Refused(errno, step);
  return StepResult();
}

}  // namespace ambit::review
