#include "supervise/outside_watch.h"

#include <string.h>

#include <string>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ambit::supervise {

namespace asio = boost::asio;

asio::awaitable<void> OutsideWatch::Watch(asio::io_context& io) {
  asio::steady_timer pause(io);
  const auto& proxy = inputs_.network.proxy;
  bool owes_login = proxy && proxy->with_login;
  for (;;) {
    if (owes_login) owes_login = !TellLogin();
    // What egress has read by itself is not asked for again while the agent is waited for.
    pause.expires_after(HostNames::kBetweenLooks);
    boost::system::error_code error;
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    for (const egress::Order& order : inputs_.host_names.Look(inputs_.rules, proxy)) Tell(order);
  }
}

/// Egress is not ready before it has it.
bool OutsideWatch::TellLogin() {
  egress::Order order{.kind = egress::OrderKind::kProxyLogin, .addresses = {}, .text = {}};
  if (inputs_.login) order.text = inputs_.login->text();
  const bool told = egress::SendOrder(inputs_.egress, order).has_value();
  ::explicit_bzero(order.text.data(), order.text.size());
  return told;
}

void OutsideWatch::Tell(const egress::Order& order) {
  if (!egress::SendOrder(inputs_.egress, order)) {
    inputs_.host_names.Missed(order.kind);  // it is busy
    return;
  }
  if (const auto event = EventOf(order)) inputs_.emit(*event);
}

}  // namespace ambit::supervise
