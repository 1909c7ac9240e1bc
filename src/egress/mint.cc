#include "egress/mint.h"

#include <errno.h>
#include <sys/socket.h>

#include <chrono>
#include <utility>

#include <boost/asio/post.hpp>

namespace ambit::egress {
namespace {

constexpr std::chrono::seconds kPatience(1);

/// Other work gets a turn after this many strangers.
constexpr int kAcceptsPerTurn = 64;

/// connect(2): lets go of the peer, and of a port that the kernel has chosen.
void LetGo(int socket) {
  constexpr sockaddr kNobody{.sa_family = AF_UNSPEC, .sa_data = {}};
  (void)::connect(socket, &kNobody, sizeof kNobody);
}

/// What is accepted inherits the listener's filter, and would hear nobody but the connector.
Status Hear(int socket) {
  const int unused = 0;
  if (::setsockopt(socket, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused) == 0) return {};
  return FailErrno(errno, "detach the filter of a socket of the run");
}

}  // namespace

Mint::Mint(asio::io_context& loop, Fd listener, Fd connector)
    : listener_(loop),
      connector_(std::move(connector)),
      at_(LocalAddressOf(listener.get()).value_or(Address{})),
      turn_(loop.get_executor(), Timer::time_point::max()) {
  listener_.assign(std::move(listener).Release());
}

Task<Result<Fd>> Mint::Make() {
  while (busy_) co_await Wait(turn_);
  busy_ = true;
  Result<Fd> made = co_await MakeOne();
  LetGo(connector_.get());
  busy_ = false;
  turn_.cancel_one();
  co_return made;
}

Task<Result<Fd>> Mint::MakeOne() {
  const SocketAddress to(at_);
  if (::connect(connector_.get(), to.get(), to.size()) != 0 && errno != EINPROGRESS) {
    co_return FailErrno(errno, "connect to the mint");
  }
  const auto own = LocalAddressOf(connector_.get());
  if (!own) co_return FailErrno(errno, "address of the connector");
  auto made = co_await AcceptOwn(*own);
  if (made) {
    if (const Status hears = Hear(made->get()); !hears) co_return std::unexpected(hears.error());
    LetGo(made->get());
  }
  co_return made;
}

Task<Result<Fd>> Mint::AcceptOwn(const Address& own) {
  Timer until(listener_.get_executor(), kPatience);
  bool waiting = false;
  for (int accepted = 0;; ++accepted) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    Fd socket(::accept4(listener_.native_handle(), reinterpret_cast<sockaddr*>(&peer), &size,
                        SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket && AddressIn(peer) == own) co_return socket;
    if (!socket && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
      co_return FailErrno(errno, "accept from the mint");
    }
    if (accepted % kAcceptsPerTurn == kAcceptsPerTurn - 1) {
      co_await asio::post(listener_.get_executor(), UseTask());
    }
    if (socket || errno != EAGAIN) continue;
    if (!std::exchange(waiting, true)) {
      until.async_wait([this](const boost::system::error_code& cancelled) {
        if (!cancelled) listener_.cancel();
      });
    }
    if (co_await Ready(listener_, Descriptor::wait_read)) {
      co_return FailErrno(ETIMEDOUT, "connect to the mint");
    }
  }
}

}  // namespace ambit::egress
