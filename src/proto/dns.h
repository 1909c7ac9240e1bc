#pragma once
// DNS messages: what a resolver inside asks, and what it is answered. Sans I/O. What comes in is
// judged as hostile: what is not in order gets no answer or FORMERR, never a guess.
//
// A question is read as far as an answer needs it: header, the one question, and of additional
// records whether there is an OPT. The name keeps the letters it was asked with (0x20: a resolver
// compares them) and is never escaped: a label with anything in it but what ambit::HostName takes
// makes `host` empty. Compression in a question is refused: nobody sends it, and it cannot loop
// then.
//
// Who calls: egress/responder. Source: RFC 1035 (4.1), 6891 (EDNS), 8914 (extended errors), 2308
// (no data), 9460 (HTTPS records).
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_name.h"

namespace ambit::proto::dns {

enum class Type : std::uint16_t {
  kA = 1,
  kSoa = 6,
  kPtr = 12,
  kAaaa = 28,
  kOpt = 41,
};
inline constexpr std::uint16_t kInternet = 1;

enum class Code : std::uint8_t {
  kNoError = 0,
  kFormatError = 1,
  kServerFailure = 2,
  kNoSuchName = 3,
  kNotImplemented = 4,
  kRefused = 5,
  kBadVersion = 16,  // of EDNS: half of it stands in the OPT (RFC 6891, 6.1.3)
};

/// RFC 8914, for those who ask with EDNS.
enum class ExtendedError : std::uint16_t {
  kBlocked = 15,     // by the policy of whoever runs the server
  kProhibited = 18,  // this client may not ask
  kNetwork = 23,     // the servers asked in turn did not answer
};

struct Question {
  std::uint16_t id = 0;
  std::uint8_t opcode = 0;  // 0: a query
  bool recursion_desired = false;
  bool edns = false;
  std::uint8_t edns_version = 0;
  std::uint16_t udp_bytes = 512;  // the most that the answer may have over UDP
  std::uint16_t type = 0;         // as it was asked, also one that Type does not have
  std::uint16_t klass = 0;
  std::string wire;              // name, type and class as they stand, to be repeated
  std::string asked;             // the name as text, at most what was sent; not safe to print
  std::optional<HostName> host;  // what it is compared by; empty for what is no host's name
};

/// Empty for what gets no answer: less than a header, or an answer itself. Otherwise what to
/// answer: the question, or the code of an error with its id. Of EDNS there is version 0; what asks
/// with another may mean something else by all that it says, and is told so.
struct Received {
  Question question;
  Code code = Code::kNoError;
};
std::optional<Received> ReadQuestion(std::span<const std::byte> message);

struct Answer {
  Code code = Code::kNoError;
  std::uint32_t ttl_seconds = 0;
  std::vector<std::string> addresses;  // 4 or 16 bytes each: A and AAAA
  std::string pointer;                 // PTR: a canonical name; empty: none
  std::optional<ExtendedError> extended;
  std::string text;  // with `extended`: for people
};

/// A whole message of at most `most` bytes: one that would be longer has no records and the bit
/// that says to ask again over TCP. Without records there is an SOA of the name, so that caches
/// know how long "nothing" holds.
std::string WriteAnswer(const Question& question, const Answer& answer, std::size_t most);

/// The address that "4.3.2.1.in-addr.arpa" or "….ip6.arpa" asks for, 4 or 16 bytes.
std::optional<std::string> AddressOfPointer(std::string_view name);

}  // namespace ambit::proto::dns
