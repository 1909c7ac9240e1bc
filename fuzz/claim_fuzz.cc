// Property: what a client sends is judged the same in every division into pieces: as many bytes go
// on, and it is refused or not. Nothing goes on beyond what there is. The first byte of the input
// says how it is divided, the second which port it is.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "egress/claim.h"

namespace {

using ambit::HostName;
using ambit::egress::Claim;

void Require(bool holds) {
  if (!holds) std::abort();
}

struct Judged {
  std::size_t passed = 0;
  Claim::Look::Then then = Claim::Look::Then::kMore;
};

Judged Judge(std::string_view sent, std::uint16_t port, std::size_t piece) {
  static const HostName name = *HostName::Parse("example.com");
  Claim claim(name, port);
  Judged judged;
  std::string held;
  for (std::size_t at = 0; at < sent.size(); at += piece) {
    held += sent.substr(at, piece);
    for (;;) {
      const Claim::Look look = claim.At(held);
      Require(look.pass <= held.size());
      judged.passed += look.pass;
      judged.then = look.then;
      held.erase(0, look.pass);
      if (look.then == Claim::Look::Then::kRefuse) return judged;
      if (look.then == Claim::Look::Then::kRest) {
        judged.passed = sent.size();
        return judged;
      }
      if (look.pass == 0) break;
    }
  }
  return judged;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 8192) return 0;
  const std::string_view sent(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::uint16_t port = data[1] % 3 == 0 ? 80 : data[1] % 3 == 1 ? 443 : 9000;
  const Judged whole = Judge(sent, port, std::max<std::size_t>(sent.size(), 1));
  const Judged pieces = Judge(sent, port, 1U + data[0] % 64U);
  Require(whole.passed == pieces.passed);
  Require(whole.then == pieces.then);
  return 0;
}
