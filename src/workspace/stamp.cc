#include "workspace/stamp.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>

#include "base/fd.h"

namespace ambit::workspace {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kReadingTakes = 1'000'000;  // two clocks are not read at the same moment

std::int64_t Read(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

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
  return Read(CLOCK_REALTIME_COARSE);
}

std::int64_t ClockOffset() {
  // Whatever stops this process in between makes the second of two readings too late: the smallest
  // of three differences is the closest.
  std::int64_t offset = INT64_MAX;
  for (int i = 0; i < 3; ++i) {
    const std::int64_t boot = Read(CLOCK_BOOTTIME);
    offset = std::min(offset, Read(CLOCK_REALTIME) - boot);
  }
  return offset;
}

std::int64_t StampByClock(std::int64_t stamp_ns, std::int64_t now_ns,
                          std::int64_t offset_change_ns) {
  if (stamp_ns == 0 || now_ns < stamp_ns) return 0;
  if (offset_change_ns > -kReadingTakes) return stamp_ns;
  return std::max<std::int64_t>(stamp_ns + offset_change_ns, 0);
}

std::int64_t StampToCompare(const RunMeta& run, const RunLayer& layer, int dir) {
  const bool comparable = run.clock_offset_ns && HasBootOf(run);
  const std::int64_t change = comparable ? ClockOffset() - *run.clock_offset_ns : 0;
  return StampByClock(layer.stamp_ns, TakeStamp(dir), change);
}

}  // namespace ambit::workspace
