#include "supervise/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace ambit::supervise {

StandardStreams InspectStandardStreams() {
  const bool in_foreground = ::tcgetpgrp(0) == ::getpgrp();
  return {.input = ::isatty(0) == 1 && in_foreground,
          .output = ::isatty(1) == 1,
          .error = ::isatty(2) == 1};
}

Result<RawTerminal> RawTerminal::Enter(bool keep_output) {
  termios saved{};
  if (::tcgetattr(0, &saved) != 0) return FailErrno(errno, "tcgetattr");
  const int flags = ::fcntl(0, F_GETFL);
  if (flags < 0) return FailErrno(errno, "fcntl of the terminal");
  termios raw = saved;
  ::cfmakeraw(&raw);
  if (keep_output) raw.c_oflag = saved.c_oflag;
  if (::tcsetattr(0, TCSANOW, &raw) != 0) return FailErrno(errno, "tcsetattr");
  return RawTerminal(saved, flags);
}

RawTerminal::~RawTerminal() {
  if (!saved_) return;
  // The event loop made it non-blocking, and the person's shell shares that.
  ::fcntl(0, F_SETFL, flags_);
  // TCSAFLUSH: what the agent's program asked the terminal and nobody read must not become input
  // of the person's shell.
  ::tcsetattr(0, TCSAFLUSH, &*saved_);
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
