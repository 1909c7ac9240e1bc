#include "proto/dbus.h"

#include <fmt/format.h>

#include <utility>

namespace ambit::proto::dbus {
namespace {

constexpr std::size_t kFixedHeader = 16;  // up to and with the length of the fields
constexpr std::size_t kMostFields = 64U << 10;
constexpr char kLittleEndian = 'l';
constexpr std::uint8_t kVersion = 1;

enum Field : std::uint8_t {
  kPath = 1,
  kInterface,
  kMember,
  kErrorName,
  kReplySerial,
  kDestination,
  kSender,
  kSignature,
  kUnixFds,
};

void PutLittleEndian(std::string& bytes, std::size_t at, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
}

std::size_t RoundUp(std::size_t size, std::size_t boundary) {
  return (size + boundary - 1) / boundary * boundary;
}

void WriteText(Writer& fields, Field field, char type, std::string_view text) {
  if (text.empty()) return;
  fields.Align(8);
  fields.Byte(field);
  fields.Signature({&type, 1});
  type == 'g' ? fields.Signature(text) : fields.String(text);
}

std::string* TextOf(Message& message, std::uint8_t field) {
  switch (field) {
    case kPath:
      return &message.path;
    case kInterface:
      return &message.interface;
    case kMember:
      return &message.member;
    case kErrorName:
      return &message.error_name;
    case kDestination:
      return &message.destination;
    case kSender:
      return &message.sender;
    default:
      return nullptr;
  }
}

/// One of the header's fields: a byte that names it and a variant. Fields that the specification
/// may add later have to be stepped over; they are as simple as the ones there are.
void ReadField(Reader& in, Message& message) {
  in.Align(8);
  const std::uint8_t field = in.Byte();
  const std::string type = in.Signature();
  if (type == "u") {
    const std::uint32_t value = in.Uint32();
    if (field == kReplySerial) message.reply_serial = value;
  } else if (type == "g") {
    std::string value = in.Signature();
    if (field == kSignature) message.signature = std::move(value);
  } else if (type == "s" || type == "o") {
    std::string value = in.String();
    if (std::string* text = TextOf(message, field)) *text = std::move(value);
  } else {
    in.Fail();
  }
}

std::unexpected<Error> Malformed(std::string_view why) {
  return Fail(Errc::kInvalidArgument, fmt::format("D-Bus message: {}", why));
}

}  // namespace

std::string LoginAs(uid_t uid) {
  // The number's decimal digits, each as two hexadecimal ones.
  std::string hex;
  for (const char digit : fmt::to_string(uid)) hex += fmt::format("{:02x}", digit);
  return std::string(1, '\0') + "AUTH EXTERNAL " + hex + "\r\n";
}

std::string Encode(const Message& message) {
  Writer out;
  out.Byte(kLittleEndian);
  out.Byte(static_cast<std::uint8_t>(message.type));
  out.Byte(0);
  out.Byte(kVersion);
  out.Uint32(static_cast<std::uint32_t>(message.body.size()));
  out.Uint32(message.serial);
  const std::size_t begin = out.BeginArray(8);
  WriteText(out, kPath, 'o', message.path);
  WriteText(out, kInterface, 's', message.interface);
  WriteText(out, kMember, 's', message.member);
  WriteText(out, kErrorName, 's', message.error_name);
  WriteText(out, kDestination, 's', message.destination);
  WriteText(out, kSender, 's', message.sender);
  WriteText(out, kSignature, 'g', message.signature);
  if (message.reply_serial != 0) {
    out.Align(8);
    out.Byte(kReplySerial);
    out.Signature("u");
    out.Uint32(message.reply_serial);
  }
  out.EndArray(begin);
  out.Align(8);
  return std::move(out).Take() + message.body;
}

Result<std::optional<Message>> TakeMessage(std::string& bytes) {
  if (bytes.size() < kFixedHeader) return std::nullopt;
  Reader in(bytes);
  if (in.Byte() != kLittleEndian) return Malformed("not little endian");
  const std::uint8_t type = in.Byte();
  if (type < 1 || type > 4) return Malformed("of no known type");
  in.Byte();  // flags
  if (in.Byte() != kVersion) return Malformed("of another version");
  const std::size_t body = in.Uint32();
  Message message{.type = static_cast<MessageType>(type), .serial = in.Uint32()};
  const std::size_t fields = in.Uint32();
  if (fields > kMostFields || body > kMostBytes) return Malformed("too large");
  const std::size_t header = RoundUp(kFixedHeader + fields, 8);
  if (bytes.size() < header + body) return std::nullopt;
  Reader field(std::string_view(bytes).substr(0, kFixedHeader + fields));
  for (std::size_t i = 0; i < kFixedHeader; ++i) field.Byte();
  while (!field.failed() && field.at() < kFixedHeader + fields) ReadField(field, message);
  if (field.failed() || message.serial == 0) return Malformed("broken header");
  message.body = bytes.substr(header, body);
  bytes.erase(0, header + body);
  return message;
}

void Writer::Align(std::size_t boundary) { bytes_.resize(RoundUp(bytes_.size(), boundary)); }

void Writer::Uint32(std::uint32_t value) {
  Align(4);
  bytes_.resize(bytes_.size() + 4);
  PutLittleEndian(bytes_, bytes_.size() - 4, value, 4);
}

void Writer::Uint64(std::uint64_t value) {
  Align(8);
  bytes_.resize(bytes_.size() + 8);
  PutLittleEndian(bytes_, bytes_.size() - 8, value, 8);
}

void Writer::String(std::string_view text) {
  Uint32(static_cast<std::uint32_t>(text.size()));
  bytes_ += text;
  bytes_ += '\0';
}

void Writer::Signature(std::string_view text) {
  Byte(static_cast<std::uint8_t>(text.size()));
  bytes_ += text;
  bytes_ += '\0';
}

std::size_t Writer::BeginArray(std::size_t boundary) {
  Uint32(0);
  const std::size_t length_at = bytes_.size() - 4;
  Align(boundary);
  // EndArray has to know both: what is between them is at most one alignment.
  PutLittleEndian(bytes_, length_at, bytes_.size(), 4);
  return length_at;
}

void Writer::EndArray(std::size_t begin) {
  const std::size_t first = Reader(std::string_view(bytes_).substr(begin)).Uint32();
  PutLittleEndian(bytes_, begin, bytes_.size() - first, 4);
}

std::string_view Reader::Take(std::size_t count) {
  if (failed_ || count > bytes_.size() - at_) {
    failed_ = true;
    return {};
  }
  return bytes_.substr(std::exchange(at_, at_ + count), count);
}

std::uint64_t Reader::Number(std::size_t size) {
  Align(size);
  std::uint64_t value = 0;
  const std::string_view taken = Take(size);
  for (std::size_t i = taken.size(); i-- > 0;) {
    value = value << 8U | static_cast<unsigned char>(taken[i]);
  }
  return value;
}

std::string Reader::Text(std::size_t size) {
  std::string text(Take(size));
  if (const std::string_view end = Take(1); end != std::string_view("\0", 1)) failed_ = true;
  // A NUL inside would end a name earlier for somebody else.
  if (text.contains('\0')) failed_ = true;
  return failed_ ? std::string() : text;
}

void Reader::Align(std::size_t boundary) { Take(RoundUp(at_, boundary) - at_); }
std::uint8_t Reader::Byte() { return static_cast<std::uint8_t>(Number(1)); }
std::uint32_t Reader::Uint32() { return static_cast<std::uint32_t>(Number(4)); }
std::uint64_t Reader::Uint64() { return Number(8); }
std::string Reader::String() { return Text(Uint32()); }
std::string Reader::Signature() { return Text(Byte()); }

std::size_t Reader::BeginArray(std::size_t boundary) {
  const std::size_t size = Uint32();
  Align(boundary);
  if (size > bytes_.size() - at_) failed_ = true;
  return failed_ ? at_ : at_ + size;
}

}  // namespace ambit::proto::dbus
