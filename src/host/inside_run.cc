#include "host/inside_run.h"

#include <linux/magic.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "sys/process.h"

namespace ambit::host {

bool IsInsideRun() {
  // The walls of a run, seen from within: a sealed root in memory, no new privileges, a filter that
  // knows no clone3. Containers have one or two of them, never all.
  struct statfs root{};
  if (::statfs("/", &root) != 0 || root.f_type != TMPFS_MAGIC || (root.f_flags & ST_RDONLY) == 0) {
    return false;
  }
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return false;
  if (::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 2) return false;
  return !sys::KnowsClone3();
}

}  // namespace ambit::host
