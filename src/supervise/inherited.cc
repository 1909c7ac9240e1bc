#include "supervise/inherited.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sys/process.h"

namespace ambit::supervise {
namespace {

/// Such a socket leads to its one peer and nowhere else. Any other could be connected anew from
/// inside, in the network namespace it was made in: the host's.
bool IsConnectedUnixStream(int fd) {
  int domain = 0;
  int type = 0;
  socklen_t size = sizeof domain;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return false;
  size = sizeof type;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return false;
  sockaddr_storage peer{};
  size = sizeof peer;
  return domain == AF_UNIX && (type == SOCK_STREAM || type == SOCK_SEQPACKET) &&
         ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
}

/// A standard stream reaches the agent as it is. An open directory would be a door to everything
/// around it that only Landlock keeps shut.
Status RefuseDirectoriesAsStreams() {
  for (int stream = 0; stream <= 2; ++stream) {
    struct stat info{};
    if (::fstat(stream, &info) != 0) return FailErrno(errno, "fstat of a standard stream");
    if (S_ISDIR(info.st_mode)) {
      return Fail(Errc::kInvalidArgument, fmt::format("standard stream {} is a directory", stream),
                  "redirect it from a file, a pipe or /dev/null");
    }
    if (S_ISSOCK(info.st_mode) && !IsConnectedUnixStream(stream)) {
      return Fail(Errc::kInvalidArgument,
                  fmt::format("standard stream {} is a socket of the host's network", stream),
                  "put it behind a pipe: ... | ambit run -- ... | ...");
    }
  }
  return {};
}

}  // namespace

Status TidyDescriptors() {
  AMBIT_CHECK(sys::FillStandardStreams());
  AMBIT_CHECK(sys::CloseAllBut({}));
  return RefuseDirectoriesAsStreams();
}

}  // namespace ambit::supervise
