#include "egress/proxy_tunnel.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "proto/proxy_answer.h"

namespace ambit::egress {
namespace {

constexpr std::chrono::seconds kLongest(30);

using State = proto::ProxyAnswer::State;

std::string RequestFor(std::string_view target, std::string_view login) {
  return fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n{1}{2}{3}\r\n", target,
                     login.empty() ? "" : "Proxy-Authorization: ", login,
                     login.empty() ? "" : "\r\n");
}

/// 0, or an errno.
Task<int> SendRequest(Descriptor& proxy, std::string request) {
  std::string_view rest = request;
  while (!rest.empty()) {
    const ssize_t sent =
        ::send(proxy.native_handle(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
    if (sent >= 0 || errno == EINTR) continue;
    if (errno != EAGAIN) co_return errno;
    if (co_await Ready(proxy, Descriptor::wait_write)) co_return ECANCELED;
  }
  co_return 0;
}

/// What is behind the head stays in the socket: it is of the tunnel.
Task<TunnelAnswer> ReadAnswer(Descriptor& proxy) {
  std::string head;
  std::array<char, 4096> block{};
  while (!co_await Ready(proxy, Descriptor::wait_read)) {
    const ssize_t seen =
        ::recv(proxy.native_handle(), block.data(), block.size(), MSG_PEEK | MSG_DONTWAIT);
    if (seen < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (seen < 0) co_return TunnelAnswer{.error = errno};
    if (seen == 0) co_return TunnelAnswer{.error = EPROTO};
    const std::size_t before = head.size();
    head.append(block.data(), static_cast<std::size_t>(seen));
    const proto::ProxyAnswer answer = proto::ReadProxyAnswer(head);
    if (answer.state == State::kBad) co_return TunnelAnswer{.error = EPROTO};
    const std::size_t taken =
        answer.state == State::kWhole ? answer.bytes - before : static_cast<std::size_t>(seen);
    if (::recv(proxy.native_handle(), block.data(), taken, MSG_DONTWAIT) !=
        static_cast<ssize_t>(taken)) {
      co_return TunnelAnswer{.error = EPROTO};
    }
    if (answer.state == State::kWhole) co_return TunnelAnswer{.status = answer.status};
  }
  co_return TunnelAnswer{.error = ECANCELED};
}

}  // namespace

Task<TunnelAnswer> OpenTunnel(asio::io_context& loop, Descriptor& proxy, std::string target,
                              std::string login, Patience& patience) {
  // What closes the connection may outlive this call, not the connection's end: it asks first.
  const auto running = std::make_shared<Descriptor*>(&proxy);
  const auto stop = [running] {
    boost::system::error_code ignored;
    if (*running != nullptr) (*running)->close(ignored);
  };
  bool too_late = false;
  Timer until(loop.get_executor());
  until.expires_after(kLongest);
  until.async_wait([running, stop, &too_late](const boost::system::error_code& cancelled) {
    if (cancelled || *running == nullptr) return;
    too_late = true;
    stop();
  });
  patience.WakeBy(stop);

  TunnelAnswer answer{.error = co_await SendRequest(proxy, RequestFor(target, login))};
  if (answer.error == 0) answer = co_await ReadAnswer(proxy);
  *running = nullptr;
  patience.WakeBy({});
  until.cancel();
  if (too_late) answer = {.error = ETIMEDOUT};
  if (patience.over()) answer = {.error = ECANCELED};
  co_return answer;
}

}  // namespace ambit::egress
