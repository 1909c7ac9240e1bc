#include "supervise/run_user.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/file.h"

namespace ambit::supervise {
namespace {

constexpr uid_t kFirst = 1'900'000'000;
constexpr unsigned kPairs = 8192;
constexpr const char* kDirectory = "/run/ambit";

Result<Fd> OpenLockDirectory() {
  if (::mkdir(kDirectory, 0755) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("mkdir '{}'", kDirectory));
  }
  AMBIT_TRY(Fd dir, sys::OpenAt(AT_FDCWD, kDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  struct stat info {};
  if (::fstat(dir.get(), &info) != 0) return FailErrno(errno, fmt::format("stat '{}'", kDirectory));
  if (info.st_uid != 0 || (info.st_mode & 022) != 0) {
    return Fail(Errc::kDenied, fmt::format("'{}': not root's alone", kDirectory),
                fmt::format("remove '{}'", kDirectory));
  }
  return dir;
}

}  // namespace

Result<RunUser> TakeRunUser() {
  AMBIT_TRY(const Fd dir, OpenLockDirectory());
  const unsigned start = static_cast<unsigned>(::getpid()) % kPairs;
  for (unsigned i = 0; i < kPairs; ++i) {
    const unsigned slot = (start + i) % kPairs;
    Fd lock(::openat(dir.get(), fmt::format("user-{}", slot).c_str(),
                     O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!lock) return FailErrno(errno, fmt::format("open '{}/user-{}'", kDirectory, slot));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
      return RunUser{.agent = kFirst + 2 * slot, .egress = kFirst + 2 * slot + 1,
                     .lock = std::move(lock)};
    }
    if (errno != EWOULDBLOCK) return FailErrno(errno, fmt::format("flock '{}'", kDirectory));
  }
  return Fail(Errc::kLimit, fmt::format("all {} run users are taken", kPairs),
              "end some of the runs");
}

}  // namespace ambit::supervise
