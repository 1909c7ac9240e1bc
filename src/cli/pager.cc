#include "cli/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "cli/cli.h"

namespace ambit::cli {
namespace {

constexpr std::array kPrograms = {"/usr/bin/less", "/bin/less"};

/// The environment without what makes less read or write files.
std::vector<std::string> PagerEnvironment() {
  std::vector<std::string> out = {"LESSSECURE=1", "LESSHISTFILE=-"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (text.starts_with("TERM=") || text.starts_with("LC_") || text.starts_with("LANG=") ||
        text.starts_with("COLUMNS=") || text.starts_with("LINES=")) {
      out.emplace_back(text);
    }
  }
  return out;
}

pid_t Spawn(const char* program, int input) {
  posix_spawn_file_actions_t actions;
  if (::posix_spawn_file_actions_init(&actions) != 0) return -1;
  ::posix_spawn_file_actions_adddup2(&actions, input, 0);
  std::vector<std::string> environment = PagerEnvironment();
  std::vector<char*> pointers;
  for (std::string& entry : environment) pointers.push_back(entry.data());
  pointers.push_back(nullptr);
  std::string name = "less";
  std::string flags = "-FRX";
  std::array<char*, 3> argv = {name.data(), flags.data(), nullptr};
  pid_t child = -1;
  const int failed =
      ::posix_spawn(&child, program, &actions, nullptr, argv.data(), pointers.data());
  ::posix_spawn_file_actions_destroy(&actions);
  return failed == 0 ? child : -1;
}

}  // namespace

Pager Pager::Start(bool wanted) {
  std::array<int, 2> ends{-1, -1};
  if (!wanted || ::pipe2(ends.data(), O_CLOEXEC) != 0) return Pager(-1, Fd());
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  for (const char* program : kPrograms) {
    const pid_t child = Spawn(program, reading.get());
    if (child < 0) continue;
    Pager pager(child, std::move(writing));
    // Ctrl-C belongs to the reader, and one who leaves early is no reason to die.
    struct sigaction ignored{};
    ignored.sa_handler = SIG_IGN;
    ::sigaction(SIGINT, &ignored, &pager.interrupt_);
    ::sigaction(SIGPIPE, &ignored, &pager.broken_pipe_);
    return pager;
  }
  return Pager(-1, Fd());
}

Pager::Pager(Pager&& other) noexcept
    : child_(std::exchange(other.child_, -1)),
      to_child_(std::move(other.to_child_)),
      left_(other.left_),
      interrupt_(other.interrupt_),
      broken_pipe_(other.broken_pipe_) {}

Pager::~Pager() {
  to_child_.Reset();
  if (child_ <= 0) return;
  while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
  ::sigaction(SIGINT, &interrupt_, nullptr);
  ::sigaction(SIGPIPE, &broken_pipe_, nullptr);
}

Status Pager::Write(std::string_view text) {
  if (child_ < 0) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return {};
    return FailErrno(errno, "write to stdout");
  }
  while (!text.empty() && !left_) {
    const ssize_t n = ::write(to_child_.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EPIPE) {
      left_ = true;
    } else if (n < 0) {
      return FailErrno(errno, "write to the pager");
    } else {
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  return {};
}

}  // namespace ambit::cli
