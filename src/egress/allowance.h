#pragma once
// How many bytes a run may still send out of itself, over all of its connections together. What is
// taken and then not sent is given back, so what is counted has left. One thread.
// Who calls: egress/relay, egress/pump.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

namespace ambit::egress {

class Allowance {
 public:
  static constexpr std::uint64_t kUnlimited = UINT64_MAX;

  /// `exceeded` hears once that something was not sent because of it.
  Allowance(std::uint64_t most, std::function<void()> exceeded)
      : most_(most), exceeded_(std::move(exceeded)) {}

  /// As many of `wanted` as may be sent now.
  [[nodiscard]] std::size_t Take(std::size_t wanted) {
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, most_ - used_));
    used_ += taken;
    return taken;
  }
  void GiveBack(std::size_t unsent) { used_ -= unsent; }
  /// Somebody had more to send than may be.
  void Exceed() {
    if (exceeded_) std::exchange(exceeded_, nullptr)();
  }
  [[nodiscard]] std::uint64_t used() const { return used_; }

 private:
  std::uint64_t most_;
  std::uint64_t used_ = 0;
  std::function<void()> exceeded_;
};

}  // namespace ambit::egress
