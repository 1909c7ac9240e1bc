#include "review/git_plumbing.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/fd.h"
#include "sys/process.h"

namespace ambit::review {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxComplaintBytes = 2000;
constexpr int kCannotStart = 127;

constexpr std::array kPlaces = {"/usr/bin/git", "/usr/local/bin/git", "/bin/git",
                                "/run/current-system/sw/bin/git"};

/// What git would otherwise take from files that are not ours, or do on its own.
constexpr std::array kFixedSettings = {
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null", "protocol.allow=never", "gc.auto=0", "maintenance.auto=false",
    // Names that a careless file system would take for `.git` are refused everywhere.
    "core.protectHFS=true", "core.protectNTFS=true", "transfer.fsckObjects=true",
    // One call's memory must not follow the number of processors or the size of a blob.
    "pack.threads=1", "index.threads=1", "core.bigFileThreshold=32m",
    "core.packedGitWindowSize=32m", "core.packedGitLimit=256m"};

constexpr std::array kFixedEnvironment = {
    "PATH=/usr/bin:/bin",       "HOME=/nonexistent",           "LC_ALL=C",
    "GIT_CONFIG_NOSYSTEM=1",    "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
    "GIT_ATTR_NOSYSTEM=1",      "GIT_TERMINAL_PROMPT=0",       "GIT_NO_LAZY_FETCH=1",
    "GIT_NO_REPLACE_OBJECTS=1", "GIT_OPTIONAL_LOCKS=0",        "GIT_PAGER=cat",
    "GIT_ALLOW_PROTOCOL=",      "GIT_PROTOCOL_FROM_USER=0"};

bool NobodyElseCanReplace(const char* path) {
  struct stat info{};
  return ::stat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == 0 &&
         (info.st_mode & (S_IWGRP | S_IWOTH)) == 0 && ::access(path, X_OK) == 0;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

Result<Fd> FileHolding(std::string_view text) {
  Fd file(::memfd_create("git-input", MFD_CLOEXEC));
  if (!file) return FailErrno(errno, "memfd_create");
  while (!text.empty()) {
    const ssize_t n = ::write(file.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(errno, "write a command's input");
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return FailErrno(errno, "seek a command's input");
  return file;
}

struct Pipe {
  Fd read;
  Fd write;
};

Result<Pipe> MakePipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno(errno, "pipe2");
  return Pipe{.read = Fd(ends[0]), .write = Fd(ends[1])};
}

std::string_view WithoutLineEnd(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

std::unexpected<Error> TooLarge(const std::string& command, std::string_view why) {
  return Fail(Errc::kLimit, fmt::format("too large: git {} {}", command, why),
              "look at it inside: 'ambit diff' shows what the run changed");
}

bool RanOutOfMemory(std::string_view complaint) {
  return complaint.contains("emory") &&
         (complaint.contains("ut of m") || complaint.contains("llocat"));
}

Result<std::string> Verdict(int status, std::string output, const std::string& complaint,
                            const GitCall& call) {
  const std::string& command = call.arguments.front();
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    if (signal == SIGXCPU || signal == SIGXFSZ || signal == SIGKILL) {
      return TooLarge(command, signal == SIGXFSZ ? "writes too much" : "takes too long");
    }
    return Fail(Errc::kIo, fmt::format("git {} was ended by signal {}", command, signal));
  }
  const int code = WEXITSTATUS(status);
  if (code == 0 || (code == 1 && call.one_is_success)) return output;
  if (code == kCannotStart) return Fail(Errc::kIo, fmt::format("git {} cannot be run", command));
  if (RanOutOfMemory(complaint)) return TooLarge(command, "needs too much memory");
  return Fail(Errc::kInvalidArgument,
              fmt::format("git {}: {}", command,
                          complaint.empty() ? fmt::format("exit code {}", code) : complaint));
}

}  // namespace

std::string QuotedForGit(std::string_view path) {
  std::string out = "\"";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7F) {
      out += fmt::format("\\{:03o}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

Result<Git> Git::Find(uid_t uid, gid_t gid, Clock::time_point deadline) {
  for (const char* place : kPlaces) {
    if (NobodyElseCanReplace(place)) return Git(place, uid, gid, deadline);
  }
  return Fail(Errc::kNotFound, "there is no git on this machine that only root can replace",
              "install git; 'ambit apply' brings the changes without it");
}

Result<std::string> Git::Run(const GitCall& call) const {
  std::vector<std::string> argv = {"git"};
  const auto set = [&argv](std::string setting) {
    argv.emplace_back("-c");
    argv.push_back(std::move(setting));
  };
  for (const char* setting : kFixedSettings) set(setting);
  for (const std::string& setting : call.settings) set(setting);
  argv.insert(argv.end(), call.arguments.begin(), call.arguments.end());
  std::vector<std::string> environment(kFixedEnvironment.begin(), kFixedEnvironment.end());
  // Without a repository none may be found by looking around either.
  environment.push_back("GIT_DIR=" + (call.git_dir.empty() ? "/dev/null" : call.git_dir));
  environment.insert(environment.end(), call.environment.begin(), call.environment.end());
  std::vector<char*> argv_pointers = Pointers(argv);
  std::vector<char*> environment_pointers = Pointers(environment);

  Fd input;
  if (call.input_fd < 0) {
    AMBIT_TRY(input, FileHolding(call.input));
  }
  AMBIT_TRY(Pipe out, MakePipe());
  AMBIT_TRY(Pipe err, MakePipe());
  AMBIT_TRY(const sys::Child child, sys::Clone(0));
  if (child.pid == 0) {
    Execute(input ? input.get() : call.input_fd,
            call.output_fd >= 0 ? call.output_fd : out.write.get(), err.write.get(),
            argv_pointers.data(), environment_pointers.data());
  }
  out.write.Reset();
  err.write.Reset();
  return Collect(child.pidfd.get(), out.read.get(), err.read.get(), call);
}

void Git::Execute(int in, int out, int err, char* const* argv, char* const* environment) const {
  const auto limit = [](__rlimit_resource_t resource, std::uint64_t value) {
    const rlimit bound{.rlim_cur = value, .rlim_max = value};
    if (::setrlimit(resource, &bound) != 0) ::_exit(kCannotStart);
  };
  if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) ::_exit(kCannotStart);
  if (!sys::CloseAllBut({})) ::_exit(kCannotStart);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGCHLD}) ::signal(signal, SIG_DFL);
  const auto left =
      std::chrono::duration_cast<std::chrono::seconds>(deadline_ - Clock::now()).count();
  limit(RLIMIT_CPU, static_cast<std::uint64_t>(std::max<std::int64_t>(left, 0)) + 1);
  // Not the address space: the packs of a large repository are mapped, which costs nothing.
  limit(RLIMIT_DATA, kMaxGitMemoryBytes);
  limit(RLIMIT_FSIZE, kMaxGitFileBytes);
  limit(RLIMIT_CORE, 0);
  if (::geteuid() == 0 && uid_ != 0 && !sys::BecomeUser(uid_, gid_)) ::_exit(kCannotStart);
  if (!sys::DieWithParent() || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::chdir("/") != 0) {
    ::_exit(kCannotStart);
  }
  ::execve(program_.c_str(), argv, environment);
  ::_exit(kCannotStart);
}

Result<std::string> Git::Collect(int pidfd, int out, int err, const GitCall& call) const {
  std::string output;
  std::string complaint;
  std::string_view stopped;
  std::array<pollfd, 2> sources = {pollfd{.fd = out, .events = POLLIN, .revents = 0},
                                   pollfd{.fd = err, .events = POLLIN, .revents = 0}};
  std::vector<char> buffer(256U << 10);
  while (stopped.empty() && (sources[0].fd >= 0 || sources[1].fd >= 0)) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    if (left <= 0) {
      stopped = "takes too long";
      break;
    }
    if (::poll(sources.data(), sources.size(), static_cast<int>(left) + 1) < 0 && errno != EINTR) {
      stopped = "cannot be waited for";
    }
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (sources[i].fd < 0 || sources[i].revents == 0) continue;
      const ssize_t n = ::read(sources[i].fd, buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        sources[i].fd = -1;
        continue;
      }
      const std::string_view piece(buffer.data(), static_cast<std::size_t>(n));
      if (i == 0) output += piece;
      if (i == 1) complaint += piece.substr(0, kMaxComplaintBytes - complaint.size());
      if (output.size() > call.max_output_bytes) stopped = "says too much";
    }
  }
  if (!stopped.empty()) AMBIT_CHECK(sys::Kill(pidfd, SIGKILL));
  AMBIT_TRY(const int status, sys::Reap(pidfd));
  if (!stopped.empty()) return TooLarge(call.arguments.front(), stopped);
  return Verdict(status, std::move(output), std::string(WithoutLineEnd(complaint)), call);
}

}  // namespace ambit::review
