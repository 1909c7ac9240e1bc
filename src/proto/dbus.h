#pragma once
// The part of D-Bus that one call to a person's systemd needs: messages as bytes, and the login.
// Sans I/O: bytes in, bytes out. What comes in is judged as hostile; what is not in order is an
// error, never a guess. Only little endian: both sides are on one machine.
// Who calls: supervise/systemd_scope. Why our own: docs/adr/0014.
// Source: D-Bus Specification 0.41, "Message Protocol", "Marshaling", "Authentication Protocol".
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ambit::proto::dbus {

/// Larger ones are refused: what is asked for here is answered in a few hundred bytes.
inline constexpr std::size_t kMostBytes = 1U << 20;

enum class MessageType : std::uint8_t { kCall = 1, kReply = 2, kError = 3, kSignal = 4 };

struct Message {
  MessageType type = MessageType::kCall;
  std::uint32_t serial = 0;        // never 0 on the wire
  std::uint32_t reply_serial = 0;  // 0: none
  std::string path;
  std::string interface;
  std::string member;
  std::string error_name;
  std::string destination;
  std::string sender;
  std::string signature;  // of `body`
  std::string body;
  bool operator==(const Message&) const = default;
};

/// The first line of the login as `uid`, with the NUL byte before it. The server's answer begins
/// with "OK "; then kBegin, and messages.
std::string LoginAs(uid_t uid);
inline constexpr std::string_view kBegin = "BEGIN\r\n";

std::string Encode(const Message& message);

/// Takes the first message off the front of `bytes`; nothing when it is not whole yet.
/// Errors: kInvalidArgument; the connection is of no more use.
Result<std::optional<Message>> TakeMessage(std::string& bytes);

/// Values one after the other, each at its alignment.
class Writer {
 public:
  void Byte(std::uint8_t value) { bytes_ += static_cast<char>(value); }
  void Uint32(std::uint32_t value);
  void Uint64(std::uint64_t value);
  void Bool(bool value) { Uint32(value ? 1 : 0); }
  void String(std::string_view text);  // also an object path
  void Signature(std::string_view text);
  void Align(std::size_t boundary);
  /// An array's length stands before it and counts from its first element on.
  std::size_t BeginArray(std::size_t boundary);
  void EndArray(std::size_t begin);
  std::string Take() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Reads what Writer writes. After something that was not there every answer is empty or 0, and
/// failed() says so.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  std::uint8_t Byte();
  std::uint32_t Uint32();
  std::uint64_t Uint64();
  std::string String();
  std::string Signature();
  void Align(std::size_t boundary);
  /// Where the array ends; at() afterwards is its first element.
  std::size_t BeginArray(std::size_t boundary);
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] bool failed() const { return failed_; }
  void Fail() { failed_ = true; }

 private:
  std::string_view Take(std::size_t count);
  std::uint64_t Number(std::size_t size);
  std::string Text(std::size_t size);

  std::string_view bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace ambit::proto::dbus
