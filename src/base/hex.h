#pragma once
// Bytes as lower-case hexadecimal digits and back. No errors but the one FromHex returns.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ambit {

void AppendHex(std::span<const std::uint8_t> bytes, std::string& out);

/// False unless `text` is exactly the lower-case digits of `out.size()` bytes.
bool FromHex(std::string_view text, std::span<std::uint8_t> out);

}  // namespace ambit
