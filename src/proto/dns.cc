#include "proto/dns.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace ambit::proto::dns {
namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kMostNameBytes = 255;  // as it stands in a message
constexpr std::size_t kLongestLabel = 63;
constexpr std::uint16_t kLeastUdpBytes = 512;
// Longer ones are cut into fragments on many ways; ours need far less.
constexpr std::uint16_t kMostUdpBytes = 1232;
constexpr std::uint16_t kExtendedErrorOption = 15;
constexpr std::size_t kMostText = 200;
constexpr std::uint16_t kNameOfQuestion = 0xC000 | kHeaderBytes;  // a pointer to it

constexpr std::uint32_t kIsAnswer = 0x8000;
constexpr std::uint32_t kAuthoritative = 0x0400;
constexpr std::uint32_t kTruncated = 0x0200;
constexpr std::uint32_t kRecursionDesired = 0x0100;
constexpr std::uint32_t kRecursionAvailable = 0x0080;
constexpr unsigned kBitsInHeader = 4;  // of a code; the others are in the OPT
constexpr std::uint32_t kCodeInHeader = 0xF;

/// After something that was not there every answer is 0, and failed() says so.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::uint8_t Byte() {
    if (at_ >= bytes_.size()) {
      failed_ = true;
      return 0;
    }
    return std::to_integer<std::uint8_t>(bytes_[at_++]);
  }
  std::uint16_t Number() {
    const unsigned high = Byte();
    return static_cast<std::uint16_t>(high << 8 | Byte());
  }
  void Skip(std::size_t count) {
    if (count > bytes_.size() - at_) failed_ = true;
    at_ += failed_ ? 0 : count;
  }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::string Between(std::size_t from, std::size_t to) const {
    const auto part = bytes_.subspan(from, to - from);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

struct Name {
  std::string text;         // labels with dots between
  bool only_labels = true;  // no label has a dot of its own
};

/// A name without compression. Empty when there is none.
std::optional<Name> ReadName(Reader& in) {
  Name name;
  const std::size_t begin = in.at();
  for (;;) {
    const std::uint8_t size = in.Byte();
    if (in.failed() || size > kLongestLabel) return std::nullopt;
    if (size == 0) break;
    if (!name.text.empty()) name.text += '.';
    for (int n = 0; n < size; ++n) {
      const auto c = static_cast<char>(in.Byte());
      if (c == '.') name.only_labels = false;
      name.text += c;
    }
    if (in.at() - begin >= kMostNameBytes) return std::nullopt;
  }
  if (in.failed()) return std::nullopt;
  return name;
}

/// What follows the question: whether there is an OPT, and that it is one only.
bool ReadOthers(Reader& in, int records, Question& question) {
  for (; records > 0; --records) {
    if (!ReadName(in)) return false;
    const auto type = in.Number();
    const auto klass = in.Number();
    in.Skip(1);
    const auto version = in.Byte();  // of an OPT; of other records this is their time to live
    in.Skip(2);
    in.Skip(in.Number());
    if (in.failed()) return false;
    if (type != static_cast<std::uint16_t>(Type::kOpt)) continue;
    if (question.edns) return false;
    question.edns = true;
    question.edns_version = version;
    question.udp_bytes = std::clamp(klass, kLeastUdpBytes, kMostUdpBytes);
  }
  return true;
}

void Put16(std::string& out, std::uint32_t value) {
  out += static_cast<char>(value >> 8 & 0xFF);
  out += static_cast<char>(value & 0xFF);
}

void Put32(std::string& out, std::uint32_t value) {
  Put16(out, value >> 16);
  Put16(out, value & 0xFFFF);
}

void PutName(std::string& out, std::string_view name) {
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    out += static_cast<char>(label.size());
    out += label;
    name.remove_prefix(std::min(label.size() + 1, name.size()));
  }
  out += '\0';
}

void PutRecord(std::string& out, Type type, std::uint32_t ttl, std::string_view data) {
  Put16(out, kNameOfQuestion);
  Put16(out, static_cast<std::uint16_t>(type));
  Put16(out, kInternet);
  Put32(out, ttl);
  Put16(out, static_cast<std::uint32_t>(data.size()));
  out += data;
}

std::string Soa(std::uint32_t ttl) {
  std::string data;
  PutName(data, "ambit.invalid");
  PutName(data, "nobody.invalid");
  for (const std::uint32_t value : {1U, ttl, ttl, ttl, ttl}) Put32(data, value);
  return data;
}

void PutOpt(std::string& out, const Answer& answer) {
  std::string options;
  if (answer.extended) {
    const std::string_view text = std::string_view(answer.text).substr(0, kMostText);
    Put16(options, kExtendedErrorOption);
    Put16(options, static_cast<std::uint32_t>(2 + text.size()));
    Put16(options, static_cast<std::uint16_t>(*answer.extended));
    options += text;
  }
  out += '\0';
  Put16(out, static_cast<std::uint16_t>(Type::kOpt));
  Put16(out, kMostUdpBytes);
  Put32(out, static_cast<std::uint32_t>(std::to_underlying(answer.code)) >> kBitsInHeader << 24);
  Put16(out, static_cast<std::uint32_t>(options.size()));
  out += options;
}

std::string Message(const Question& question, const Answer& answer, bool truncated) {
  std::string records;
  unsigned answers = 0;
  if (!truncated) {
    for (const std::string& address : answer.addresses) {
      PutRecord(records, address.size() == 4 ? Type::kA : Type::kAaaa, answer.ttl_seconds, address);
      ++answers;
    }
    if (!answer.pointer.empty()) {
      std::string name;
      PutName(name, answer.pointer);
      PutRecord(records, Type::kPtr, answer.ttl_seconds, name);
      ++answers;
    }
  }
  const bool nothing = answers == 0 && !truncated && !question.wire.empty() &&
                       (answer.code == Code::kNoError || answer.code == Code::kNoSuchName);
  if (nothing) PutRecord(records, Type::kSoa, answer.ttl_seconds, Soa(answer.ttl_seconds));
  std::string out;
  Put16(out, question.id);
  std::uint32_t flags = kIsAnswer | kAuthoritative | kRecursionAvailable;
  if (truncated) flags |= kTruncated;
  if (question.recursion_desired) flags |= kRecursionDesired;
  flags |= (question.opcode & 0xFU) << 11;
  Put16(out, flags | (std::to_underlying(answer.code) & kCodeInHeader));
  Put16(out, question.wire.empty() ? 0 : 1);
  Put16(out, answers);
  Put16(out, nothing ? 1 : 0);
  Put16(out, question.edns ? 1 : 0);
  out += question.wire;
  out += records;
  if (question.edns) PutOpt(out, answer);
  return out;
}

/// "4.3.2.1" backwards.
std::optional<std::string> V4Of(std::string_view reversed) {
  std::string address;
  while (!reversed.empty()) {
    const std::string_view part = reversed.substr(0, reversed.find('.'));
    unsigned value = 0;
    const auto [end, error] = std::from_chars(part.begin(), part.end(), value);
    if (error != std::errc() || end != part.end() || value > 255) return std::nullopt;
    address.insert(address.begin(), static_cast<char>(value));
    reversed.remove_prefix(std::min(part.size() + 1, reversed.size()));
  }
  if (address.size() != 4) return std::nullopt;
  return address;
}

/// 32 digits of base 16, the last one first.
std::optional<std::string> V6Of(std::string_view reversed) {
  std::string digits;
  for (std::size_t at = 0; at < reversed.size(); at += 2) {
    const bool alone = at + 1 == reversed.size() || reversed[at + 1] == '.';
    if (!alone) return std::nullopt;
    digits.insert(digits.begin(), reversed[at]);
  }
  if (digits.size() != 32) return std::nullopt;
  std::string address;
  for (std::size_t at = 0; at < digits.size(); at += 2) {
    unsigned value = 0;
    const char* begin = digits.data() + at;
    const auto [end, error] = std::from_chars(begin, begin + 2, value, 16);
    if (error != std::errc() || end != begin + 2) return std::nullopt;
    address += static_cast<char>(value);
  }
  return address;
}

}  // namespace

std::optional<Received> ReadQuestion(std::span<const std::byte> message) {
  if (message.size() < kHeaderBytes) return std::nullopt;
  Reader in(message);
  Received received;
  Question& question = received.question;
  question.id = in.Number();
  const std::uint16_t flags = in.Number();
  if ((flags & kIsAnswer) != 0) return std::nullopt;
  question.opcode = static_cast<std::uint8_t>(flags >> 11 & 0xF);
  question.recursion_desired = (flags & kRecursionDesired) != 0;
  const auto questions = in.Number();
  const auto answers = in.Number();
  const auto authorities = in.Number();
  const auto others = in.Number();
  received.code = question.opcode != 0 ? Code::kNotImplemented : Code::kFormatError;
  if (question.opcode != 0 || questions != 1 || answers != 0 || authorities != 0) return received;
  const auto name = ReadName(in);
  question.type = in.Number();
  question.klass = in.Number();
  if (!name || in.failed()) return received;
  question.wire = in.Between(kHeaderBytes, in.at());
  question.asked = name->text;
  if (name->only_labels) {
    if (auto host = HostName::Parse(name->text)) question.host = *std::move(host);
  }
  if (!ReadOthers(in, others, question)) return received;
  received.code = question.edns_version == 0 ? Code::kNoError : Code::kBadVersion;
  return received;
}

std::string WriteAnswer(const Question& question, const Answer& answer, std::size_t most) {
  std::string message = Message(question, answer, /*truncated=*/false);
  if (message.size() <= most) return message;
  return Message(question, {.code = answer.code}, /*truncated=*/true);
}

std::optional<std::string> AddressOfPointer(std::string_view name) {
  std::string small(name.ends_with('.') ? name.substr(0, name.size() - 1) : name);
  std::ranges::transform(small, small.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  constexpr std::string_view kV4 = ".in-addr.arpa";
  constexpr std::string_view kV6 = ".ip6.arpa";
  const std::string_view text = small;
  if (text.ends_with(kV4)) return V4Of(text.substr(0, text.size() - kV4.size()));
  if (text.ends_with(kV6)) return V6Of(text.substr(0, text.size() - kV6.size()));
  return std::nullopt;
}

}  // namespace ambit::proto::dns
