#include "egress/pipe_pool.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace ambit::egress {
namespace {

/// Below this copying is as fast (and a user over the soft limit gets single pages).
constexpr int kSmallestUsefulPipe = 64 * 1024;

std::optional<PipePool::Pipe> MakePipe() {
  std::array<int, 2> raw{};
  if (::pipe2(raw.data(), O_CLOEXEC | O_NONBLOCK) != 0) return std::nullopt;
  PipePool::Pipe pipe{.read_end = Fd(raw[0]), .write_end = Fd(raw[1])};
  const int wanted = static_cast<int>(PipePool::kPipeBytes);
  if (::fcntl(raw[1], F_SETPIPE_SZ, wanted) < 0 &&
      ::fcntl(raw[1], F_GETPIPE_SZ) < kSmallestUsefulPipe) {
    return std::nullopt;
  }
  return pipe;
}

}  // namespace

std::optional<PipePool::Loan> PipePool::Borrow() {
  if (lent_ >= most_) return std::nullopt;
  std::optional<Pipe> pipe;
  if (idle_.empty()) {
    pipe = MakePipe();
    if (!pipe) return std::nullopt;
  } else {
    pipe = std::move(idle_.back());
    idle_.pop_back();
  }
  ++lent_;
  return std::optional<Loan>(std::in_place, *this, std::move(*pipe));
}

void PipePool::TakeBack(Pipe pipe, bool empty) {
  --lent_;
  if (empty) idle_.push_back(std::move(pipe));
}

}  // namespace ambit::egress
