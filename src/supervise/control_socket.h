#pragma once
// Where a run that is going on can be spoken to: a socket in its directory, which only the person
// (and root) can enter. Who connects is asked of the kernel as well (SO_PEERCRED). One request for
// each connection, few at once, none for long. Nothing inside a run can see the directory.
// Who calls: supervision.cc, on its event loop.
#include <functional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/error.h"
#include "base/fd.h"
#include "supervise/control_message.h"

namespace ambit::supervise {

class ControlSocket {
 public:
  /// Records in order, the last one kDone or kFailed.
  using Reply = std::vector<ControlReply>;
  using Serve = std::function<Reply(const ControlRequest&)>;
  static constexpr std::size_t kMostClients = 8;

  /// Errors: of the file system. `run_directory` outlives the socket.
  static Result<Fd> Listen(int run_directory);

  ControlSocket(boost::asio::io_context& io, Fd listener, int run_directory, Serve serve);
  /// Removes the socket's name.
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  /// To be spawned.
  boost::asio::awaitable<void> Watch();

 private:
  using Descriptor = boost::asio::posix::stream_descriptor;
  boost::asio::awaitable<void> Talk(Fd client);
  void Answer(int client);

  boost::asio::io_context& io_;
  Descriptor listener_;
  int run_directory_;
  Serve serve_;
  std::size_t clients_ = 0;
};

}  // namespace ambit::supervise
