#include "proto/client_hello.h"

#include <fmt/format.h>

namespace ambit::proto {
namespace {

constexpr unsigned kHandshake = 22;
constexpr unsigned kClientHello = 1;
constexpr unsigned kServerName = 0;
constexpr unsigned kEarlyData = 42;
constexpr unsigned kHostName = 0;
constexpr unsigned kEncryptedClientHello = 0xfe0d;
constexpr unsigned kEncryptedServerName = 0xffce;  // its forerunner
constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kLongestRecord = 1U << 14;
constexpr std::size_t kMessageHeader = 4;

std::unexpected<Error> Wrong(std::string_view what) {
  return Fail(Errc::kInvalidArgument, fmt::format("a TLS ClientHello {}", what));
}

/// Numbers and vectors in network order. After something that was not there failed() says so.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}
  unsigned Number(std::size_t size) {
    unsigned value = 0;
    for (const std::byte byte : Take(size)) value = value << 8 | std::to_integer<unsigned>(byte);
    return value;
  }
  std::span<const std::byte> Take(std::size_t size) {
    if (size > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  /// A vector whose length stands before it in `size` bytes.
  std::span<const std::byte> Vector(std::size_t size) { return Take(Number(size)); }
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::span<const std::byte> rest_;
  bool failed_ = false;
};

struct Message {
  std::string content;
  std::size_t on_wire = 0;
};

/// The handshake message, out of as many records as it has. Nothing while there is more to come.
Result<std::optional<Message>> MessageIn(std::span<const std::byte> bytes) {
  const std::size_t all = bytes.size();
  std::string message;
  for (;;) {
    if (bytes.size() < kRecordHeader) return std::nullopt;
    Reader header(bytes.first(kRecordHeader));
    const unsigned type = header.Number(1);
    const unsigned major = header.Number(1);
    header.Take(1);
    const std::size_t size = header.Number(2);
    if (type != kHandshake || major != 3) return Wrong("is interrupted by something else");
    if (size == 0 || size > kLongestRecord) return Wrong("has a record of a wrong size");
    bytes = bytes.subspan(kRecordHeader);
    const auto part = bytes.first(std::min(size, bytes.size()));
    message.append(reinterpret_cast<const char*>(part.data()), part.size());
    if (message.size() >= kMessageHeader) {
      Reader in(std::as_bytes(std::span(message)));
      if (in.Number(1) != kClientHello) return Wrong("was expected, it is another message");
      const std::size_t whole = kMessageHeader + in.Number(3);
      if (whole > kMostClientHelloBytes) return Wrong("is too large");
      if (message.size() - part.size() + size > whole) {
        return Wrong("is followed by something else in its record");
      }
      if (message.size() == whole) {
        return Message{.content = std::move(message), .on_wire = all - bytes.size() + part.size()};
      }
    }
    if (part.size() < size) return std::nullopt;
    bytes = bytes.subspan(size);
  }
}

Status ReadServerName(std::span<const std::byte> extension, ClientHello& hello) {
  Reader outer(extension);
  Reader names(outer.Vector(2));
  if (!outer.empty() || outer.failed() || names.empty())
    return Wrong("has a server name extension that is not in order");
  const unsigned type = names.Number(1);
  const auto name = names.Vector(2);
  if (names.failed() || !names.empty() || type != kHostName || hello.server_name) {
    return Wrong("has more than one server name, or one of an unknown kind");
  }
  const std::string_view text(reinterpret_cast<const char*>(name.data()), name.size());
  if (text.ends_with('.')) return Wrong("has a server name with a dot at its end");
  auto host = HostName::Parse(text);
  if (!host) return Wrong("has a server name that is none: " + host.error().what);
  hello.server_name = *std::move(host);
  return {};
}

Result<ClientHello> ReadMessage(std::string_view message) {
  Reader in(std::as_bytes(std::span(message)).subspan(kMessageHeader));
  in.Take(2 + 32);  // version, random
  in.Vector(1);     // session id
  in.Vector(2);     // cipher suites
  in.Vector(1);     // compression methods
  ClientHello hello;
  if (in.failed()) return Wrong("is cut off");
  if (in.empty()) return hello;
  Reader extensions(in.Vector(2));
  if (in.failed() || !in.empty()) return Wrong("has extensions of a wrong size");
  while (!extensions.empty()) {
    const unsigned type = extensions.Number(2);
    const auto extension = extensions.Vector(2);
    if (extensions.failed()) return Wrong("has an extension that is cut off");
    if (type == kEarlyData) hello.early_data = true;
    if (type == kEncryptedClientHello || type == kEncryptedServerName) hello.encrypted = true;
    if (type == kServerName) AMBIT_CHECK(ReadServerName(extension, hello));
  }
  return hello;
}

}  // namespace

Result<std::optional<ClientHello>> ReadClientHello(std::span<const std::byte> bytes) {
  AMBIT_TRY(const std::optional<Message> message, MessageIn(bytes));
  if (!message) return std::nullopt;
  AMBIT_TRY(ClientHello hello, ReadMessage(message->content));
  hello.bytes = message->on_wire;
  return hello;
}

}  // namespace ambit::proto
