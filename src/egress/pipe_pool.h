#pragma once
// Pipes for splice(2), lent only while bytes are in flight.
//
// The pages of all pipes of a user are a limit that the user's shells share (pipe-user-pages-soft,
// pipe(7): 16,384 pages, 256 pipes of 256 KiB): a pipe per connection would shrink the user's own
// pipelines. So few pipes, made on demand, and a caller that gets none copies bytes instead.
#include <cstddef>
#include <optional>
#include <vector>

#include "base/fd.h"

namespace ambit::egress {

class PipePool {
 public:
  /// With half of it, many connections at once cost twice the processor time now and then: their
  /// ends fall asleep between the pieces. All pipes of a pool are half of what the kernel gives one
  /// user (pipe(7), pipe-user-pages-soft).
  static constexpr std::size_t kPipeBytes = 512 * 1024;

  struct Pipe {
    Fd read_end;
    Fd write_end;
  };

  /// A lent pipe, empty. It goes back on destruction; one that still holds bytes is closed instead.
  class Loan {
   public:
    Loan(PipePool& pool, Pipe pipe) : pool_(&pool), pipe_(std::move(pipe)) {}
    Loan(Loan&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)),
          pipe_(std::move(other.pipe_)),
          held_(other.held_) {}
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    Loan& operator=(Loan&&) = delete;
    ~Loan() {
      if (pool_ != nullptr) pool_->TakeBack(std::move(pipe_), held_ == 0);
    }

    [[nodiscard]] int read_end() const { return pipe_.read_end.get(); }
    [[nodiscard]] int write_end() const { return pipe_.write_end.get(); }
    [[nodiscard]] std::size_t held() const { return held_; }
    void Filled(std::size_t bytes) { held_ += bytes; }
    void Drained(std::size_t bytes) { held_ -= bytes; }

   private:
    PipePool* pool_;
    Pipe pipe_;
    std::size_t held_ = 0;
  };

  explicit PipePool(std::size_t most) : most_(most) {}

  /// Nothing when all are lent out, or when the kernel gives none of a useful size.
  std::optional<Loan> Borrow();

  [[nodiscard]] std::size_t lent() const { return lent_; }
  [[nodiscard]] std::size_t idle() const { return idle_.size(); }

 private:
  void TakeBack(Pipe pipe, bool empty);

  std::size_t most_;
  std::size_t lent_ = 0;
  std::vector<Pipe> idle_;
};

}  // namespace ambit::egress
