#pragma once
// One connection that the relay carries. Who calls: relay.cc and its parts.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdint>
#include <string_view>
#include <utility>

#include "egress/relay.h"

namespace ambit::egress {

/// close() then sends a reset instead of an orderly end.
inline void ResetOnClose(int socket) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  (void)::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/// A relay must not hold small writes back; a failure costs latency only.
inline void SendWithoutDelay(int socket) {
  const int on = 1;
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// Urgent data are bytes among the others: TCP has them in their place, and whoever reads around
/// them would lose one.
inline void TakeUrgentDataInPlace(int socket) {
  const int on = 1;
  (void)::setsockopt(socket, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
}

/// What is accepted to be sent and cannot go is memory of the host's kernel, which no limit of the
/// run counts.
inline void HoldLittleUnsent(int socket) {
  const int most_unsent = 256 << 10;
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most_unsent, sizeof most_unsent);
}

/// The far end may outlive the run and read nothing: what is unsent would stay with nobody left who
/// could end it.
inline void EndWhereNothingGoes(int socket) {
  const unsigned longest_ms = 10 * 60 * 1000;
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &longest_ms, sizeof longest_ms);
}

/// A peer that is gone without a word is found within some three minutes of silence (tcp(7)).
inline void FindADeadPeer(int socket) {
  const int on = 1;
  const int idle_seconds = 60;
  const int interval_seconds = 20;
  const int probes = 6;
  (void)::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds,
                     sizeof interval_seconds);
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

/// For a listener of this machine: what it accepts has the same. Nothing is lost between two
/// sockets of one machine, so nothing is paced, whatever the machine's own choice is (tcp(7)).
inline void TalkOnThisMachine(int listener) {
  constexpr std::string_view kUnpaced = "reno";  // in every kernel, for everybody
  (void)::setsockopt(listener, IPPROTO_TCP, TCP_CONGESTION, kUnpaced.data(), kUnpaced.size());
  SendWithoutDelay(listener);
  FindADeadPeer(listener);
  TakeUrgentDataInPlace(listener);
  HoldLittleUnsent(listener);
}

/// Both sockets of one relayed connection; reports its end when the last direction lets go of it.
struct Relay::Connection {
  /// `to`: family 0 for the host's own loopback.
  Connection(Relay& owner, const Address& to, const HostName* to_name)
      : relay(owner), client(owner.loop_), host(owner.loop_), target(to), name(to_name) {
    relay.connections_.insert(this);
    if (IsCaptured()) ++relay.waiting_;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    relay.connections_.erase(this);
    Carries();
    TellTheEnd();
  }

  [[nodiscard]] EgressReport About(ReportKind kind) const {
    EgressReport report{
        .kind = kind, .family = target.family, .port = target.port, .connection = id};
    report.address = target.bytes;
    if (name != nullptr) report.name = TextOfName(name->text());
    report.published = published;
    return report;
  }

  [[nodiscard]] bool IsCaptured() const { return target.family != 0; }

  /// It has got as far as to carry something, or is over.
  void Carries() {
    if (IsCaptured() && waiting) --relay.waiting_;
    waiting = false;
  }

  /// Both sides are there.
  void Stands() { id = ++relay.last_connection_; }

  /// What there is time for behind the first words, which somebody waits for. `dialled`: the side
  /// that no listener of ours accepted.
  void Opened(Descriptor& dialled) {
    TellThatItStands();
    SendWithoutDelay(dialled.native_handle());
    FindADeadPeer(dialled.native_handle());
    TakeUrgentDataInPlace(dialled.native_handle());
    HoldLittleUnsent(dialled.native_handle());
    EndWhereNothingGoes(dialled.native_handle());
  }

  /// A report about a connection that stands.
  void Tell(const EgressReport& report) {
    TellThatItStands();
    relay.reporter_.Send(report);
  }

  /// It came to nothing: the far end does not serve it.
  void TellThatItFailed(int cause) const {
    EgressReport report = About(ReportKind::kUpstreamFailed);
    report.error = cause;
    relay.reporter_.Send(report);
  }

  void TellTheEnd() {
    if (id == 0) return;
    EgressReport report = About(ReportKind::kClosed);
    report.error = error;
    report.bytes_to_host = bytes_to_host;
    report.bytes_from_host = bytes_from_host;
    report.count = relay.out_.used();
    Tell(report);
  }

  /// Resets both sides; whoever waits on them is woken with an error. The first cause stays.
  void Break(int cause) {
    if (error == 0) error = cause;
    boost::system::error_code ignored;
    for (Descriptor* side : {&client, &host}) {
      if (!side->is_open()) continue;
      ResetOnClose(side->native_handle());
      side->close(ignored);
    }
  }

  void TellThatItStands() {
    if (!std::exchange(told, true)) relay.reporter_.Send(About(ReportKind::kOpened));
  }

  Relay& relay;
  Descriptor client;
  Descriptor host;
  Address target;
  const HostName* name;         // of the table; nullptr: the host's loopback, or an address
  std::uint16_t published = 0;  // the port of the host that it came in on; 0: it goes out
  bool waiting = true;
  bool answered = false;    // somebody carries what the host says
  bool refused = false;     // what breaks now was broken on purpose
  bool told = false;        // that it stands
  bool half_ended = false;  // one way has come to its end
  std::uint32_t id = 0;     // once it stands
  int error = 0;
  std::uint64_t bytes_to_host = 0;
  std::uint64_t bytes_seen = 0;  // both ways, when it was last looked at
  std::chrono::steady_clock::time_point quiet_since = std::chrono::steady_clock::now();
  std::uint64_t bytes_from_host = 0;
};

}  // namespace ambit::egress
