#include "supervise/run_user.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <sstream>

#include "plan/launch_plan.h"
#include "sys/file.h"

namespace ambit::supervise {
namespace {

constexpr uid_t kFirst = 1'900'000'000;
constexpr unsigned kRanges = 3600;  // ends below 2^31, where signed ids of other programs end
constexpr unsigned kRangeSize = plan::kOtherIds + 2;
constexpr const char* kDirectory = "/run/ambit";

Result<Fd> OpenLockDirectory() {
  if (::mkdir(kDirectory, 0755) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("mkdir '{}'", kDirectory));
  }
  AMBIT_TRY(Fd dir, sys::OpenAt(AT_FDCWD, kDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  struct stat info{};
  if (::fstat(dir.get(), &info) != 0) return FailErrno(errno, fmt::format("stat '{}'", kDirectory));
  if (info.st_uid != 0 || (info.st_mode & 022) != 0) {
    return Fail(Errc::kDenied, fmt::format("'{}': not root's alone", kDirectory),
                fmt::format("remove '{}'", kDirectory));
  }
  return dir;
}

/// Root of a user namespace (a rootless container) is root of the ids it maps and no others.
Status RefuseRootWithoutOurIds() {
  constexpr std::size_t kLimit = 1U << 16;
  AMBIT_TRY(const std::string map, sys::ReadSmallFile(AT_FDCWD, "/proc/self/uid_map", kLimit));
  std::istringstream lines(map);
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  while (lines >> inside >> outside >> count) {
    if (inside <= kFirst && inside + count >= kFirst + std::uint64_t{kRanges} * kRangeSize)
      return {};
  }
  return Fail(
      Errc::kUnsupported,
      fmt::format("this root is not the machine's: its user namespace lacks the ids from {}",
                  kFirst),
      "run ambit as an ordinary user, or as root outside of the container");
}

}  // namespace

Result<RunUser> TakeRunUser() {
  AMBIT_CHECK(RefuseRootWithoutOurIds());
  AMBIT_TRY(const Fd dir, OpenLockDirectory());
  const unsigned start = static_cast<unsigned>(::getpid()) % kRanges;
  for (unsigned i = 0; i < kRanges; ++i) {
    const unsigned slot = (start + i) % kRanges;
    Fd lock(::openat(dir.get(), fmt::format("user-{}", slot).c_str(),
                     O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!lock) return FailErrno(errno, fmt::format("open '{}/user-{}'", kDirectory, slot));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
      const uid_t first = kFirst + slot * kRangeSize;
      return RunUser{
          .agent = first, .egress = first + 1, .others = first + 2, .lock = std::move(lock)};
    }
    if (errno != EWOULDBLOCK) return FailErrno(errno, fmt::format("flock '{}'", kDirectory));
  }
  return Fail(Errc::kLimit, fmt::format("all {} run users are taken", kRanges),
              "end some of the runs");
}

}  // namespace ambit::supervise
