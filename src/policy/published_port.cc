#include "policy/published_port.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "base/text.h"

namespace ambit::policy {
namespace {

std::optional<std::uint16_t> NumberIn(std::string_view digits) {
  if (digits.size() > 1 && digits.front() == '0') return std::nullopt;  // of base 8, to some
  std::uint16_t number = 0;
  const auto [end, err] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (err != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace

Result<PublishedPort> ParsePublishedPort(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto host = NumberIn(text.substr(0, colon));
  const auto inside = colon == std::string_view::npos ? host : NumberIn(text.substr(colon + 1));
  if (!host || !inside || *inside == 0) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("'{}': not a port, and not HOST:INSIDE", Printable(text)),
                "write 3000, 8080:80, or 0:80 for any free port of the host; ports are 1 to 65535");
  }
  return PublishedPort{.host = *host, .inside = *inside};
}

std::string TextOf(const PublishedPort& port) {
  return port.host == port.inside ? fmt::format("{}", port.inside)
                                  : fmt::format("{}:{}", port.host, port.inside);
}

}  // namespace ambit::policy
