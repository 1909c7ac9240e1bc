#pragma once
// How long somebody who waits for a connection is still there. A client that has reset its
// connection waits no more; one that will say nothing more (it closed, or it half-closed: from
// outside they are the same) waits two seconds more. Without it a client that has gone would keep
// its place until the dial ends by itself.
//
// Who calls: egress/relay makes one for each dial, egress/upstream asks it; holds looks at clients
// by itself. One thread. Source: tcp(7), TCP_INFO.
#include <cstdint>
#include <functional>
#include <memory>

#include "egress/loop.h"

namespace ambit::egress {

enum class Client : std::uint8_t { kThere, kSaidItsLastWord, kGone };

/// `socket`: a connected socket of TCP.
Client StateOf(int socket);

class Patience : public std::enable_shared_from_this<Patience> {
 public:
  /// `client`: a connected socket of TCP, open until End.
  static std::shared_ptr<Patience> Of(asio::io_context& loop, int client);
  Patience(asio::io_context& loop, int client) : timer_(loop.get_executor()), client_(client) {}

  [[nodiscard]] bool over() const { return over_; }
  /// `wake` is called when it is over, at once if it is; the last one counts, an empty one is none.
  void WakeBy(std::function<void()> wake);
  /// Nobody asks any more.
  void End();

 private:
  Task<> Watch(std::shared_ptr<Patience> self);

  Timer timer_;
  int client_;
  bool ended_ = false;
  bool over_ = false;
  std::function<void()> wake_;
};

}  // namespace ambit::egress
