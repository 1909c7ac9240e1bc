#pragma once
// Which host a TLS client says it wants: the server name in its ClientHello. Sans I/O; hostile
// bytes. Nothing is decrypted and nothing is changed: the bytes go on as they came.
//
// A ClientHello may come in several records and the records in several pieces. TLS 1.0 to 1.3 have
// the same shape here; SSL 2 has not and is refused.
//
// Who calls: egress/claim. Source: RFC 8446 (4.1.2, 5.1), 6066 (3), 9849 (encrypted client hello).
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/host_name.h"

namespace ambit::proto {

/// Larger ones are refused: with all that clients put in today they have less than 4 KiB.
inline constexpr std::size_t kMostClientHelloBytes = 64U << 10;

struct ClientHello {
  std::optional<HostName> server_name;  // empty: none was given
  bool encrypted = false;               // an inner one is hidden in it, or room for one (GREASE)
  bool early_data = false;              // what follows may be data before the server has answered
  std::size_t bytes = 0;                // on the wire, with the headers of its records
};

/// Nothing while it is not whole. Errors: kInvalidArgument for what is no ClientHello in order, or
/// has two names, or one that is no host's.
Result<std::optional<ClientHello>> ReadClientHello(std::span<const std::byte> bytes);

}  // namespace ambit::proto
