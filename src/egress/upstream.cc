#include "egress/upstream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "egress/dial.h"

namespace ambit::egress {
namespace {

constexpr std::chrono::milliseconds kHeadStart(250);
constexpr std::chrono::milliseconds kLongestAttempt(10'000);

/// Attempts that race; the first that stands wins, the others are closed.
struct Race {
  Race(asio::io_context& loop, Descriptor& to) : out(to), changed(loop.get_executor()) {}
  Descriptor& out;
  Timer changed;
  std::vector<std::shared_ptr<Descriptor>> running;
  int error = ETIMEDOUT;
  bool won = false;
};

Task<> Attempt(std::shared_ptr<Race> race, std::shared_ptr<Descriptor> socket,
               policy::AddressBytes address, std::uint16_t port) {
  const int failed = co_await Dial(*socket, address, port);
  std::erase(race->running, socket);
  if (failed == 0 && !race->won) {
    race->won = true;
    race->out = std::move(*socket);
  } else if (failed != ECANCELED) {
    race->error = failed;
  }
  race->changed.cancel();
}

}  // namespace

std::vector<policy::AddressBytes> OnlyPublic(std::vector<policy::AddressBytes> addresses) {
  std::erase_if(addresses, [](const auto& address) { return ReachOf(address) != Reach::kPublic; });
  return addresses;
}

Task<int> DialAny(asio::io_context& loop, Descriptor& out,
                  std::vector<policy::AddressBytes> addresses, std::uint16_t port) {
  auto race = std::make_shared<Race>(loop, out);
  boost::system::error_code ignored;
  for (std::size_t next = 0; !race->won && (next < addresses.size() || !race->running.empty());) {
    const bool starts = next < addresses.size() && race->running.size() < kMostAttempts;
    if (starts) {
      auto socket = std::make_shared<Descriptor>(loop);
      race->running.push_back(socket);
      asio::co_spawn(loop.get_executor(), Attempt(race, socket, addresses[next++], port),
                     asio::detached);
      // It may have ended before it had to wait for anything.
      if (std::ranges::find(race->running, socket) == race->running.end()) continue;
    }
    const bool another = next < addresses.size() && race->running.size() < kMostAttempts;
    race->changed.expires_after(another ? kHeadStart : kLongestAttempt);
    const auto running = race->running.size();
    co_await Wait(race->changed);
    // Nothing has become of the oldest one: its place is for the next.
    if (!another && !race->won && race->running.size() == running) race->running[0]->close(ignored);
  }
  for (const auto& socket : race->running) socket->close(ignored);
  co_return race->won ? 0 : race->error;
}

}  // namespace ambit::egress
