#include "egress/upstream.h"

#include <errno.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "egress/dial.h"
#include "egress/proxy_tunnel.h"
#include "policy/private_names.h"

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

/// As CONNECT names it.
std::string TextFor(const Wanted& wanted) {
  if (wanted.name != nullptr) return fmt::format("{}:{}", wanted.name->text(), wanted.port);
  const std::string address = policy::TextOf(wanted.address);
  return fmt::format(fmt::runtime(policy::IsV4(wanted.address) ? "{}:{}" : "[{}]:{}"), address,
                     wanted.port);
}

/// Whether a name that is private, or is not, may be dialled at an address of this kind.
bool MayLeadTo(policy::Reach reach, bool is_private) {
  if (reach == policy::Reach::kPublic) return true;
  return is_private && (reach == policy::Reach::kPrivate || reach == policy::Reach::kOwn);
}

}  // namespace

Upstream::Upstream(asio::io_context& loop, const policy::NetRules& rules, Outside outside)
    : loop_(loop),
      rules_(rules),
      resolver_(std::move(outside.resolver)),
      own_(std::move(outside.own)),
      proxy_(std::move(outside.proxy)) {
  resolver_->RunOn(loop_);
}

void Upstream::Obey(const Order& order) {
  switch (order.kind) {
    case OrderKind::kResolvers:
      return resolver_->UseServers(order.addresses);
    case OrderKind::kHosts:
      return resolver_->UseHosts(order.text);
    case OrderKind::kOwnAddresses:
      own_ = {order.addresses.begin(), order.addresses.end()};
      return;
    case OrderKind::kProxyLogin:
      proxy_login_ = order.text;
      return;
    case OrderKind::kAnswer:
    case OrderKind::kAllow:
    case OrderKind::kDeny:
    case OrderKind::kPublish:
      return;
  }
}

policy::NetDecision Upstream::Decide(const Wanted& wanted) const {
  return wanted.name != nullptr ? policy::Decide(rules_, *wanted.name, wanted.port)
                                : policy::Decide(rules_, wanted.address, wanted.port, own_);
}

policy::Reach Upstream::ReachOf(const policy::AddressBytes& address) const {
  return policy::ReachOf(address, own_);
}

Task<std::expected<void, NotConnected>> Upstream::Connect(Descriptor& out, Wanted wanted,
                                                          Patience& patience) {
  if (GoesByProxy(wanted)) co_return co_await ConnectByProxy(out, wanted, patience);
  std::vector<policy::AddressBytes> addresses = {wanted.address};
  if (wanted.name != nullptr) {
    auto found = co_await AddressesOf(*wanted.name, wanted.port, patience);
    if (!found) co_return std::unexpected(found.error());
    addresses = *std::move(found);
  }
  const int failed = co_await DialAny(loop_, out, std::move(addresses), wanted.port, patience);
  if (failed != 0) co_return std::unexpected(NotConnected{.error = failed});
  co_return std::expected<void, NotConnected>();
}

/// Deny wins over what leads there, too.
policy::Reach Upstream::ReachOfDialled(const policy::AddressBytes& address,
                                       std::uint16_t port) const {
  return policy::IsDenied(rules_, address, port) ? policy::Reach::kDenied : ReachOf(address);
}

Task<std::expected<std::vector<policy::AddressBytes>, NotConnected>> Upstream::AddressesOf(
    const HostName& name, std::uint16_t port, Patience& patience) {
  policy::Privacy privacy = policy::PrivacyOf(rules_, name);
  const bool is_written = !privacy.leads_to.empty();
  std::vector<policy::AddressBytes> found = std::move(privacy.leads_to);
  if (!is_written) {
    auto looked_up = co_await LookUp(name, patience);
    if (!looked_up) co_return std::unexpected(looked_up.error());
    found = *std::move(looked_up);
  }
  std::vector<policy::AddressBytes> reachable = found;
  std::erase_if(reachable, [&](const policy::AddressBytes& address) {
    const policy::Reach reach = ReachOfDialled(address, port);
    return reach == policy::Reach::kDenied ||
           (!is_written && !MayLeadTo(reach, privacy.by != nullptr));
  });
  if (!reachable.empty()) co_return reachable;
  co_return std::unexpected(NotConnected{.kind = ReportKind::kUnreachable,
                                         .reach = ReachOfDialled(found.front(), port),
                                         .address = found.front()});
}

/// Whatever it leads to.
Task<std::expected<std::vector<policy::AddressBytes>, NotConnected>> Upstream::LookUp(
    const HostName& name, Patience& patience) {
  auto found = co_await resolver_->Resolve(name, patience);
  if (found) co_return *std::move(found);
  if (patience.over()) co_return std::unexpected(NotConnected{.error = ECANCELED});
  const int error = found.error().code == Errc::kNotFound ? ENOENT : ETIMEDOUT;
  co_return std::unexpected(NotConnected{.kind = ReportKind::kUnreachable, .error = error});
}

bool Upstream::IsComplete() const {
  return !proxy_ || !proxy_->with_login || proxy_login_.has_value();
}

/// An address that somebody wrote for a name is where it leads, not the proxy.
bool Upstream::GoesByProxy(const Wanted& wanted) const {
  if (!proxy_) return false;
  if (wanted.name != nullptr && !policy::PrivacyOf(rules_, *wanted.name).leads_to.empty())
    return false;
  return plan::GoesByProxy(*proxy_, wanted.name, wanted.address, wanted.port);
}

/// The proxy is the host's choice, wherever it is.
Task<std::expected<void, NotConnected>> Upstream::ConnectByProxy(Descriptor& out, Wanted wanted,
                                                                 Patience& patience) {
  std::vector<policy::AddressBytes> addresses;
  if (const auto address = policy::AddressIn(proxy_->host)) {
    addresses = {*address};
  } else if (const auto name = HostName::Parse(proxy_->host)) {
    auto found = co_await LookUp(*name, patience);
    if (!found) {
      co_return std::unexpected(
          NotConnected{.kind = ReportKind::kProxyFailed, .error = found.error().error});
    }
    addresses = *std::move(found);
  }
  const int failed = co_await DialAny(loop_, out, std::move(addresses), proxy_->port, patience);
  if (failed != 0) {
    co_return std::unexpected(NotConnected{.kind = ReportKind::kProxyFailed, .error = failed});
  }
  const TunnelAnswer answer =
      co_await OpenTunnel(loop_, out, TextFor(wanted), proxy_login_.value_or(""), patience);
  if (answer.Stands()) co_return std::expected<void, NotConnected>();
  boost::system::error_code ignored;
  out.close(ignored);
  co_return std::unexpected(NotConnected{
      .kind = ReportKind::kProxyFailed, .error = answer.error, .status = answer.status});
}

Task<int> DialAny(asio::io_context& loop, Descriptor& out,
                  std::vector<policy::AddressBytes> addresses, std::uint16_t port,
                  Patience& patience) {
  auto race = std::make_shared<Race>(loop, out);
  patience.WakeBy([race] { race->changed.cancel(); });
  boost::system::error_code ignored;
  for (std::size_t next = 0;
       !race->won && !patience.over() && (next < addresses.size() || !race->running.empty());) {
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
  patience.WakeBy({});
  for (const auto& socket : race->running) socket->close(ignored);
  if (race->won) co_return 0;
  co_return patience.over() ? ECANCELED : race->error;
}

}  // namespace ambit::egress
