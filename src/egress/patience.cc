#include "egress/patience.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

namespace ambit::egress {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks(100);
constexpr std::chrono::seconds kAfterItsLastWord(2);

}  // namespace

Client StateOf(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return Client::kGone;
  switch (info.tcpi_state) {
    case TCP_ESTABLISHED:
      return Client::kThere;
    case TCP_CLOSE_WAIT:
      return Client::kSaidItsLastWord;
    default:
      return Client::kGone;
  }
}

std::shared_ptr<Patience> Patience::Of(asio::io_context& loop, int client) {
  auto patience = std::make_shared<Patience>(loop, client);
  asio::co_spawn(loop.get_executor(), patience->Watch(patience), asio::detached);
  return patience;
}

void Patience::WakeBy(std::function<void()> wake) {
  wake_ = std::move(wake);
  if (over_ && wake_) wake_();
}

void Patience::End() {
  ended_ = true;
  wake_ = {};
  timer_.cancel();
}

Task<> Patience::Watch(std::shared_ptr<Patience> self) {
  // Most connections stand before there is anything to look at.
  co_await asio::post(self->timer_.get_executor(), UseTask());
  const auto more_looks = kAfterItsLastWord / kBetweenLooks;
  for (int last_words = 0; !self->ended_;) {
    const Client client = StateOf(self->client_);
    if (client == Client::kSaidItsLastWord) ++last_words;
    if (client == Client::kGone || last_words > more_looks) {
      self->over_ = true;
      if (self->wake_) self->wake_();
      co_return;
    }
    self->timer_.expires_after(kBetweenLooks);
    co_await Wait(self->timer_);
  }
}

}  // namespace ambit::egress
