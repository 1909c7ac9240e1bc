// Other processes: those outside, and init inside. A pid of an outside process is the host's
// number for it.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "probes/probe.h"

namespace ambit::probes {
namespace {

pid_t PidOf(const Words& words) { return static_cast<pid_t>(NumberOf(words.at(0))); }

std::string ProcPath(const Words& words, const char* entry) {
  return "/proc/" + words.at(0) + "/" + entry;
}

Attempt Trace(const Words& words) {
  const long seized = ::ptrace(PTRACE_SEIZE, PidOf(words), nullptr, nullptr);
  if (seized == 0) {
    // Detaching needs a stop; ending the tracer detaches as well.
    ::ptrace(PTRACE_DETACH, PidOf(words), nullptr, nullptr);
  }
  return FromCall(seized);
}

Attempt ReadMemory(const Words& words) {
  char byte = 0;
  iovec local{.iov_base = &byte, .iov_len = 1};
  iovec remote{.iov_base = reinterpret_cast<void*>(NumberOf(words.at(1))), .iov_len = 1};
  return FromCall(::process_vm_readv(PidOf(words), &local, 1, &remote, 1, 0));
}

Attempt WriteMemory(const Words& words) {
  char byte = '!';
  iovec local{.iov_base = &byte, .iov_len = 1};
  iovec remote{.iov_base = reinterpret_cast<void*>(NumberOf(words.at(1))), .iov_len = 1};
  return FromCall(::process_vm_writev(PidOf(words), &local, 1, &remote, 1, 0));
}

Attempt OpenMemoryFile(const Words& words) {
  const int fd = ::open(ProcPath(words, "mem").c_str(), O_RDWR);
  if (fd >= 0) ::close(fd);
  return FromCall(fd);
}

Attempt ReadEntry(const Words& words) {
  const int fd = ::open(ProcPath(words, words.at(1).c_str()).c_str(), O_RDONLY);
  if (fd < 0) return Refused(errno);
  char byte = 0;
  const ssize_t n = ::read(fd, &byte, 1);
  ::close(fd);
  return n > 0 ? Done() : n == 0 ? Absent() : Refused(errno);
}

/// root, cwd, fd and exe: what is behind the link or in the directory.
Attempt FollowEntry(const Words& words) {
  const int fd = ::open(ProcPath(words, words.at(1).c_str()).c_str(), O_PATH);
  if (fd >= 0) ::close(fd);
  return FromCall(fd);
}

Attempt OpenExecutableForWriting(const Words& words) {
  const int fd = ::open(ProcPath(words, "exe").c_str(), O_WRONLY);
  if (fd >= 0) ::close(fd);
  if (fd < 0 && errno == ETXTBSY) return Done();  // refused only because it runs right now
  return FromCall(fd);
}

/// SIGURG: ignored by whoever has no handler for it.
Attempt Signal(const Words& words) { return FromCall(::kill(PidOf(words), SIGURG)); }

Attempt QueueSignal(const Words& words) {
  return FromCall(::sigqueue(PidOf(words), SIGURG, sigval{.sival_int = 0}));
}

Attempt SignalByPidfd(const Words& words) {
  const long pidfd = ::syscall(SYS_pidfd_open, PidOf(words), 0);
  if (pidfd < 0) return Refused(errno);
  return FromCall(::syscall(SYS_pidfd_send_signal, pidfd, SIGURG, nullptr, 0));
}

Attempt TakeDescriptor(const Words& words) {
  const long pidfd = ::syscall(SYS_pidfd_open, PidOf(words), 0);
  if (pidfd < 0) return Refused(errno);
  return FromCall(::syscall(SYS_pidfd_getfd, pidfd, NumberOf(words.at(1)), 0));
}

Attempt ReadLimits(const Words& words) {
  rlimit limit{};
  return FromCall(::prlimit(PidOf(words), RLIMIT_NOFILE, nullptr, &limit));
}

}  // namespace

std::vector<NamedProbe> ProcessProbes() {
  return {{"ptrace", Trace},
          {"process-vm-readv", ReadMemory},
          {"process-vm-writev", WriteMemory},
          {"proc-mem", OpenMemoryFile},
          {"proc-read", ReadEntry},
          {"proc-follow", FollowEntry},
          {"proc-exe-write", OpenExecutableForWriting},
          {"kill", Signal},
          {"sigqueue", QueueSignal},
          {"pidfd-send-signal", SignalByPidfd},
          {"pidfd-getfd", TakeDescriptor},
          {"prlimit", ReadLimits}};
}

}  // namespace ambit::probes
