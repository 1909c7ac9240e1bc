#include "supervise/control_client.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <span>

#include "base/fd.h"

namespace ambit::supervise {

Result<std::vector<ControlReply>> Say(int run_directory, const ControlRequest& request,
                                      std::chrono::seconds patience) {
  const Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket) return FailErrno(errno, "make a socket");
  const sockaddr_un address = ControlAddressIn(run_directory);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) {
      return Fail(Errc::kNotFound, "the run is not going on", "'ambit ps' lists those that are");
    }
    return FailErrno(errno, "speak to the run");
  }
  const timeval longest{.tv_sec = patience.count(), .tv_usec = 0};
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
  if (::send(socket.get(), &request, sizeof request, MSG_NOSIGNAL) !=
      static_cast<ssize_t>(sizeof request)) {
    return FailErrno(errno, "speak to the run");
  }
  std::vector<ControlReply> reply;
  do {
    std::array<std::byte, sizeof(ControlReply) + 1> message{};
    const ssize_t got = ::recv(socket.get(), message.data(), message.size(), 0);
    if (got < 0) return FailErrno(errno, "hear the run's answer");
    if (got == 0) return Fail(Errc::kIo, "the run ended before it answered");
    AMBIT_TRY(const ControlReply record,
              DecodeReply(std::span(message).first(static_cast<std::size_t>(got))));
    reply.push_back(record);
  } while (reply.back().kind == ReplyKind::kQuestion);
  return reply;
}

}  // namespace ambit::supervise
