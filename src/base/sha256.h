#pragma once
// SHA-256 (FIPS 180-4), by nettle.
#include <string>
#include <string_view>

namespace ambit {

/// 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::string_view bytes);

}  // namespace ambit
