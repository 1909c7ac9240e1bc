#pragma once
// Fresh sockets of the run's network namespace, from outside of it and without entering it.
//
// A socket keeps the namespace it was created in, and what a listener accepts is created in the
// listener's. Init makes a listener at plan::kMintPort and a connector that alone gets through to
// it. Here the two are connected; what was accepted is let go of (connect(2) to AF_UNSPEC), and is
// a socket of that namespace which may connect to a server inside; the connector is free again.
//
// Programs inside could connect to the listener as well: their packets are dropped by its filter,
// and whoever gets through all the same is not the connector by its address, and is dropped here.
#include <cstdint>

#include "base/error.h"
#include "base/fd.h"
#include "egress/address.h"
#include "egress/loop.h"

namespace ambit::egress {

/// Of one family. One thread; outlives what it is waited for in.
class Mint {
 public:
  Mint(asio::io_context& loop, Fd listener, Fd connector);
  Mint(const Mint&) = delete;
  Mint& operator=(const Mint&) = delete;

  /// Unconnected, unbound but for its address, non-blocking and close-on-exec. Callers are served
  /// in turn. Errors: kLimit without descriptors; kIo when the kernel did not connect the two
  /// within a second.
  Task<Result<Fd>> Make();

  [[nodiscard]] std::uint8_t family() const { return at_.family; }  // 4 or 6

 private:
  Task<Result<Fd>> MakeOne();
  Task<Result<Fd>> AcceptOwn(const Address& own);

  Descriptor listener_;
  Fd connector_;
  Address at_;
  Timer turn_;
  bool busy_ = false;
};

}  // namespace ambit::egress
