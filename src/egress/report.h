#pragma once
// What egress tells the supervisor: fixed-size records over the control socket, one per message.
//
// The relay parses hostile bytes and may be taken over, so the supervisor takes a record only
// through DecodeReport, which checks every field. Sending never waits: a record that finds the
// socket full is counted, and the count follows in a kDropped record.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/error.h"
#include "egress/claim.h"
#include "policy/foreign.h"

namespace ambit::egress {

enum class ReportKind : std::uint8_t {
  kReady = 1,       // listeners are served; from now on connections are answered
  kFailed,          // egress ends; `stage` and `error` say why
  kOpened,          // a connection to a host port, or to a server inside, stands
  kClosed,          // it is over; bytes are final; `error` is 0 or why it was reset
  kDenied,          // a connection was refused: by the rules, or `error` when a person was asked:
                    // EACCES: said no, ETIMEDOUT: said nothing
  kUpstreamFailed,  // the far side does not serve `port`; `error` says how
  kTooMany,         // refused: as many connections as there may be, or, with EBUSY, as many that
                    // wait for a person
  kAcceptFailed,    // accepting pauses; `error` says why
  kDropped,         // `count` records before this one were lost
  kNameRefused,     // a question for `name`, which no rule allows
  kMismatch,        // a client connected to `name` claimed another; `mismatch`, `claimed`
  kUnreachable,  // `name` leads nowhere that may be dialled: `reach`, or `error` when looking it up
  kHeld,         // connections wait for a person's answer to the question `connection`
  kLetGo,        // none does any more; `error`: ETIMEDOUT when nobody answered
  kProxyFailed,  // the host's proxy gives no tunnel: `count` is its status, or 0 and `error` is set
  kResolverAsked,  // somebody inside asks the name server at `address`; told once of each
  kOutLimit,       // more than may leave the run was to leave it: `count` has left
  kTraffic,        // `count` bytes have left the run; about once a second while that changes
  kTooManyNames,   // `name` got no address: there are as many below its wildcard as there may be
  kSlowed,         // new connections wait: more than `count` a second; told once a second at most
};
inline constexpr ReportKind kLastReportKind = ReportKind::kSlowed;

/// Where the start of egress failed (kFailed only; kNone otherwise).
enum class Stage : std::uint8_t {
  kNone = 0,
  kDescriptors,
  kIdentity,
  kPrivileges,
  kLandlock,
  kSeccomp,
  kLoop,
  kListeners,
  kResolver,
  kOrder,
};
inline constexpr Stage kLastStage = Stage::kOrder;

/// A host's name as text, or nothing; zeros behind it.
using NameText = std::array<char, 256>;
NameText TextOfName(std::string_view name);

struct EgressReport {
  static constexpr std::uint8_t kVersion = 3;

  std::uint8_t version = kVersion;
  ReportKind kind = ReportKind::kReady;
  Stage stage = Stage::kNone;
  std::uint8_t family = 0;                       // 4, 6, or 0: no address
  std::uint16_t port = 0;                        // host order
  Mismatch mismatch = Mismatch::kNone;           // kMismatch
  policy::Reach reach = policy::Reach::kPublic;  // kUnreachable: where `name` leads
  std::uint32_t connection = 0;                  // counts from 1 in every run; 0: none
  std::int32_t error = 0;                        // errno
  std::array<std::uint8_t, 16> address{};        // network order; the first four for family 4
  std::uint64_t bytes_to_host = 0;
  std::uint64_t bytes_from_host = 0;
  /// kDropped: records. kSlowed: connections a second. Refusals: how many equal ones, 0 and 1: one.
  /// kClosed, kTraffic, kOutLimit: bytes that all connections have brought out of the run.
  std::uint64_t count = 0;
  std::uint64_t published = 0;  // the port of the host a connection came in on; 0: none
  NameText name{};     // what was connected to or asked for; empty: an address, or no host's name
  NameText claimed{};  // kMismatch: empty when none was

  bool operator==(const EgressReport&) const = default;
};
static_assert(std::is_trivially_copyable_v<EgressReport>);
static_assert(std::has_unique_object_representations_v<EgressReport>, "no padding that leaks");

/// The name in it; empty: none. Of a decoded report it is always one or none.
std::string_view NameIn(const NameText& text);

/// kInvalidArgument names the field that no honest relay would send.
Result<EgressReport> DecodeReport(std::span<const std::byte> message);

}  // namespace ambit::egress
