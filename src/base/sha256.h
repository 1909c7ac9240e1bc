#pragma once
// SHA-256 (FIPS 180-4), by nettle.
#include <nettle/sha2.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace ambit {

using Sha256Digest = std::array<std::uint8_t, 32>;

/// Of bytes that come in pieces. Digest begins anew.
class Sha256 {
 public:
  Sha256() { ::sha256_init(&state_); }
  void Update(std::string_view bytes) {
    ::sha256_update(&state_, bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  }
  Sha256Digest Digest() {
    Sha256Digest digest{};
    ::sha256_digest(&state_, digest.size(), digest.data());
    return digest;
  }

 private:
  sha256_ctx state_{};
};

/// 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::string_view bytes);

}  // namespace ambit
