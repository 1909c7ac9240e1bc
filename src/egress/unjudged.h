#pragma once
// What one side of a connection has said and nobody could judge yet. It is held in memory of the
// host, where no limit of the run counts it: so what all clients hold is counted together, and
// bounded.
//
// Who calls: egress/relay. One thread.
#include <cstddef>
#include <string>
#include <string_view>

namespace ambit::egress {

class Unjudged {
 public:
  /// `of_all`: bytes that all clients hold; outlives it.
  explicit Unjudged(std::size_t& of_all) : of_all_(of_all) {}
  Unjudged(const Unjudged&) = delete;
  Unjudged& operator=(const Unjudged&) = delete;
  ~Unjudged() { of_all_ -= counted_; }

  void Append(std::string_view said) {
    bytes_.append(said);
    Count();
  }
  /// The first `size` bytes have gone on.
  void Drop(std::size_t size) {
    bytes_.erase(0, size);
    if (bytes_.empty()) bytes_.shrink_to_fit();
    Count();
  }
  [[nodiscard]] std::string_view View() const { return bytes_; }

 private:
  void Count() {
    of_all_ += bytes_.capacity() - counted_;
    counted_ = bytes_.capacity();
  }

  std::size_t& of_all_;
  std::size_t counted_ = 0;
  std::string bytes_;
};

}  // namespace ambit::egress
