#pragma once
// Test support: ClientHellos, in order and not, put together from their parts (RFC 8446, 4.1.2).
#include <cstddef>
#include <string>

namespace ambit::proto {

inline constexpr std::size_t kChangeCipherSpec = 20;  // types of records
inline constexpr std::size_t kAlert = 21;
inline constexpr std::size_t kHandshake = 22;
inline constexpr std::size_t kApplicationData = 23;
inline constexpr std::size_t kEarlyData = 42;  // types of extensions
inline constexpr std::size_t kEncryptedHello = 0xfe0d;

/// In so many bytes.
inline std::string Number(std::size_t value, int size) {
  std::string out;
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>(value >> shift & 0xFF);
  }
  return out;
}

/// Behind its length in so many bytes.
inline std::string Vector(const std::string& content, int size) {
  return Number(content.size(), size) + content;
}

inline std::string Extension(std::size_t type, const std::string& content) {
  return Number(type, 2) + Vector(content, 2);
}

inline std::string ServerName(const std::string& name) {
  return Extension(0, Vector(Number(0, 1) + Vector(name, 2), 2));
}

/// The message, without a record around it.
inline std::string Hello(const std::string& extensions) {
  const std::string body = Number(0x0303, 2) + std::string(32, 'r') + Vector("session", 1) +
                           Vector(Number(0x1a1a, 2) + Number(0x1301, 2), 2) +
                           Vector(std::string(1, '\0'), 1) + Vector(extensions, 2);
  return Number(1, 1) + Vector(body, 3);
}

/// With the versions that clients write: in their first record an old one.
inline std::string Record(const std::string& content, std::size_t type = kHandshake) {
  return Number(type, 1) + Number(type == kHandshake ? 0x0301 : 0x0303, 2) + Vector(content, 2);
}

}  // namespace ambit::proto
