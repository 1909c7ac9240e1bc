// Mounts, roots, namespaces, device nodes, handles: the ways to build another view.
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probes/probe.h"

#ifndef SYS_listmount
#define SYS_listmount 458
#endif

namespace ambit::probes {
namespace {

Attempt MountTmpfs(const Words&) {
  ::mkdir("probe-mount", 0700);
  const int mounted = ::mount("none", "probe-mount", "tmpfs", 0, nullptr);
  const Attempt attempt = FromCall(mounted);
  if (mounted == 0) ::umount2("probe-mount", MNT_DETACH);
  ::rmdir("probe-mount");
  return attempt;
}

Attempt RemountWritable(const Words& words) {
  return FromCall(::mount("none", words.at(0).c_str(), nullptr, MS_REMOUNT | MS_BIND, nullptr));
}

Attempt OpenFilesystem(const Words&) { return FromCall(::syscall(SYS_fsopen, "tmpfs", 0)); }

Attempt CloneTree(const Words&) {
  return FromCall(::syscall(SYS_open_tree, AT_FDCWD, ".", OPEN_TREE_CLONE));
}

Attempt ListMounts(const Words&) {
  struct {
    unsigned size = 24;
    unsigned spare = 0;
    unsigned long mount_id = ~0UL;  // LSMT_ROOT
    unsigned long param = 0;
  } request;
  unsigned long ids[8];
  return FromCall(::syscall(SYS_listmount, &request, ids, 8, 0));
}

Attempt ChangeRoot(const Words&) { return FromCall(::chroot(".")); }

Attempt EnterOwnNamespace(const Words&) {
  const int ns = ::open("/proc/self/ns/uts", O_RDONLY);
  if (ns < 0) return Refused(errno);
  return FromCall(::setns(ns, CLONE_NEWUTS));
}

Attempt EnterNamespaceOf(const Words& words) {
  const long pidfd = ::syscall(SYS_pidfd_open, NumberOf(words.at(0)), 0);
  if (pidfd < 0) return Refused(errno);
  return FromCall(::setns(static_cast<int>(pidfd), CLONE_NEWUTS));
}

Attempt UnshareUser(const Words&) { return FromCall(::unshare(CLONE_NEWUSER)); }

Attempt CloneUser(const Words&) {
  const long pid = ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0);
  if (pid == 0) ::_exit(0);
  const Attempt attempt = FromCall(pid);
  if (pid > 0) ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
  return attempt;
}

Attempt MakeNode(unsigned major, unsigned minor) {
  ::unlink("probe-node");
  const int made = ::mknod("probe-node", S_IFCHR | 0600, makedev(major, minor));
  const Attempt attempt = FromCall(made);
  ::unlink("probe-node");
  return attempt;
}

/// /dev/mem's numbers; harmless where the node cannot be opened for real.
Attempt MakeMemoryDevice(const Words&) { return MakeNode(1, 1); }

/// 0/0 is what overlay takes for "this file was deleted".
Attempt MakeWhiteout(const Words&) { return MakeNode(0, 0); }

Attempt OpenByHandle(const Words& words) {
  struct {
    file_handle header;
    unsigned char bytes[128];
  } handle{};
  handle.header.handle_bytes = sizeof handle.bytes;
  int mount_id = 0;
  if (::name_to_handle_at(AT_FDCWD, words.at(0).c_str(), &handle.header, &mount_id, 0) != 0) {
    return Refused(errno);
  }
  const int dir = ::open(".", O_RDONLY | O_DIRECTORY);
  const int fd = ::open_by_handle_at(dir, &handle.header, O_RDONLY);
  return FromCall(fd);
}

/// A handle needs no name: this one is of the inode that every ext file system has as its root.
Attempt OpenRootInodeByHandle(const Words&) {
  struct {
    file_handle header;
    unsigned inode;
    unsigned generation;
  } handle{};
  handle.header.handle_bytes = 8;
  handle.header.handle_type = 1;  // FILEID_INO32_GEN
  handle.inode = 2;
  const int dir = ::open(".", O_RDONLY | O_DIRECTORY);
  return FromCall(::open_by_handle_at(dir, &handle.header, O_RDONLY));
}

}  // namespace

std::vector<NamedProbe> NamespaceProbes() {
  return {{"mount", MountTmpfs},
          {"remount", RemountWritable},
          {"fsopen", OpenFilesystem},
          {"open-tree-clone", CloneTree},
          {"listmount", ListMounts},
          {"chroot", ChangeRoot},
          {"setns-own", EnterOwnNamespace},
          {"setns", EnterNamespaceOf},
          {"unshare-user", UnshareUser},
          {"clone-user", CloneUser},
          {"mknod-device", MakeMemoryDevice},
          {"mknod-whiteout", MakeWhiteout},
          {"open-by-handle", OpenByHandle},
          {"open-root-inode", OpenRootInodeByHandle}};
}

}  // namespace ambit::probes
