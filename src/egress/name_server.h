#pragma once
// Serves the run's resolvers over the sockets that were made inside: 127.0.0.1:53 and [::1]:53, UDP
// and TCP, and whatever other address they ask on port 53, which the run's kernel hands over
// (spawn/native/capture_rules). The answer comes from where the question went to, so a resolver
// that insists on 8.8.8.8 gets the same answers.
//
// Hostile: anybody inside may ask anything at any rate. Nothing is kept of a question over UDP;
// over TCP at most kMostConnections are open, each for a few questions and a few seconds. Who
// calls: egress. Source: RFC 1035 (4.2), 7766; ip(7), ipv6(7).
#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "egress/address.h"
#include "egress/loop.h"
#include "egress/responder.h"

namespace ambit::egress {

class NameServer {
 public:
  static constexpr std::size_t kMostConnections = 32;
  /// Of how many foreign resolvers `asked` hears.
  static constexpr std::size_t kMostResolvers = 64;

  /// `asked` hears of each foreign resolver once, when it is asked for the first time.
  using Asked = std::function<void(const Address& resolver)>;
  NameServer(asio::io_context& loop, Responder& responder, Asked asked)
      : loop_(loop), responder_(responder), asked_(std::move(asked)) {}
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;

  /// Serves until the process ends. Errors: a socket that the loop cannot watch.
  Status Serve(std::vector<Fd> sockets);

 private:
  Task<> AnswerOverUdp(Descriptor& socket);
  void AnswerOne(Descriptor& socket);
  Task<> AcceptAll(Descriptor& listener);
  Task<> AnswerOverTcp(Fd client);
  bool AnswerAllIn(std::string& asked, int client);
  void Note(const Address& resolver);

  asio::io_context& loop_;
  Responder& responder_;
  Asked asked_;
  std::vector<std::unique_ptr<Descriptor>> sockets_;
  std::set<std::pair<std::uint8_t, std::array<std::uint8_t, 16>>> resolvers_;
  std::size_t open_ = 0;
};

}  // namespace ambit::egress
