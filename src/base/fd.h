#pragma once
#include <unistd.h>

#include <utility>

namespace ambit {

/// Owns one file descriptor. Move-only. The destructor closes and ignores the result: Linux frees
/// the number even when close(2) fails, so a retry would close somebody else's descriptor.
class Fd {
 public:
  Fd() noexcept = default;
  explicit Fd(int raw) noexcept : raw_(raw) {}  // adopts; -1 means empty
  Fd(Fd&& other) noexcept : raw_(std::exchange(other.raw_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.raw_, -1));
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { Reset(); }

  [[nodiscard]] int get() const noexcept { return raw_; }
  [[nodiscard]] int Release() && noexcept { return std::exchange(raw_, -1); }
  void Reset(int raw = -1) noexcept {
    if (int old = std::exchange(raw_, raw); old >= 0) ::close(old);
  }
  explicit operator bool() const noexcept { return raw_ >= 0; }

 private:
  int raw_ = -1;
};

}  // namespace ambit
