#include "spawn/native/protocol.h"

#include <errno.h>

#include <span>

#include "sys/fd_passing.h"

namespace ambit::spawn::native {

Status Send(int socket, const Message& message, int fd) {
  const std::array<int, 1> fds = {fd};
  return sys::SendFds(socket, std::as_bytes(std::span(&message, 1)),
                      std::span(fds).first(fd >= 0 ? 1 : 0));
}

Status Receive(int socket, Message& message, Fd* fd) {
  std::array<Fd, 1> received;
  AMBIT_TRY(const sys::Received got,
            sys::ReceiveFds(socket, std::as_writable_bytes(std::span(&message, 1)), received));
  if (got.bytes == 0) return FailErrno(EPIPE, "message");
  if (got.bytes != sizeof message) return FailErrno(EPROTO, "message");
  message.text.back() = '\0';
  if (fd != nullptr) *fd = std::move(received[0]);
  return {};
}

}  // namespace ambit::spawn::native
