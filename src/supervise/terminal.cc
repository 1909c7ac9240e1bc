#include "supervise/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace ambit::supervise {
namespace {

/// The control characters stay out of it: a mode is ours when it behaves like ours.
bool IsSameMode(const termios& a, const termios& b) {
  return a.c_iflag == b.c_iflag && a.c_oflag == b.c_oflag && a.c_cflag == b.c_cflag &&
         a.c_lflag == b.c_lflag;
}

}  // namespace

StandardStreams InspectStandardStreams() {
  return {.input = ::tcgetpgrp(0) >= 0, .output = ::isatty(1) == 1, .error = ::isatty(2) == 1};
}

bool IsForegroundJob() { return ::tcgetpgrp(0) == ::getpgrp(); }

Status MakeRaw(TerminalState& state, bool keep_output) {
  termios now{};
  if (::tcgetattr(0, &now) != 0) return FailErrno(errno, "tcgetattr");
  const bool was_raw = state.raw;
  if (was_raw && IsSameMode(now, state.during)) return {};
  state.raw = false;
  state.before = now;
  if (!was_raw) state.flags = ::fcntl(0, F_GETFL);
  if (state.flags < 0) return FailErrno(errno, "fcntl of the terminal");
  state.during = now;
  ::cfmakeraw(&state.during);
  if (keep_output) state.during.c_oflag = now.c_oflag;
  state.raw = true;
  if (::tcsetattr(0, TCSANOW, &state.during) != 0) return FailErrno(errno, "tcsetattr");
  return {};
}

void MakeAsBefore(TerminalState& state) {
  if (!state.raw) return;
  // The event loop made it non-blocking, and the person's shell shares that.
  ::fcntl(0, F_SETFL, state.flags);
  // A shell that saw the run die first has set a mode of its own, and reads with it.
  termios now{};
  if (::tcgetattr(0, &now) == 0 && IsSameMode(now, state.during)) {
    // TCSAFLUSH: what the agent's program asked the terminal and nobody read must not become input
    // of the person's shell.
    ::tcsetattr(0, TCSAFLUSH, &state.before);
  }
  state.raw = false;
}

void WriteToTerminal(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd terminal{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&terminal, 1, -1);
    } else if (errno != EINTR) {
      return;
    }
  }
}

void CopyWindowSize(int pty_master) {
  winsize size{};
  for (int fd = 0; fd <= 2; ++fd) {
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0) {
      ::ioctl(pty_master, TIOCSWINSZ, &size);
      return;
    }
  }
}

}  // namespace ambit::supervise
