#pragma once
// Whether what a client says it wants is what it is connected to. The address it connected to
// stands for a name (egress/name_table); a TLS ClientHello and each plain HTTP request name a host
// as well, and the far end may act on that name: so they have to be the same, or nothing goes on.
//
// A server may ask for a second ClientHello (HelloRetryRequest), which may name another: so the
// records of a client are looked at until it has something to say that is no hello. For the same
// reason nobody may send data before the server's answer (0-RTT): a hello could hide behind it.
//
// Sans I/O: gets the bytes of the client from the first on, says how many may go on. On a port of
// the web only TLS and HTTP may be spoken; on others anything, and those two are looked at where
// they are recognised. Who calls: egress/relay.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/host_name.h"
#include "egress/spoken.h"
#include "proto/http_requests.h"

namespace ambit::egress {

enum class Mismatch : std::uint8_t {
  kNone = 0,
  kOtherServerName,  // the ClientHello names another host
  kNoServerName,
  kHiddenServerName,  // encrypted
  kEarlyData,         // TLS 0-RTT
  kOtherHost,         // the Host of an HTTP request is another
  kNotInOrder,        // TLS or HTTP that may be read in two ways
  kHttp2,             // without TLS: nobody looks into it
  kNeither,           // not TLS, not HTTP, on a port of the web
  kTooSlow,           // nothing of them, or only its beginning, for too long
  kTooManyBegun,      // all clients together have begun more than is held back
};
inline constexpr Mismatch kLastMismatch = Mismatch::kTooManyBegun;

class Claim {
 public:
  /// `name` outlives the claim.
  Claim(const HostName& name, std::uint16_t port);

  struct Look {
    /// kSwitch: what is behind it is another protocol, or the next request: as the server answers.
    enum class Then : std::uint8_t { kMore, kRest, kRefuse, kSwitch };
    std::size_t pass = 0;                 // bytes of `pending`, from its front, that may go on
    Then then = Then::kMore;              // kRest: everything else may, too
    Mismatch mismatch = Mismatch::kNone;  // kRefuse
    std::string claimed;                  // the name that was claimed; empty: none
    std::string reply;                    // what the client is told in its own protocol
  };
  /// `pending` begins where the last look's bytes ended.
  Look At(std::string_view pending);
  /// The client says no more than `pending`, which nobody could judge yet.
  [[nodiscard]] Look AtEnd(std::string_view pending) const;

  /// Nothing goes on, for a reason that is not in what the client said.
  [[nodiscard]] Look Refuse(Mismatch mismatch) const;

  /// Whether a client has to claim something on this port.
  static bool IsExpected(std::uint16_t port);

  /// The most that is ever held back of one client.
  static constexpr std::size_t kMostHeld = 65U << 10;

 private:
  enum class Speaks : std::uint8_t { kUnknown, kTls, kHttp };
  [[nodiscard]] Look AtSomethingElse(std::string_view pending) const;
  Look AtTls(std::string_view pending);
  Look AtHello(std::string_view pending);
  Look AtHttp(std::string_view pending);
  [[nodiscard]] Look RefuseTls(Mismatch mismatch, std::string claimed) const;
  [[nodiscard]] Look RefuseHttp(Mismatch mismatch, std::string claimed) const;

  const HostName& name_;
  std::uint16_t port_;
  Speaks speaks_ = Speaks::kUnknown;
  FirstLine first_line_;
  bool greeted_ = false;  // a ClientHello has been judged
  bool asked_ = false;    // a request has been
  proto::HttpRequests requests_;
};

/// For people: "the TLS server name is another", ...
std::string_view WordsFor(Mismatch mismatch);

}  // namespace ambit::egress
