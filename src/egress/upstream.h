#pragma once
// Connects to the world: a name is looked up, what it leads to is judged, and the very address that
// was judged is dialled. Who calls: egress/relay. One thread; outlives what it connects.
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "egress/loop.h"
#include "egress/order.h"
#include "egress/patience.h"
#include "egress/report.h"
#include "egress/resolver.h"
#include "plan/proxy.h"
#include "policy/foreign.h"
#include "policy/net_decision.h"
#include "policy/net_rules.h"

namespace ambit::egress {

/// What a client is to be connected to.
struct Wanted {
  const HostName* name = nullptr;  // nullptr: an address
  policy::AddressBytes address{};  // of an address
  std::uint16_t port = 0;
};

/// Why somebody is not connected.
struct NotConnected {
  ReportKind kind = ReportKind::kUpstreamFailed;  // or kUnreachable, kProxyFailed
  int error = 0;                                  // errno
  int status = 0;                                 // kProxyFailed: what the proxy answered
  policy::Reach reach = policy::Reach::kPublic;  // kUnreachable: where the name leads, by `address`
  policy::AddressBytes address{};
};

class Upstream {
 public:
  struct Outside {
    std::unique_ptr<Resolver> resolver;
    policy::OwnAddresses own;
    std::optional<plan::HttpProxy> proxy;
  };
  /// `rules` outlive it.
  Upstream(asio::io_context& loop, const policy::NetRules& rules, Outside outside);

  /// What has changed outside.
  void Obey(const Order& order);
  /// Whether it has all that it connects with: the login of a proxy comes as an order.
  [[nodiscard]] bool IsComplete() const;

  [[nodiscard]] policy::NetDecision Decide(const Wanted& wanted) const;
  /// Where an address leads that nobody may have.
  [[nodiscard]] policy::Reach ReachOf(const policy::AddressBytes& address) const;

  /// Connects `out` to what Decide allows. ECANCELED: the patience was over first.
  Task<std::expected<void, NotConnected>> Connect(Descriptor& out, Wanted wanted,
                                                  Patience& patience);

 private:
  Task<std::expected<std::vector<policy::AddressBytes>, NotConnected>> AddressesOf(
      const HostName& name, std::uint16_t port, Patience& patience);
  [[nodiscard]] policy::Reach ReachOfDialled(const policy::AddressBytes& address,
                                             std::uint16_t port) const;
  Task<std::expected<std::vector<policy::AddressBytes>, NotConnected>> LookUp(const HostName& name,
                                                                              Patience& patience);
  Task<std::expected<void, NotConnected>> ConnectByProxy(Descriptor& out, Wanted wanted,
                                                         Patience& patience);
  [[nodiscard]] bool GoesByProxy(const Wanted& wanted) const;

  asio::io_context& loop_;
  const policy::NetRules& rules_;
  std::unique_ptr<Resolver> resolver_;
  policy::OwnAddresses own_;
  std::optional<plan::HttpProxy> proxy_;
  std::optional<std::string> proxy_login_;  // once it was told
};

/// Connects `out` to the first of `addresses` that takes a connection; the next one is tried beside
/// it after 250 ms (RFC 8305), two at once at most, each for 10 seconds. 0, or the errno of the
/// last that failed, or ECANCELED when the patience is over.
inline constexpr std::size_t kMostAttempts = 2;
Task<int> DialAny(asio::io_context& loop, Descriptor& out,
                  std::vector<policy::AddressBytes> addresses, std::uint16_t port,
                  Patience& patience);

}  // namespace ambit::egress
