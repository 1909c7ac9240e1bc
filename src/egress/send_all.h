#pragma once
// Sends what is at hand, waiting for room. Who calls: egress/relay.
#include <errno.h>
#include <sys/socket.h>

#include <string_view>

#include "egress/loop.h"

namespace ambit::egress {

/// Everything, however small the socket's buffer is. False: the other side has gone, and `bytes` is
/// what it did not get.
inline Task<bool> SendFrom(Descriptor& to, std::string_view& bytes) {
  while (!bytes.empty()) {
    const ssize_t sent =
        ::send(to.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    if (sent >= 0 || errno == EINTR) continue;
    if (errno != EAGAIN) co_return false;
    if (co_await Ready(to, Descriptor::wait_write)) co_return false;
  }
  co_return true;
}

/// The same, for those who do not want to know how much was sent.
inline Task<bool> SendAll(Descriptor& to, std::string_view bytes) {
  co_return co_await SendFrom(to, bytes);
}

}  // namespace ambit::egress
