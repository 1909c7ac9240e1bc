#include "egress/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <algorithm>
#include <array>

#include <boost/asio/post.hpp>

namespace ambit::egress {
namespace {

constexpr std::size_t kBytesPerTurn = std::size_t{2} << 20;
/// Behind so few there is hardly more by now.
constexpr std::size_t kFew = 4096;
constexpr unsigned kSplice = SPLICE_F_NONBLOCK | SPLICE_F_MOVE;

/// What stopped a burst of bytes.
struct Stop {
  enum class Why : std::uint8_t { kEmpty, kEnd, kTurnOver, kBroken };
  Why why;
  int error = 0;
};

Stop Broken(int error) { return {.why = Stop::Why::kBroken, .error = error}; }

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

/// Bytes of an allowance, given back unless they are sent.
class Share {
 public:
  Share(Allowance* out, std::size_t wanted)
      : out_(out), held_(out != nullptr ? out->Take(wanted) : wanted) {}
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  ~Share() {
    if (out_ != nullptr) out_->GiveBack(held_);
  }
  [[nodiscard]] std::size_t held() const { return held_; }
  void Sent(std::size_t bytes) { held_ -= bytes; }
  void KeepOnly(std::size_t bytes) {
    if (out_ != nullptr) out_->GiveBack(held_ - bytes);
    held_ = bytes;
  }

 private:
  Allowance* out_;
  std::size_t held_;
};

/// Nothing may be sent any more: that stops only those who have something to send.
Stop StopAtTheLimit(Descriptor& from, Allowance& out) {
  char byte = 0;
  const ssize_t in = ::recv(from.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (in == 0) return {.why = Stop::Why::kEnd};
  if (in < 0 && WouldBlock(errno)) return {.why = Stop::Why::kEmpty};
  if (in < 0) return Broken(errno);
  out.Exceed();
  return Broken(EDQUOT);
}

Task<Stop> SpliceBurst(Descriptor& from, Descriptor& to, PipePool::Loan pipe, std::uint64_t& moved,
                       Allowance* out) {
  std::size_t in_this_turn = 0;
  while (in_this_turn < kBytesPerTurn) {
    Share share(out, PipePool::kPipeBytes);
    if (share.held() == 0) co_return StopAtTheLimit(from, *out);
    const ssize_t in =
        ::splice(from.native_handle(), nullptr, pipe.write_end(), nullptr, share.held(), kSplice);
    if (in == 0) co_return Stop{.why = Stop::Why::kEnd};
    if (in < 0 && errno == EINTR) continue;
    if (in < 0 && WouldBlock(errno)) co_return Stop{.why = Stop::Why::kEmpty};
    if (in < 0) co_return Broken(errno);
    pipe.Filled(static_cast<std::size_t>(in));
    share.KeepOnly(static_cast<std::size_t>(in));
    in_this_turn += static_cast<std::size_t>(in);

    while (pipe.held() > 0) {
      const ssize_t sent =
          ::splice(pipe.read_end(), nullptr, to.native_handle(), nullptr, pipe.held(), kSplice);
      if (sent > 0) {
        pipe.Drained(static_cast<std::size_t>(sent));
        share.Sent(static_cast<std::size_t>(sent));
        moved += static_cast<std::uint64_t>(sent);
      } else if (sent < 0 && WouldBlock(errno)) {
        if (co_await Ready(to, Descriptor::wait_write)) co_return Broken(ECANCELED);
      } else if (sent == 0 || errno != EINTR) {
        co_return Broken(sent == 0 ? EPIPE : errno);
      }
    }
    if (static_cast<std::size_t>(in) < kFew) co_return Stop{.why = Stop::Why::kEmpty};
  }
  co_return Stop{.why = Stop::Why::kTurnOver};
}

/// Copies through one buffer that all connections share: bytes are looked at (MSG_PEEK), written,
/// and only what was written is taken from the source, so nothing is held across a wait.
Task<Stop> CopyBurst(Descriptor& from, Descriptor& to, std::uint64_t& moved, Allowance* out) {
  static std::array<std::byte, 64 * 1024> buffer;
  std::size_t in_this_turn = 0;
  while (in_this_turn < kBytesPerTurn) {
    const ssize_t in = ::recv(from.native_handle(), buffer.data(), buffer.size(), MSG_PEEK);
    if (in == 0) co_return Stop{.why = Stop::Why::kEnd};
    if (in < 0 && errno == EINTR) continue;
    if (in < 0 && WouldBlock(errno)) co_return Stop{.why = Stop::Why::kEmpty};
    if (in < 0) co_return Broken(errno);

    Share share(out, static_cast<std::size_t>(in));
    if (share.held() == 0) co_return StopAtTheLimit(from, *out);
    const ssize_t sent =
        ::send(to.native_handle(), buffer.data(), share.held(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && WouldBlock(errno)) {
      share.KeepOnly(0);
      if (co_await Ready(to, Descriptor::wait_write)) co_return Broken(ECANCELED);
      continue;
    }
    if (sent < 0) co_return Broken(errno);
    // TCP discards instead of copying when told to truncate (tcp(7)).
    const auto written = static_cast<std::size_t>(sent);
    share.Sent(written);
    if (::recv(from.native_handle(), buffer.data(), written, MSG_TRUNC) != sent) {
      co_return Broken(EIO);
    }
    moved += written;
    in_this_turn += written;
  }
  co_return Stop{.why = Stop::Why::kTurnOver};
}

}  // namespace

Task<int> Pump(Descriptor& from, Descriptor& to, PipePool& pipes, std::uint64_t& moved,
               Allowance* out) {
  Stop stop{.why = Stop::Why::kEmpty};
  while (from.is_open() && to.is_open()) {
    if (stop.why == Stop::Why::kEmpty && co_await Ready(from, Descriptor::wait_read)) break;
    auto pipe = pipes.Borrow();
    if (pipe) {
      PipePool::Loan loan = std::move(*pipe);
      pipe.reset();
      const std::uint64_t before = moved;
      stop = co_await SpliceBurst(from, to, std::move(loan), moved, out);
      // splice(2) never gets over urgent data, though there is something to read.
      if (stop.why == Stop::Why::kEmpty && moved == before) {
        stop = co_await CopyBurst(from, to, moved, out);
      }
    } else {
      stop = co_await CopyBurst(from, to, moved, out);
    }
    switch (stop.why) {
      case Stop::Why::kEnd:
        co_return 0;
      case Stop::Why::kBroken:
        co_return stop.error;
      case Stop::Why::kEmpty:
        break;
      case Stop::Why::kTurnOver:
        co_await asio::post(from.get_executor(), UseTask());
        break;
    }
  }
  co_return ECANCELED;
}

}  // namespace ambit::egress
