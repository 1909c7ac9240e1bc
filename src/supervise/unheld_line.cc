#include "supervise/unheld_line.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <ctime>

#include "base/fd.h"

namespace ambit::supervise {
namespace {

/// SIGPIPE of what is written meanwhile is taken away: it would end the run. A pipe has no flag for
/// it, and what is ignored is inherited.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    ::sigemptyset(&only_);
    ::sigaddset(&only_, SIGPIPE);
    ::sigprocmask(SIG_BLOCK, &only_, &before_);
  }
  ~WithoutSigpipe() {
    const timespec at_once{};
    while (::sigtimedwait(&only_, nullptr, &at_once) < 0 && errno == EINTR) continue;
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

 private:
  sigset_t only_{};
  sigset_t before_{};
};

/// O_NONBLOCK would be the reader's and the program's as well: it is of the open file. So the pipe
/// is opened again; one of another user cannot be, which kernels since 6.4 need not.
ssize_t WriteToPipe(int fd, std::string_view line) {
  const WithoutSigpipe without;
  const Fd own(
      ::open(fmt::format("/proc/self/fd/{}", fd).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (own) return ::write(own.get(), line.data(), line.size());
  const iovec whole{.iov_base = const_cast<char*>(line.data()), .iov_len = line.size()};
  constexpr off_t kHere = -1;
  return ::pwritev2(fd, &whole, 1, kHere, RWF_NOWAIT);
}

}  // namespace

bool WriteUnheld(int fd, std::string_view line) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return false;
  ssize_t written = -1;
  if (S_ISSOCK(info.st_mode)) {
    written = ::send(fd, line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } else if (S_ISFIFO(info.st_mode)) {
    written = WriteToPipe(fd, line);
  } else {
    written = ::write(fd, line.data(), line.size());  // files take what they get
  }
  return written == static_cast<ssize_t>(line.size());
}

}  // namespace ambit::supervise
