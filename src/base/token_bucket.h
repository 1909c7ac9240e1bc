#pragma once
// So many at once, and from then on so many a second (a token bucket). Who calls: whoever bounds
// what the inside of a run decides. One thread.
#include <algorithm>
#include <chrono>

namespace ambit {

class TokenBucket {
 public:
  using Clock = std::chrono::steady_clock;

  TokenBucket(double burst, double per_second)
      : burst_(burst), per_second_(per_second), tokens_(burst), filled_(Clock::now()) {}

  /// Whether `count` may be taken now.
  [[nodiscard]] bool Has(double count) {
    if (tokens_ < count) {
      const Clock::time_point now = Clock::now();
      const std::chrono::duration<double> passed = now - filled_;
      filled_ = now;
      tokens_ = std::min(burst_, tokens_ + passed.count() * per_second_);
    }
    return tokens_ >= count;
  }
  void Take(double count) { tokens_ -= count; }

 private:
  double burst_;
  double per_second_;
  double tokens_;
  Clock::time_point filled_;
};

}  // namespace ambit
