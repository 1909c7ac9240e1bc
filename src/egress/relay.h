#pragma once
// The relay: accepts what comes out of the run and connects it to the host's loopback, or to the
// names that the policy allows.
//
// A captured connection's own address is what the client wanted (tproxy): an address that stands
// for a name (NameTable) or one that a rule allows as such. A name is looked up outside, what it
// leads to is judged, and the very address that was judged is dialled. What the client then claims
// has to be that name (Claim); what the server says first goes in at once.
//
// A connection to a host port goes to 127.0.0.1:N of the host, then to ::1; when neither answers
// the client gets a reset, never an end of file that looks like an empty answer. What is not
// allowed is reset and reported as a denial.
//
// The other way round a connection to a published port of the host goes to 127.0.0.1:N of the run,
// then to ::1 (inward.h). One thread; owned by RunEgress.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "egress/address.h"
#include "egress/claim.h"
#include "egress/inward.h"
#include "egress/loop.h"
#include "egress/name_table.h"
#include "egress/pipe_pool.h"
#include "egress/reporter.h"
#include "egress/resolver.h"
#include "plan/network_plan.h"

namespace ambit::egress {

/// How much the descriptors of the process allow.
struct RelayLimits {
  std::size_t connections = 1024;
  std::size_t pipes = 64;
};
RelayLimits LimitsFor(std::size_t open_files, std::size_t listeners);

/// Of a run with names. All outlive the relay.
struct Names {
  const policy::NetRules& rules;
  NameTable& table;
  Resolver& resolver;
};

class Relay {
 public:
  /// Without `names` whatever is captured is refused.
  Relay(asio::io_context& loop, Reporter& reporter, RelayLimits limits, std::optional<Names> names);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Takes over the listeners of the run and serves them until the process ends. Errors:
  /// kInvalidArgument for a descriptor that is not a listener of the plan; nothing is then served.
  /// `plan.capture` is what was built.
  Status Serve(std::vector<Fd> listeners, const plan::NetworkPlan& plan);

  /// Serves a listener on the host's loopback from now on. kInvalidArgument for anything else.
  Status Publish(Fd listener, const policy::PublishedPort& port);

 private:
  struct Connection;
  enum class Role : std::uint8_t { kCapture, kHostPort, kPublished };
  struct Listener {
    Descriptor socket;
    Role role;
    std::uint16_t port;
    std::uint16_t inside = 0;  // kPublished: where its connections go
  };

  Result<Role> RoleOf(const Address& listener, const plan::NetworkPlan& plan) const;
  static Status Watch(Fd listener, Listener& as);
  [[nodiscard]] Address TargetOf(int client) const;

  Task<> AcceptAll(Listener& listener);
  void Take(Fd client, const Listener& listener);
  void TakeCaptured(Fd client);
  void RefuseFull(Fd client, const Listener& listener);
  void Refuse(Fd client, ReportKind kind, const HostName* name = nullptr);
  void RefuseUnreachable(Fd client, const Address& target);
  Task<> CarryOut(Fd client, Address target);
  Task<Result<std::vector<policy::AddressBytes>>> AddressesOf(const HostName& name,
                                                              std::uint16_t port);
  Task<> CarryChecked(std::shared_ptr<Connection> connection);
  Task<bool> PassOn(const std::shared_ptr<Connection>& connection, std::string& held, Claim& claim);
  Task<> EndWithReply(std::shared_ptr<Connection> connection, std::string reply);
  Task<> Carry(Fd client, std::uint16_t port);
  Task<> CarryIn(Fd client, std::uint16_t published, std::uint16_t inside);
  Task<> CarryOneWay(std::shared_ptr<Connection> connection, bool to_host);

  asio::io_context& loop_;
  Reporter& reporter_;
  RelayLimits limits_;
  PipePool pipes_;
  std::optional<Names> names_;
  Inward inward_;
  policy::Capture capture_ = policy::Capture::kTproxy;
  std::vector<std::uint16_t> host_ports_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::size_t open_ = 0;
  std::uint32_t last_connection_ = 0;
};

}  // namespace ambit::egress
