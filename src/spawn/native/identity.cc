#include "spawn/native/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sched.h>
#include <unistd.h>

#include <array>
#include <string>

#include "sys/file.h"
#include "sys/process.h"

namespace ambit::spawn::native {
namespace {

std::string Extent(unsigned inside, unsigned outside) {
  return fmt::format("{} {} 1", inside, outside);
}

}  // namespace

Status WriteIdMaps(pid_t child, const plan::Identity& identity) {
  AMBIT_TRY(const Fd proc, sys::OpenAt(AT_FDCWD, fmt::format("/proc/{}", child).c_str(),
                                       O_PATH | O_DIRECTORY));
  if (!identity.started_by_root) {
    // Without it the kernel lets nobody but CAP_SETGID write gid_map (CVE-2014-8989).
    AMBIT_CHECK(sys::WriteProcFile(proc.get(), "setgroups", "deny"));
  }
  AMBIT_CHECK(sys::WriteProcFile(proc.get(), "uid_map",
                                 Extent(identity.inside_uid, identity.outside_uid)));
  return sys::WriteProcFile(proc.get(), "gid_map",
                            Extent(identity.inside_gid, identity.outside_gid));
}

Result<Fd> MakeIdmapNamespace(const plan::Identity& identity) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno(errno, "pipe2");
  Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  AMBIT_TRY(sys::Child child, sys::Clone(CLONE_NEWUSER));
  if (child.pid == 0) {
    // Lives until the parent has opened the namespace, or dies: then the pipe ends.
    write_end.Reset();
    char byte = 0;
    (void)!::read(read_end.get(), &byte, 1);
    ::_exit(0);
  }
  const auto make = [&]() -> Result<Fd> {
    AMBIT_TRY(const Fd proc, sys::OpenAt(AT_FDCWD, fmt::format("/proc/{}", child.pid).c_str(),
                                         O_PATH | O_DIRECTORY));
    AMBIT_CHECK(sys::WriteProcFile(proc.get(), "uid_map",
                                   Extent(identity.disk_uid, identity.outside_uid)));
    AMBIT_CHECK(sys::WriteProcFile(proc.get(), "gid_map",
                                   Extent(identity.disk_gid, identity.outside_gid)));
    return sys::OpenAt(proc.get(), "ns/user", O_RDONLY);
  };
  Result<Fd> userns = make();
  write_end.Reset();
  AMBIT_CHECK(sys::Reap(child.pidfd.get()));
  return userns;
}

}  // namespace ambit::spawn::native
