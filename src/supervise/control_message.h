#pragma once
// What another process of the same person says to a run that is going on, and what the run answers:
// records of a fixed size over a seqpacket socket in the run's directory (control_socket.h).
//
// The version comes first and is never reused, so that an ambit of another day is refused in words.
// Who calls: control_socket (the run), control_client (the command line). Pure.
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/error.h"

namespace ambit::supervise {

/// The socket's name in the run's directory.
inline constexpr const char* kControlSocket = "control";
/// Its address, by the directory's descriptor: an address has 108 bytes, a path may have more.
sockaddr_un ControlAddressIn(int run_directory);

enum class ControlKind : std::uint8_t {
  kList = 1,  // what waits for an answer
  kAnswer,    // to what waits, or a rule: `scope`, `allow`, `text`
  kPublish,   // from now on: `host`, which is 0 for any free port, and `inside`
};
inline constexpr ControlKind kLastControlKind = ControlKind::kPublish;

/// How long an answer holds. The longer ones are written down by who answers; for the run they are
/// kRun.
enum class Scope : std::uint8_t {
  kOnce,     // for what waits now
  kRun,      // until the run ends
  kProject,  // for later runs of the project, too
  kAlways,   // for all of the person's runs
};
inline constexpr Scope kLastScope = Scope::kAlways;
/// "once", "run", "project", "always".
std::string_view NameOf(Scope scope);

/// Text with zeros behind it.
using ControlText = std::array<char, 512>;
/// What does not fit is cut.
ControlText TextOf(std::string_view text);
std::string_view TextIn(const ControlText& text);

struct ControlRequest {
  static constexpr std::uint8_t kVersion = 1;
  std::uint8_t version = kVersion;
  ControlKind kind = ControlKind::kList;
  Scope scope = Scope::kOnce;
  std::uint8_t allow = 0;  // kAnswer: 1: yes
  std::uint16_t host = 0;
  std::uint16_t inside = 0;
  ControlText text{};  // kAnswer: as ParseNetRule takes it
  bool operator==(const ControlRequest&) const = default;
};
static_assert(std::has_unique_object_representations_v<ControlRequest>, "no padding that leaks");

enum class ReplyKind : std::uint8_t {
  kQuestion = 1,  // one of those that wait: `text`, `number`, `seconds`
  kDone,          // the last record: `number` is how many waited for it, or the host's port
  kFailed,        // the last record: `text` is why, `remedy` a way out
};
inline constexpr ReplyKind kLastReplyKind = ReplyKind::kFailed;

struct ControlReply {
  std::uint8_t version = ControlRequest::kVersion;
  ReplyKind kind = ReplyKind::kDone;
  std::uint16_t unused = 0;
  std::uint32_t number = 0;
  std::uint64_t seconds = 0;  // since it was asked
  ControlText text{};
  ControlText remedy{};
  bool operator==(const ControlReply&) const = default;
};
static_assert(std::has_unique_object_representations_v<ControlReply>, "no padding that leaks");

/// kInvalidArgument names the field that is not in order; kUnsupported: another version.
Result<ControlRequest> DecodeRequest(std::span<const std::byte> message);
Result<ControlReply> DecodeReply(std::span<const std::byte> message);

}  // namespace ambit::supervise
