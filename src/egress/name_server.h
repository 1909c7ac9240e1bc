#pragma once
// Serves the run's resolvers over the sockets that were made inside, 127.0.0.1:53, UDP and TCP.
//
// Hostile: anybody inside may ask anything at any rate. Nothing is kept of a question over UDP;
// over TCP at most kMostConnections are open, each for a few questions and a few seconds. Who
// calls: egress. Source: RFC 1035 (4.2), 7766.
#include <cstddef>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "egress/loop.h"
#include "egress/responder.h"

namespace ambit::egress {

class NameServer {
 public:
  static constexpr std::size_t kMostConnections = 32;

  NameServer(asio::io_context& loop, Responder& responder)
      : loop_(loop), responder_(responder), udp_(loop), tcp_(loop) {}
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;

  /// Serves until the process ends. Errors: a socket that the loop cannot watch.
  Status Serve(Fd udp, Fd tcp);

 private:
  Task<> AnswerOverUdp();
  Task<> AcceptAll();
  Task<> AnswerOverTcp(Fd client);
  bool AnswerAllIn(std::string& asked, int client);

  asio::io_context& loop_;
  Responder& responder_;
  Descriptor udp_;
  Descriptor tcp_;
  std::size_t open_ = 0;
};

}  // namespace ambit::egress
