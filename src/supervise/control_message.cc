#include "supervise/control_message.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace ambit::supervise {
namespace {

bool EndsInZeros(const ControlText& text) {
  const auto rest = std::span(text).subspan(TextIn(text).size());
  return !rest.empty() && std::ranges::all_of(rest, [](char c) { return c == 0; });
}

const char* FirstBadField(const ControlRequest& request) {
  const bool answer = request.kind == ControlKind::kAnswer;
  if (request.kind < ControlKind::kList || request.kind > kLastControlKind) return "kind";
  if (request.scope > kLastScope) return "scope";
  if (request.allow > (answer ? 1 : 0)) return "allow";
  if ((request.inside != 0) != (request.kind == ControlKind::kPublish)) return "inside";
  if (request.host != 0 && request.inside == 0) return "host";
  if (!EndsInZeros(request.text) || TextIn(request.text).empty() == answer) return "text";
  return nullptr;
}

const char* FirstBadField(const ControlReply& reply) {
  if (reply.kind < ReplyKind::kQuestion || reply.kind > kLastReplyKind) return "kind";
  if (reply.unused != 0) return "unused";
  if (!EndsInZeros(reply.text)) return "text";
  if (!EndsInZeros(reply.remedy)) return "remedy";
  return nullptr;
}

template <class Record>
Result<Record> Decode(std::span<const std::byte> message) {
  Record record;
  if (!message.empty() && std::to_integer<std::uint8_t>(message[0]) != record.version) {
    return Fail(Errc::kUnsupported, "the run's ambit is of another version",
                "use the ambit that started it");
  }
  if (message.size() != sizeof record) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("control message: '{}' bytes, not {}", message.size(), sizeof record));
  }
  std::memcpy(&record, message.data(), sizeof record);
  if (const char* field = FirstBadField(record)) {
    return Fail(Errc::kInvalidArgument, fmt::format("control message: bad field '{}'", field));
  }
  return record;
}

}  // namespace

sockaddr_un ControlAddressIn(int run_directory) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = fmt::format("/proc/self/fd/{}/{}", run_directory, kControlSocket);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

std::string_view NameOf(Scope scope) {
  constexpr std::array<std::string_view, 4> kNames = {"once", "run", "project", "always"};
  return kNames.at(static_cast<std::size_t>(scope));
}

ControlText TextOf(std::string_view text) {
  ControlText record{};
  std::ranges::copy(text.substr(0, record.size() - 1), record.begin());
  return record;
}

std::string_view TextIn(const ControlText& text) {
  return {text.data(), ::strnlen(text.data(), text.size())};
}

Result<ControlRequest> DecodeRequest(std::span<const std::byte> message) {
  return Decode<ControlRequest>(message);
}

Result<ControlReply> DecodeReply(std::span<const std::byte> message) {
  return Decode<ControlReply>(message);
}

}  // namespace ambit::supervise
