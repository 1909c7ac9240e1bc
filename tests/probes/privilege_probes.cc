// Authority that a process has or could get. "Done" always means: more than a run may have.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probes/probe.h"

namespace ambit::probes {
namespace {

/// A line of /proc/self/status by its name, as text after the colon.
std::string StatusLine(const std::string& name) {
  std::string found;
  FILE* file = ::fopen("/proc/self/status", "re");
  if (file == nullptr) return found;
  char line[256];
  while (::fgets(line, sizeof line, file) != nullptr) {
    const std::string text = line;
    if (text.starts_with(name + ":\t")) found = text.substr(name.size() + 2);
  }
  ::fclose(file);
  while (found.ends_with('\n')) found.pop_back();
  return found;
}

Attempt HaveCapability(const Words& words) {
  const std::string set = StatusLine(words.at(0));
  if (set.empty()) return Refused(EINVAL);
  return set.find_first_not_of('0') != std::string::npos ? Done() : Absent();
}

Attempt MayGainPrivileges(const Words&) {
  return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 ? Done() : Absent();
}

Attempt ChangeSecureBits(const Words&) { return FromCall(::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)); }

Attempt MayDumpCore(const Words&) {
  rlimit core{};
  if (::getrlimit(RLIMIT_CORE, &core) != 0) return Refused(errno);
  return core.rlim_max > 1 ? Done() : Absent();
}

/// Executes a copy of this program that belongs to another user and is set-user-id; the copy
/// answers with its exit code whether the effective id is another than the real one.
Attempt ExecuteSetUserId(const Words& words) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execl(words.at(0).c_str(), words.at(0).c_str(), "tell-effective-id", nullptr);
    ::_exit(99);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) == 99) return Refused(ENOEXEC);
  return WEXITSTATUS(status) == 1 ? Done() : Absent();
}

Attempt BecomeRoot(const Words&) { return FromCall(::setuid(0)); }

Attempt RaisePriority(const Words&) { return FromCall(::setpriority(PRIO_PROCESS, 0, -1)); }

}  // namespace

std::vector<NamedProbe> PrivilegeProbes() {
  return {{"capability-set", HaveCapability}, {"new-privileges", MayGainPrivileges},
          {"securebits", ChangeSecureBits},   {"core-dump", MayDumpCore},
          {"set-user-id", ExecuteSetUserId},  {"setuid-root", BecomeRoot},
          {"raise-priority", RaisePriority}};
}

}  // namespace ambit::probes
