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
// the client gets a reset, never an end of file that looks like an empty answer. A client that goes
// while its connection is being made, wherever to, gives its place up (patience.h).
//
// What is not allowed is reported as a denial and told to the client in its own protocol
// (told_refusal.h), for at most a second each and kMostTold at once; then, and where there are no
// words, it is reset. On ports of the web a client has to say what it wants within a time; a
// connection that carries nothing for a long time is ended; and half of the places stay for those
// that have got as far as to carry something.
//
// The other way round a connection to a published port of the host goes to 127.0.0.1:N of the run,
// then to ::1 (inward.h). One thread; owned by RunEgress.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/token_bucket.h"
#include "egress/address.h"
#include "egress/allowance.h"
#include "egress/claim.h"
#include "egress/holds.h"
#include "egress/inward.h"
#include "egress/loop.h"
#include "egress/name_table.h"
#include "egress/pipe_pool.h"
#include "egress/repeats.h"
#include "egress/reporter.h"
#include "egress/unjudged.h"
#include "egress/upstream.h"
#include "plan/network_plan.h"
#include "policy/net_decision.h"

namespace ambit::egress {

/// What there may be at once; as much as the descriptors of the process allow.
struct RelayLimits {
  std::size_t connections = 4096;
  std::size_t pipes = 64;
  std::size_t held = 128;            // connections that wait for a person
  std::size_t unjudged = 64U << 20;  // bytes that nobody could judge yet, of all clients
  double new_at_once = 4096;         // out of the run; what is more waits
  double new_per_second = 1000;
};

/// How long a connection may do nothing.
struct Timeouts {
  std::chrono::milliseconds idle = std::chrono::hours(1);            // without a byte either way
  std::chrono::milliseconds first_claim = std::chrono::seconds(30);  // on ports of the web
};
RelayLimits LimitsFor(std::size_t open_files, std::size_t listeners);

/// Of a run with names. All outlive the relay.
struct Names {
  NameTable& table;
  Upstream& upstream;
};

class Relay {
 public:
  /// Without `names` whatever is captured is refused.
  Relay(asio::io_context& loop, Reporter& reporter, Repeats& repeats, RelayLimits limits,
        std::optional<Names> names, std::uint64_t most_out = Allowance::kUnlimited,
        Timeouts timeouts = {});
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Takes over the listeners of the run and serves them until the process ends. Errors:
  /// kInvalidArgument for a descriptor that is not a listener of the plan; nothing is then served.
  /// `plan.capture` is what was built.
  Status Serve(std::vector<Fd> listeners, const plan::NetworkPlan& plan);

  /// Serves a listener on the host's loopback from now on. kInvalidArgument for anything else.
  Status Publish(Fd listener, const policy::PublishedPort& port);

  /// A person's answer to what is held; and what is to be done when the rules have changed.
  void Answer(std::uint32_t question, bool allowed) { holds_.Answer(question, allowed); }
  void OnRulesChanged();

  /// The process ends next: what its connections have carried by now, and which of them wait for
  /// a far end or for a person.
  void TellWhatIsOpen();

  /// Of clients whose connection is refused, at once.
  static constexpr std::size_t kMostTold = 64;

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
  [[nodiscard]] bool MayTakeOneMore(const Listener& listener);
  void Take(Fd client, const Listener& listener);
  void TakeCaptured(Fd client);
  void RefuseFull(Fd client, const Listener& listener);
  void Refuse(Fd client, ReportKind kind, const HostName* name = nullptr, int error = 0);
  /// Of all places there are, by connections and by those who are told of a refusal.
  [[nodiscard]] bool IsFull() const {
    return connections_.size() + telling_ >= limits_.connections;
  }
  void RefuseUnreachable(Fd client, const Address& target);
  void RefuseInWords(Fd client, std::uint16_t port, std::string words);
  void RefuseInWords(Descriptor client, std::uint16_t port, std::string words);
  Task<> Tell(Descriptor client, std::uint16_t port, std::string words);
  Task<> EndIdleOnes();
  Task<> TellWhatLeaves();
  Task<> CarryOut(Fd client, Address target);
  struct Permission {
    bool allowed = false;
    bool raw = false;  // what is spoken there is not looked at
    ReportKind refusal = ReportKind::kDenied;
    int error = 0;  // of the refusal
  };
  [[nodiscard]] policy::NetDecision DecisionOn(const Wanted& wanted) const;
  void RefuseUnallowed(Fd client, const Wanted& wanted, const Address& target,
                       const Permission& permission);
  /// A rule that was given while it was being made, or stood, denies it.
  [[nodiscard]] bool IsDeniedByNow(const Connection& connection) const;
  static void CutOff(Connection& connection);
  Task<Permission> MayPass(int client, const Address& target, const Wanted& wanted);
  Task<bool> ConnectUpstream(std::shared_ptr<Connection> connection, Wanted wanted);
  Task<> CarryChecked(std::shared_ptr<Connection> connection);
  std::shared_ptr<Timer> ExpectAClaim(const std::shared_ptr<Connection>& connection);
  Task<> EndOfClaims(const std::shared_ptr<Connection>& connection, const Unjudged& held,
                     const Claim& claim);
  Task<> RefuseClaim(const std::shared_ptr<Connection>& connection, const Claim::Look& look);
  Task<bool> PassOn(const std::shared_ptr<Connection>& connection, Unjudged& held, Claim& claim);
  Task<bool> Switch(const std::shared_ptr<Connection>& connection, const Unjudged& held);
  Task<std::optional<unsigned>> PassAnswerOn(std::shared_ptr<Connection> connection);
  Task<bool> SendOut(Connection& connection, std::string_view bytes);
  void CarryAnswers(const std::shared_ptr<Connection>& connection);
  Task<> EndWithReply(std::shared_ptr<Connection> connection, std::string reply);
  Task<> Carry(Fd client, std::uint16_t port);
  Task<> CarryIn(Fd client, std::uint16_t published, std::uint16_t inside);
  Task<> CarryOneWay(std::shared_ptr<Connection> connection, bool to_host);

  asio::io_context& loop_;
  Reporter& reporter_;
  Repeats& repeats_;
  RelayLimits limits_;
  PipePool pipes_;
  Holds holds_;
  std::optional<Names> names_;
  Inward inward_;
  policy::Capture capture_ = policy::Capture::kTproxy;
  std::vector<std::uint16_t> host_ports_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  Allowance out_;
  Timeouts timeouts_;
  TokenBucket new_ones_;
  std::chrono::steady_clock::time_point slowed_told_;
  std::set<Connection*> connections_;
  std::size_t waiting_ = 0;  // captured, and nothing is carried yet
  std::size_t telling_ = 0;
  std::size_t unjudged_ = 0;
  std::uint32_t last_connection_ = 0;
};

}  // namespace ambit::egress
