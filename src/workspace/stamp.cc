#include "workspace/stamp.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"

namespace ambit::workspace {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace

std::int64_t TakeStamp(int dir) {
  // A file without a name, so that not even the directory's times change. Asking for its time makes
  // the kernel stamp the next change of it finely, and no later stamp anywhere is older than that.
  const Fd file(::openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  struct stat info{};
  if (file && ::fstat(file.get(), &info) == 0 && ::fchmod(file.get(), 0400) == 0 &&
      ::fstat(file.get(), &info) == 0) {
    return info.st_ctim.tv_sec * kSecond + info.st_ctim.tv_nsec;
  }
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

}  // namespace ambit::workspace
