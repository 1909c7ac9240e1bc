#pragma once
// A port of the run that programs of the host reach on the host's loopback: `net.publish`.
// Who calls: the reader, the merge and the flags of this room, plan. Pure.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ambit::policy {

struct PublishedPort {
  std::uint16_t host = 0;    // on the host's 127.0.0.1 and [::1]; 0: any that is free
  std::uint16_t inside = 0;  // a server inside on 127.0.0.1, ::1 or every address
  bool operator==(const PublishedPort&) const = default;
};

/// `3000` for the same port on both sides, `8080:80` for the host's 8080, `0:80` for any free one.
/// kInvalidArgument says what is wrong with it.
Result<PublishedPort> ParsePublishedPort(std::string_view text);

/// As it can be written; the shorter form where there is one.
std::string TextOf(const PublishedPort& port);

}  // namespace ambit::policy
