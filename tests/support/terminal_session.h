#pragma once
// `ambit` on a terminal of the test's own, with somebody who types. Header only: the tests that use
// it are few.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/fd.h"
#include "support/run_ambit.h"

namespace ambit::testing {

/// A terminal of the test's own with `ambit`, or another program, started on it.
class TerminalSession {
 public:
  TerminalSession(const Scratch& person, const std::vector<std::string>& arguments,
                  const std::string& program = AmbitBinary())
      : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    ::grantpt(master_.get());
    ::unlockpt(master_.get());
    const std::string name = ::ptsname(master_.get());
    keep_ = Fd(::open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    const winsize size{.ws_row = 33, .ws_col = 99, .ws_xpixel = 0, .ws_ypixel = 0};
    ::ioctl(master_.get(), TIOCSWINSZ, &size);
    ::tcgetattr(keep_.get(), &before_);
    pid_ = person.StartOnTerminal(arguments, name, program);
  }

  void Type(const std::string& text) const {
    ASSERT_EQ(::write(master_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  /// Everything shown until `text` appears; fails after half a minute.
  std::string ShownUntil(const std::string& text) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (shown_.find(text) == std::string::npos) {
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "'" << text << "' was not shown, but: " << shown_;
        break;
      }
      pollfd source{.fd = master_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&source, 1, 100) <= 0) continue;
      char buffer[4096];
      const ssize_t n = ::read(master_.get(), buffer, sizeof buffer);
      if (n > 0) shown_.append(buffer, static_cast<std::size_t>(n));
    }
    return shown_;
  }

  /// All that is left to be read, when the program has ended.
  std::string ShownAtTheEnd() {
    char buffer[4096];
    pollfd source{.fd = master_.get(), .events = POLLIN, .revents = 0};
    while (::poll(&source, 1, 100) > 0) {
      const ssize_t n = ::read(master_.get(), buffer, sizeof buffer);
      if (n <= 0) break;
      shown_.append(buffer, static_cast<std::size_t>(n));
    }
    return shown_;
  }

  void Forget() { shown_.clear(); }

  /// The same, and the next search begins behind it.
  void SkipTo(const std::string& text) {
    const std::size_t at = ShownUntil(text).find(text);
    shown_.erase(0, at == std::string::npos ? at : at + text.size());
  }

  /// Its exit code; killed, and 137, when it does not end within a minute.
  int Wait() {
    int status = 0;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > deadline) ::kill(pid_, SIGKILL);
      ::usleep(2000);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  pid_t pid() const { return pid_; }

  void Resize(unsigned short rows) const {
    const winsize size{.ws_row = rows, .ws_col = 99, .ws_xpixel = 0, .ws_ypixel = 0};
    ::ioctl(master_.get(), TIOCSWINSZ, &size);
  }

  /// As a run has it, and no line editor of a shell; waits ten seconds at most.
  bool BecomesRaw() const {
    termios now{};
    for (int i = 0; i < 1000; ++i) {
      ::tcgetattr(keep_.get(), &now);
      if ((now.c_oflag & OPOST) == 0 && (now.c_lflag & ISIG) == 0) return true;
      ::usleep(10000);
    }
    return false;
  }

  bool TerminalIsAsBefore() const {
    termios now{};
    ::tcgetattr(keep_.get(), &now);
    return now.c_lflag == before_.c_lflag && now.c_iflag == before_.c_iflag &&
           now.c_oflag == before_.c_oflag;
  }

 private:
  Fd master_;
  Fd keep_;
  termios before_{};
  pid_t pid_ = -1;
  std::string shown_;
};

}  // namespace ambit::testing
