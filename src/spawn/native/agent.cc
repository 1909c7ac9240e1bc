#include "spawn/native/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sys/process.h"

namespace ambit::spawn::native {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

void ResetSignals() {
  struct sigaction by_default{};
  by_default.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &by_default, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// As a shell starts a job. The pty replaces only what was a terminal, so that pipes and files stay
/// what they are.
void TakeTerminal(int terminal) {
  sigset_t background;  // the terminal is given away from outside of its foreground
  ::sigemptyset(&background);
  ::sigaddset(&background, SIGTTOU);
  ::sigprocmask(SIG_BLOCK, &background, nullptr);
  ::tcsetpgrp(terminal, ::getpid());
  for (int fd = 0; fd <= 2; ++fd) {
    if (::isatty(fd) == 1) ::dup2(terminal, fd);
  }
}

/// Tries the directories of PATH as a shell does: a file that may not be executed is remembered,
/// the search goes on. Returns only on failure, with the errno that says why.
int ExecuteByName(const plan::LaunchPlan& plan, char* const* argv, char* const* environment) {
  const std::string& name = plan.argv[0];
  if (name.find('/') != std::string::npos) {
    ::execve(name.c_str(), argv, environment);
    return errno;
  }
  int worst = ENOENT;
  for (const std::string& dir : plan.path_entries) {
    ::execve((dir + "/" + name).c_str(), argv, environment);
    if (errno == EACCES)
      worst = EACCES;
    else if (errno != ENOENT && errno != ENOTDIR)
      return errno;
  }
  return worst;
}

/// A limit of the launcher's that is lower stays.
bool Restrict(__rlimit_resource resource, std::uint64_t value) {
  rlimit now{};
  if (::getrlimit(resource, &now) != 0) return false;
  now.rlim_max = std::min<rlim_t>(now.rlim_max, value);
  now.rlim_cur = std::min(now.rlim_cur, now.rlim_max);
  return ::setrlimit(resource, &now) == 0;
}

/// Of the agent and all it starts, not of init. RLIMIT_NPROC counts what the run's own user has in
/// this user namespace (since Linux 5.14), which is the run, init included.
bool RestrictResources(const plan::Limits& limits) {
  for (const plan::Limit& limit : limits.all) {
    const bool by_kernel = limit.means == plan::Means::kResource;
    if (limit.kind == policy::Limit::kProcesses && by_kernel) {
      if (!Restrict(RLIMIT_NPROC, limit.value + 1)) return false;
    } else if (limit.kind == policy::Limit::kOpenFiles) {
      if (!Restrict(RLIMIT_NOFILE, limit.value)) return false;
    } else if (limit.kind == policy::Limit::kDisk && limit.means != plan::Means::kProjectQuota &&
               (limit.means != plan::Means::kSampled || limit.from != plan::kByDefault)) {
      // One file cannot pass unseen, nor be larger than what it comes home to can hold. Nobody
      // chose the default of the disk, and images of disks are sparse. A quota counts what they
      // take.
      if (!Restrict(RLIMIT_FSIZE, limit.value)) return false;
    }
  }
  return true;
}

/// The errno that kept the agent from starting goes to `failure`, which an execve closes.
[[noreturn]] void BecomeAgent(const plan::LaunchPlan& plan, int terminal, char* const* argv,
                              char* const* environment, int failure) {
  ::setpgid(0, 0);
  if (terminal >= 0) TakeTerminal(terminal);
  ResetSignals();
  int error = EMFILE;
  // Init is not dumpable, which hides its /proc entries; execve makes the agent an ordinary
  // process again.
  if (sys::CloseAllBut(std::array{failure})) {
    if (!RestrictResources(plan.limits) || ::chdir(plan.cwd.c_str()) != 0) {
      error = errno;
    } else {
      error = ExecuteByName(plan, argv, environment);
    }
  }
  (void)!::write(failure, &error, sizeof error);
  ::_exit(127);
}

/// Until the child has executed or said why it did not: 0 or an errno.
int AwaitExecution(int failure, const Meanwhile& meanwhile) {
  std::array<pollfd, 2> sources = {
      pollfd{.fd = failure, .events = POLLIN, .revents = 0},
      pollfd{.fd = meanwhile.listener, .events = POLLIN, .revents = 0}};
  for (;;) {
    if (::poll(sources.data(), sources.size(), -1) < 0 && errno != EINTR) return errno;
    if ((sources[1].revents & POLLIN) != 0) meanwhile.told();
    if (sources[0].revents == 0) continue;
    int error = 0;
    return ::read(failure, &error, sizeof error) == sizeof error ? error : 0;
  }
}

}  // namespace

Result<pid_t> StartAgent(const plan::LaunchPlan& plan, int terminal, const Meanwhile& meanwhile) {
  const std::vector<char*> argv = Pointers(plan.argv);
  const std::vector<char*> environment = Pointers(plan.environment);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno(errno, "pipe2");
  const Fd failure(ends[0]);
  Fd childs_end(ends[1]);
  // No vfork: init would sleep until the execve, which may wait for init's answer.
  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno(errno, "fork");
  if (pid == 0) BecomeAgent(plan, terminal, argv.data(), environment.data(), childs_end.get());
  childs_end.Reset();
  meanwhile.forked(pid);
  const int error = AwaitExecution(failure.get(), meanwhile);
  if (error == 0) return pid;
  ::waitpid(pid, nullptr, 0);
  return FailErrno(error, fmt::format("'{}'", Printable(plan.argv[0])));
}

}  // namespace ambit::spawn::native
