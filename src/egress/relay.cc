#include "egress/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "egress/address.h"
#include "egress/connection.h"
#include "egress/dial.h"
#include "egress/pump.h"
#include "policy/net_decision.h"

namespace ambit::egress {
namespace {

constexpr std::chrono::milliseconds kPauseWhenFilesRunOut(100);
constexpr std::chrono::milliseconds kPauseAtTheRate(10);

/// Errors of one connection that died before it was accepted (accept(2)).
bool IsAboutTheConnection(int error) {
  return error == ECONNABORTED || error == EPROTO || error == ENOPROTOOPT || error == EINTR ||
         error == ENETDOWN || error == EHOSTDOWN || error == ENONET || error == EHOSTUNREACH ||
         error == EOPNOTSUPP || error == ENETUNREACH || error == EPERM;
}

EgressReport ReportAbout(ReportKind kind, const Address& address) {
  EgressReport report{.kind = kind, .family = address.family, .port = address.port};
  report.address = address.bytes;
  return report;
}

}  // namespace

RelayLimits LimitsFor(std::size_t open_files, std::size_t listeners) {
  constexpr std::size_t kOwn = 32;  // standard streams, event loop, life line, control, and room
                                    // for ports that are published while the run goes on
  RelayLimits limits;
  const std::size_t spare = open_files > listeners + kOwn ? open_files - listeners - kOwn : 0;
  limits.pipes = std::min(limits.pipes, spare / 8);
  limits.held = std::min(limits.held, spare / 8);
  limits.connections =
      std::min(limits.connections, (spare - 2 * limits.pipes - limits.held) / (1 + kMostAttempts));
  constexpr std::size_t kUnjudgedOfEach = 16U << 10;  // the most that servers of the web take
  limits.unjudged = std::max<std::size_t>(256U << 10, limits.connections * kUnjudgedOfEach);
  return limits;
}

Relay::Relay(asio::io_context& loop, Reporter& reporter, Repeats& repeats, RelayLimits limits,
             std::optional<Names> names, std::uint64_t most_out, Timeouts timeouts)
    : loop_(loop),
      reporter_(reporter),
      repeats_(repeats),
      limits_(limits),
      pipes_(limits.pipes),
      holds_(loop, reporter, limits.held),
      names_(names),
      inward_(loop),
      out_(most_out,
           [this] { reporter_.Send({.kind = ReportKind::kOutLimit, .count = out_.used()}); }),
      timeouts_(timeouts),
      new_ones_(limits.new_at_once, limits.new_per_second) {}

Status Relay::Serve(std::vector<Fd> listeners, const plan::NetworkPlan& plan) {
  capture_ = plan.capture;
  host_ports_ = plan.host_ports;
  AMBIT_CHECK(inward_.TakeMints(listeners));
  for (Fd& fd : listeners) {
    const auto address = LocalAddressOf(fd.get());
    if (!address || !IsListener(fd.get())) {
      return Fail(Errc::kInvalidArgument, "egress was given something that is no listener");
    }
    AMBIT_TRY(const Role role, RoleOf(*address, plan));
    auto listener = std::make_unique<Listener>(
        Listener{.socket = Descriptor(loop_), .role = role, .port = address->port});
    AMBIT_CHECK(Watch(std::move(fd), *listener));
    listeners_.push_back(std::move(listener));
  }
  for (const auto& listener : listeners_) {
    asio::co_spawn(loop_.get_executor(), AcceptAll(*listener), asio::detached);
  }
  asio::co_spawn(loop_.get_executor(), EndIdleOnes(), asio::detached);
  asio::co_spawn(loop_.get_executor(), TellWhatLeaves(), asio::detached);
  return {};
}

/// Keep-alive finds peers that are gone; this ends what both sides have forgotten.
Task<> Relay::EndIdleOnes() {
  constexpr int kLooks = 10;  // in the time that is allowed
  Timer timer(loop_.get_executor());
  for (;;) {
    timer.expires_after(timeouts_.idle / kLooks);
    co_await Wait(timer);
    const auto now = std::chrono::steady_clock::now();
    const auto all = connections_;  // to break one may end it
    for (Connection* one : all) {
      if (!connections_.contains(one)) continue;
      const std::uint64_t bytes = one->bytes_to_host + one->bytes_from_host;
      if (bytes != one->bytes_seen) one->quiet_since = now;
      one->bytes_seen = bytes;
      if (now - one->quiet_since >= timeouts_.idle) one->Break(ETIMEDOUT);
    }
  }
}

void Relay::TellWhatIsOpen() {
  holds_.GiveUp();
  for (Connection* one : connections_) {
    if (one->id != 0) {
      one->TellTheEnd();
    } else {
      one->TellThatItFailed(ECANCELED);
    }
  }
}

/// For whoever looks while connections go on; those that end tell it themselves.
Task<> Relay::TellWhatLeaves() {
  constexpr std::chrono::seconds kEvery(1);
  Timer timer(loop_.get_executor());
  std::uint64_t told = 0;
  for (;;) {
    timer.expires_after(kEvery);
    co_await Wait(timer);
    if (out_.used() == told) continue;
    told = out_.used();
    reporter_.Send({.kind = ReportKind::kTraffic, .count = told});
  }
}

Result<Relay::Role> Relay::RoleOf(const Address& listener, const plan::NetworkPlan& plan) const {
  const auto is_in = [&](const std::vector<std::uint16_t>& ports) {
    return std::ranges::find(ports, listener.port) != ports.end();
  };
  if (capture_ == policy::Capture::kPorts) {
    if (listener.IsAny() && is_in(policy::PortsOf(plan.rules))) return Role::kCapture;
  } else if (listener.IsLoopback() && listener.port == plan.capture_port) {
    return Role::kCapture;
  }
  if (listener.IsLoopback() && is_in(plan.host_ports)) return Role::kHostPort;
  return Fail(Errc::kInvalidArgument,
              fmt::format("egress was given a listener on '{}'", listener.port));
}

Status Relay::Watch(Fd listener, Listener& as) {
  TalkOnThisMachine(listener.get());
  boost::system::error_code error;
  as.socket.assign(listener.get(), error);
  if (error) return FailErrno(error.value(), "watch a listener");
  (void)std::move(listener).Release();
  return {};
}

/// Whoever is not taken waits in the kernel's queue, and that is told.
bool Relay::MayTakeOneMore(const Listener& listener) {
  constexpr std::chrono::seconds kToldEvery(1);
  if (listener.role != Role::kCapture || new_ones_.Has(1)) return true;
  const auto now = std::chrono::steady_clock::now();
  if (now - slowed_told_ >= kToldEvery) {
    slowed_told_ = now;
    reporter_.Send(
        {.kind = ReportKind::kSlowed, .count = static_cast<std::uint64_t>(limits_.new_per_second)});
  }
  return false;
}

/// One at a time: to ask in vain for another one costs the kernel as much as to hand one out, and
/// the next wait ends at once when there is one.
Task<> Relay::AcceptAll(Listener& listener) {
  Timer pause(loop_.get_executor());
  while (!co_await Ready(listener.socket, Descriptor::wait_read)) {
    if (!MayTakeOneMore(listener)) {
      pause.expires_after(kPauseAtTheRate);
      co_await Wait(pause);
      continue;
    }
    Fd client(
        ::accept4(listener.socket.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client) {
      if (listener.role == Role::kCapture) new_ones_.Take(1);
      Take(std::move(client), listener);
    } else if (errno != EAGAIN && !IsAboutTheConnection(errno)) {
      // Out of files or memory: the connection stays in the queue, and trying again at once would
      // spin.
      reporter_.Send({.kind = ReportKind::kAcceptFailed, .port = listener.port, .error = errno});
      pause.expires_after(kPauseWhenFilesRunOut);
      co_await Wait(pause);
    }
  }
}

Address Relay::TargetOf(int client) const {
  return egress::TargetOf(client, capture_).value_or(Address{});
}

void Relay::Take(Fd client, const Listener& listener) {
  if (listener.role == Role::kCapture) {
    TakeCaptured(std::move(client));
  } else if (IsFull()) {
    RefuseFull(std::move(client), listener);
  } else if (listener.role == Role::kPublished) {
    asio::co_spawn(loop_.get_executor(), CarryIn(std::move(client), listener.port, listener.inside),
                   asio::detached);
  } else {
    asio::co_spawn(loop_.get_executor(), Carry(std::move(client), listener.port), asio::detached);
  }
}

void Relay::TakeCaptured(Fd client) {
  const Address target = TargetOf(client.get());
  // Without a packet filter a host port that is allowed outside as well has one listener for both.
  const bool host_port = capture_ == policy::Capture::kPorts && target.IsLoopback() &&
                         std::ranges::find(host_ports_, target.port) != host_ports_.end();
  // Whoever dials the capture listener itself means nobody.
  const bool nobody = !host_port && (!names_ || target.family == 0 || target.IsLoopback());
  if (nobody) {
    Refuse(std::move(client), ReportKind::kDenied);
  } else if (IsFull() || (!host_port && waiting_ >= limits_.connections / 2)) {
    Refuse(std::move(client), ReportKind::kTooMany);
  } else if (host_port) {
    asio::co_spawn(loop_.get_executor(), Carry(std::move(client), target.port), asio::detached);
  } else {
    asio::co_spawn(loop_.get_executor(), CarryOut(std::move(client), target), asio::detached);
  }
}

/// A program of the host was refused, nothing inside: no denial of the run.
void Relay::RefuseFull(Fd client, const Listener& listener) {
  if (listener.role != Role::kPublished) return Refuse(std::move(client), ReportKind::kTooMany);
  ResetOnClose(client.get());
  client.Reset();
  reporter_.Send({.kind = ReportKind::kUpstreamFailed,
                  .port = listener.inside,
                  .error = EMFILE,
                  .published = listener.port});
}

void Relay::Refuse(Fd client, ReportKind kind, const HostName* name, int error) {
  const Address target = TargetOf(client.get());
  if (name == nullptr && names_) name = names_->table.NameOf(target);
  EgressReport report = ReportAbout(kind, target);
  report.error = error;
  if (name != nullptr) report.name = TextOfName(name->text());
  // On record first: a run may end at once when it is refused.
  repeats_.Send(report);
  ResetOnClose(client.get());
}

Task<> Relay::Carry(Fd client, std::uint16_t port) {
  auto connection = std::make_shared<Connection>(*this, Address{.port = port}, nullptr);
  boost::system::error_code error;
  connection->client.assign(client.get(), error);
  if (error) {
    ResetOnClose(client.get());
    co_return;
  }
  (void)std::move(client).Release();

  const auto patience = Patience::Of(loop_, connection->client.native_handle());
  const int failed = co_await DialLoopback(connection->host, port, *patience);
  patience->End();
  if (failed != 0) {
    connection->Break(failed);
    reporter_.Send({.kind = ReportKind::kUpstreamFailed, .port = port, .error = failed});
    co_return;
  }
  connection->Stands();
  connection->Opened(connection->host);
  asio::co_spawn(loop_.get_executor(), CarryOneWay(connection, true), asio::detached);
  asio::co_spawn(loop_.get_executor(), CarryOneWay(connection, false), asio::detached);
}

Task<> Relay::CarryOneWay(std::shared_ptr<Connection> connection, bool to_host) {
  Descriptor& from = to_host ? connection->client : connection->host;
  Descriptor& to = to_host ? connection->host : connection->client;
  std::uint64_t& moved = to_host ? connection->bytes_to_host : connection->bytes_from_host;
  if (const int broken = co_await Pump(from, to, pipes_, moved, to_host ? &out_ : nullptr);
      broken != 0) {
    if (!connection->refused) connection->Break(broken);
  } else if (!std::exchange(connection->half_ended, true) &&  // else both sides close next
             ::shutdown(to.native_handle(), SHUT_WR) != 0) {
    connection->Break(errno);
  }
}

}  // namespace ambit::egress
