#include "host/inside_run.h"

#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include <string_view>

#include "sys/process.h"

namespace ambit::host {

bool IsInsideRun() {
  // The walls of a run, seen from within: its name, a sealed root, no new privileges, a filter that
  // knows no clone3. Containers have some of them, never all.
  utsname machine{};
  if (::uname(&machine) != 0 || std::string_view(machine.nodename) != kHostnameInside) return false;
  struct statfs root{};
  if (::statfs("/", &root) != 0 || (root.f_flags & ST_RDONLY) == 0) return false;
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return false;
  if (::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 2) return false;
  return !sys::KnowsClone3();
}

}  // namespace ambit::host
