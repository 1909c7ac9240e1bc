// Property: whatever the kernel's messages hold, a target has a family, and no address bytes beyond
// it; what is told of is at most one for every message there can be.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "egress/refused_ports.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kShortestPacket = 24;
  std::size_t told = 0;
  ambit::egress::ForEachRefused(
      std::as_bytes(std::span(data, size)), [&](const ambit::egress::Address& target) {
        ++told;
        Require(target.family == 4 || target.family == 6);
        const std::size_t used = target.family == 6 ? 16 : 4;
        Require(std::ranges::all_of(std::span(target.bytes).subspan(used),
                                    [](std::uint8_t byte) { return byte == 0; }));
      });
  Require(told <= size / kShortestPacket);
  return 0;
}
