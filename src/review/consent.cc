#include "review/consent.h"

#include "base/path.h"
#include "review/gate.h"

namespace ambit::review {

bool IsConsented(std::string_view path, std::span<const std::string> consents,
                 GitDirectories& git) {
  return std::ranges::any_of(consents, [&](const std::string& consent) {
    if (consent == path) return true;
    const bool gated = GateOf(consent + "/x").verdict == GateVerdict::kHeld &&
                       GateOf("any/x").verdict != GateVerdict::kHeld;
    return (gated || git.HoldsAllOf(consent)) && IsAtOrBelow(path, consent);
  });
}

}  // namespace ambit::review
