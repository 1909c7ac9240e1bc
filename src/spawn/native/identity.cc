#include "spawn/native/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "sys/file.h"
#include "sys/process.h"

namespace ambit::spawn::native {
namespace {

/// "inside outside count" lines: `own` <-> `outside`, and as root every other id N up to 65534 <->
/// others_base + N.
std::string IdMap(unsigned own, unsigned outside, const plan::Identity& identity) {
  std::string map = fmt::format("{} {} 1\n", own, outside);
  if (!identity.started_by_root) return map;
  constexpr unsigned kEnd = plan::kOtherIds - 1;
  const unsigned before = std::min(own, kEnd);
  if (before > 0) map += fmt::format("0 {} {}\n", identity.others_base, before);
  if (own + 1 < kEnd) {
    map += fmt::format("{} {} {}\n", own + 1, identity.others_base + own + 1, kEnd - own - 1);
  }
  return map;
}

}  // namespace

Status WriteIdMaps(pid_t child, const plan::Identity& identity) {
  AMBIT_TRY(const Fd proc,
            sys::OpenAt(AT_FDCWD, fmt::format("/proc/{}", child).c_str(), O_PATH | O_DIRECTORY));
  if (!identity.started_by_root) {
    // Without it the kernel lets nobody but CAP_SETGID write gid_map (CVE-2014-8989).
    AMBIT_CHECK(sys::WriteProcFile(proc.get(), "setgroups", "deny"));
  }
  AMBIT_CHECK(sys::WriteProcFile(proc.get(), "uid_map",
                                 IdMap(identity.inside_uid, identity.outside_uid, identity)));
  return sys::WriteProcFile(proc.get(), "gid_map",
                            IdMap(identity.inside_gid, identity.outside_gid, identity));
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
                                   IdMap(identity.disk_uid, identity.outside_uid, identity)));
    AMBIT_CHECK(sys::WriteProcFile(proc.get(), "gid_map",
                                   IdMap(identity.disk_gid, identity.outside_gid, identity)));
    return sys::OpenAt(proc.get(), "ns/user", O_RDONLY);
  };
  Result<Fd> userns = make();
  write_end.Reset();
  AMBIT_CHECK(sys::Reap(child.pidfd.get()));
  return userns;
}

}  // namespace ambit::spawn::native
