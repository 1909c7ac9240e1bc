#pragma once
// Processes: clone3 with a pidfd, credentials, capabilities, descriptors, death signals.
#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::sys {

struct Child {
  pid_t pid = -1;  // 0 in the child itself
  Fd pidfd;        // empty in the child
};

/// clone3(2) without a stack: fork with namespaces. `flags`: CLONE_NEW*, CLONE_PARENT. The child
/// must not return from the function that called this. `cgroup` >= 0: a directory of cgroup v2 that
/// the child is born in (CLONE_INTO_CGROUP). Precondition: the caller has one thread.
Result<Child> Clone(std::uint64_t flags, int cgroup = -1);

/// Whether clone3(2) is there: kernels have it, some seccomp filters hide it (ENOSYS).
bool KnowsClone3();

/// Waits for the process behind `pidfd`, also when that is non-blocking, and reaps it. Returns the
/// wait status as in waitpid(2).
Result<int> Reap(int pidfd);

/// SIGKILL by pidfd; a process that is already gone is no error.
Status Kill(int pidfd, int signal);

/// Whether `thread` is one of `process` now. No signal is sent: tgkill(2) looks for it first, and
/// then at the permission.
bool BelongsTo(pid_t thread, pid_t process);

/// Asks for SIGKILL when the parent thread dies. Cleared by every change of ids or capabilities:
/// call it again afterwards. Only the second line: see docs/architecture.md, "life line".
Status DieWithParent();

/// Closes every descriptor above 2 that is not in `keep`.
Status CloseAllBut(std::span<const int> keep);

/// Points each of 0, 1 and 2 that is closed to /dev/null. Without it the next descriptor that is
/// opened becomes a standard stream, which CloseAllBut keeps. Call it before anything is opened.
Status FillStandardStreams();

/// Real, effective, saved and file system ids, groups emptied where that is permitted.
Status BecomeUser(uid_t uid, gid_t gid);

/// For as long as it lives files are accessed as `uid` and `gid`, with all the capabilities that
/// the process is permitted (leaving file system uid 0 takes some out of the effective set).
class FilesystemIdentity {
 public:
  FilesystemIdentity(uid_t uid, gid_t gid);
  ~FilesystemIdentity();
  FilesystemIdentity(const FilesystemIdentity&) = delete;
  FilesystemIdentity& operator=(const FilesystemIdentity&) = delete;

 private:
  uid_t previous_uid_;
  gid_t previous_gid_;
};

/// Drops the bounding, ambient, permitted, effective and inheritable sets, locks the securebits
/// and sets no_new_privs: nothing the process starts can ever regain a capability.
Status DropAllPrivileges();

/// A new, empty session keyring in place of the inherited one, so that no key of the user's
/// session can be found. A kernel without keyrings (ENOSYS) has nothing to hide.
Status LeaveSessionKeyring();

/// Overwrites the environment strings the kernel gave this process, so that neither
/// /proc/PID/environ nor a fork's memory holds them, and empties `environ`.
void ScrubEnvironment();

/// The 22nd field of /proc/PID/stat: with the pid it names a process for good.
Result<std::uint64_t> StartTimeOf(pid_t pid);

}  // namespace ambit::sys
