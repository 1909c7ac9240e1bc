// Files and directories outside of what a run was given.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probes/probe.h"

namespace ambit::probes {
namespace {

/// Reading counts only when there is something to read.
Attempt Read(const Words& words) {
  const int fd = ::open(words.at(0).c_str(), O_RDONLY);
  if (fd < 0) return Refused(errno);
  char byte = 0;
  const ssize_t n = ::read(fd, &byte, 1);
  const Attempt attempt = n > 0 ? Done() : n == 0 ? Absent() : Refused(errno);
  ::close(fd);
  return attempt;
}

Attempt OpenForWriting(const Words& words) {
  const int fd = ::open(words.at(0).c_str(), O_WRONLY | O_APPEND);
  if (fd >= 0) ::close(fd);
  return FromCall(fd);
}

Attempt Create(const Words& words) {
  const int fd = ::open(words.at(0).c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (fd < 0) return Refused(errno);
  ::close(fd);
  ::unlink(words.at(0).c_str());
  return Done();
}

Attempt MakeDirectory(const Words& words) {
  if (::mkdir(words.at(0).c_str(), 0700) != 0) return Refused(errno);
  ::rmdir(words.at(0).c_str());
  return Done();
}

Attempt EnterDirectory(const Words& words) { return FromCall(::chdir(words.at(0).c_str())); }

/// Landlock does not know this operation: only the mount's read-only flag stands before it.
Attempt ChangeMode(const Words& words) {
  struct stat info{};
  if (::stat(words.at(0).c_str(), &info) != 0) return Refused(errno);
  return FromCall(::chmod(words.at(0).c_str(), info.st_mode & 07777));
}

Attempt HardLink(const Words& words) {
  if (::link(words.at(0).c_str(), "probe-link") != 0) return Refused(errno);
  ::unlink("probe-link");
  return Done();
}

Attempt WriteThroughSymlink(const Words& words) {
  ::unlink("probe-symlink");
  if (::symlink(words.at(0).c_str(), "probe-symlink") != 0) return Refused(errno);
  const Attempt attempt = OpenForWriting({"probe-symlink"});
  ::unlink("probe-symlink");
  return attempt;
}

/// What is open may be used as it was opened; asking for more through /proc must not work.
Attempt ReopenForWriting(const Words& words) {
  return OpenForWriting({"/proc/self/fd/" + words.at(0)});
}

Attempt ReadDirectoryDescriptor(const Words& words) {
  const int fd = ::openat(static_cast<int>(NumberOf(words.at(0))), words.at(1).c_str(), O_RDONLY);
  if (fd >= 0) ::close(fd);
  return FromCall(fd);
}

/// Kernel addresses: the file may be readable as long as it shows zeros.
Attempt ReadKernelAddresses(const Words&) {
  FILE* file = ::fopen("/proc/kallsyms", "re");
  if (file == nullptr) return Refused(errno);
  unsigned long address = 0;
  const int fields = ::fscanf(file, "%lx", &address);
  ::fclose(file);
  return fields == 1 && address != 0 ? Done() : Absent();
}

Attempt FindVariable(const Words& words) {
  return ::getenv(words.at(0).c_str()) != nullptr ? Done() : Absent();
}

}  // namespace

std::vector<NamedProbe> FileProbes() {
  return {{"read", Read},
          {"open-for-writing", OpenForWriting},
          {"create", Create},
          {"mkdir", MakeDirectory},
          {"chdir", EnterDirectory},
          {"chmod", ChangeMode},
          {"hard-link", HardLink},
          {"write-through-symlink", WriteThroughSymlink},
          {"reopen-for-writing", ReopenForWriting},
          {"read-below-descriptor", ReadDirectoryDescriptor},
          {"kernel-addresses", ReadKernelAddresses},
          {"variable", FindVariable}};
}

}  // namespace ambit::probes
