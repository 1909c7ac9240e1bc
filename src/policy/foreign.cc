#include "policy/foreign.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

namespace ambit::policy {
namespace {

constexpr int kWholeAddress = 128;

struct Known {
  AddressRange range;
  Reach reach;
};

constexpr AddressRange V4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d,
                          int bits) {
  return {.first = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d}, .bits = 96 + bits};
}

constexpr AddressRange V6(std::uint16_t a, std::uint16_t b, std::uint16_t c, int bits) {
  const auto high = [](std::uint16_t value) { return static_cast<std::uint8_t>(value >> 8); };
  const auto low = [](std::uint16_t value) { return static_cast<std::uint8_t>(value & 0xFF); };
  return {.first = {high(a), low(a), high(b), low(b), high(c), low(c)}, .bits = bits};
}

/// "a:b::last", or "a:b::before:last".
constexpr AddressRange WholeV6(std::uint16_t a, std::uint16_t b, std::uint16_t before,
                               std::uint16_t last) {
  AddressRange whole = V6(a, b, 0, kWholeAddress);
  whole.first[12] = static_cast<std::uint8_t>(before >> 8);
  whole.first[13] = static_cast<std::uint8_t>(before & 0xFF);
  whole.first[14] = static_cast<std::uint8_t>(last >> 8);
  whole.first[15] = static_cast<std::uint8_t>(last & 0xFF);
  return whole;
}

constexpr AddressRange WholeV6(std::uint16_t a, std::uint16_t b, std::uint16_t last) {
  return WholeV6(a, b, 0, last);
}

constexpr AddressRange LastV6(std::uint8_t last) {
  return {.first = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last}, .bits = 128};
}

/// The first one that has the address decides.
constexpr std::array kKnown = {
    // Credentials of the machine: AWS, Azure, GCP and most others; tasks of ECS, pods of EKS;
    // Tencent; Scaleway; Alibaba; Azure's wire server.
    Known{V4(169, 254, 169, 254, 32), Reach::kMetadata},
    Known{V4(169, 254, 170, 2, 32), Reach::kMetadata},
    Known{V4(169, 254, 170, 23, 32), Reach::kMetadata},
    Known{V4(169, 254, 0, 23, 32), Reach::kMetadata},
    Known{V4(169, 254, 42, 42, 32), Reach::kMetadata},
    Known{V4(100, 100, 100, 200, 32), Reach::kMetadata},
    Known{V4(168, 63, 129, 16, 32), Reach::kMetadata},
    Known{V4(192, 0, 0, 192, 32), Reach::kMetadata},  // Oracle
    // Over v6: AWS, EKS, GCP, Oracle, Scaleway, OpenStack.
    Known{WholeV6(0xfd00, 0x0ec2, 0x0254), Reach::kMetadata},
    Known{WholeV6(0xfd00, 0x0ec2, 0x0023), Reach::kMetadata},
    Known{WholeV6(0xfd20, 0x00ce, 0x0254), Reach::kMetadata},
    Known{WholeV6(0xfd00, 0x00c1, 0xa9fe, 0xa9fe), Reach::kMetadata},
    Known{WholeV6(0xfd00, 0x0042, 0x0042), Reach::kMetadata},
    Known{WholeV6(0xfe80, 0x0000, 0xa9fe, 0xa9fe), Reach::kMetadata},

    // Documentation and measurement count as private: they are nobody's in public, and some VPNs
    // and laboratories use them.
    Known{V4(0, 0, 0, 0, 8), Reach::kNobody}, Known{V4(10, 0, 0, 0, 8), Reach::kPrivate},
    Known{V4(100, 64, 0, 0, 10), Reach::kPrivate},  // shared by a provider's customers
    Known{V4(127, 0, 0, 0, 8), Reach::kLoopback}, Known{V4(169, 254, 0, 0, 16), Reach::kPrivate},
    Known{V4(172, 16, 0, 0, 12), Reach::kPrivate}, Known{V4(192, 0, 0, 0, 24), Reach::kNobody},
    Known{V4(192, 0, 2, 0, 24), Reach::kPrivate},
    Known{V4(192, 88, 99, 0, 24), Reach::kNobody},  // 6to4 relays
    Known{V4(192, 168, 0, 0, 16), Reach::kPrivate}, Known{V4(198, 18, 0, 0, 15), Reach::kPrivate},
    Known{V4(198, 51, 100, 0, 24), Reach::kPrivate}, Known{V4(203, 0, 113, 0, 24), Reach::kPrivate},
    Known{V4(224, 0, 0, 0, 3), Reach::kNobody},  // multicast, reserved, broadcast

    Known{LastV6(0), Reach::kNobody}, Known{LastV6(1), Reach::kLoopback},
    Known{V6(0xfc00, 0, 0, 7), Reach::kPrivate}, Known{V6(0xfe80, 0, 0, 10), Reach::kPrivate},
    Known{V6(0xfec0, 0, 0, 10), Reach::kPrivate},  // site-local, as it was
    Known{V6(0xff00, 0, 0, 8), Reach::kNobody},
    Known{V6(0x0100, 0, 0, 64), Reach::kNobody},        // discard
    Known{V6(0x2001, 0x0002, 0, 48), Reach::kPrivate},  // benchmarking
    Known{V6(0x2001, 0x0db8, 0, 32), Reach::kPrivate},
    Known{V6(0x3fff, 0, 0, 20), Reach::kPrivate},       // documentation
    Known{V6(0x5f00, 0, 0, 16), Reach::kNobody},        // segment routing
    Known{V6(0x0064, 0xff9b, 1, 48), Reach::kPrivate},  // a network's own NAT64
};

/// The block that decides about `address`; nullptr: it is public.
const Known* BlockOf(const AddressBytes& address) {
  const auto known =
      std::ranges::find_if(kKnown, [&](const Known& entry) { return entry.range.Has(address); });
  return known != kKnown.end() ? &*known : nullptr;
}

Reach ReachByBlock(const AddressBytes& address) {
  const Known* block = BlockOf(address);
  return block != nullptr ? block->reach : Reach::kPublic;
}

}  // namespace

std::optional<AddressBytes> InnerAddressOf(const AddressBytes& address) {
  const auto v4_at = [&](std::size_t at, std::uint8_t flip) {
    AddressBytes inner{};
    inner[10] = inner[11] = 0xFF;
    for (std::size_t n = 0; n < 4; ++n) {
      inner.at(12 + n) = static_cast<std::uint8_t>(address.at(at + n) ^ flip);
    }
    return inner;
  };
  const auto begins = [&](AddressRange range) { return range.Has(address); };
  if (begins(V6(0x0064, 0xff9b, 0, 96))) return v4_at(12, 0);  // NAT64
  if (begins(V6(0x2002, 0, 0, 16))) return v4_at(2, 0);        // 6to4
  if (begins(V6(0x2001, 0, 0, 32))) return v4_at(12, 0xFF);    // Teredo
  if (begins({.first = {0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, .bits = 96})) return v4_at(12, 0);
  if (begins(V6(0, 0, 0, 96)) && !begins(LastV6(0)) && !begins(LastV6(1))) return v4_at(12, 0);
  return std::nullopt;
}

Reach ReachOf(const AddressBytes& address, const OwnAddresses& own) {
  const auto inner = InnerAddressOf(address);
  Reach reach = ReachByBlock(address);
  if (reach == Reach::kPublic && inner) reach = ReachByBlock(*inner);
  if (reach == Reach::kMetadata || reach == Reach::kLoopback) return reach;
  return own.contains(address) || (inner && own.contains(*inner)) ? Reach::kOwn : reach;
}

bool Means(const AddressRange& range, const AddressBytes& address, const OwnAddresses& own) {
  switch (ReachOf(address, own)) {
    case Reach::kPublic:
      return true;
    case Reach::kOwn:
      return range.bits == kWholeAddress;
    case Reach::kPrivate:
    case Reach::kNobody: {
      const Known* block = BlockOf(address);  // none: it is so by the address inside it
      return range.bits == kWholeAddress ||
             (block != nullptr && range.bits >= block->range.bits && block->range.Has(range.first));
    }
    case Reach::kLoopback:
    case Reach::kMetadata:
    case Reach::kDenied:
      break;
  }
  return false;
}

std::string_view WordsFor(Reach reach) {
  switch (reach) {
    case Reach::kPublic:
      break;
    case Reach::kPrivate:
      return "an address of a private network";
    case Reach::kLoopback:
      return "this machine itself";
    case Reach::kOwn:
      return "an address of this machine";
    case Reach::kMetadata:
      return "the metadata of a cloud machine";
    case Reach::kNobody:
      return "an address that nobody has";
    case Reach::kDenied:
      return "an address that a rule denies";
  }
  return "";
}

}  // namespace ambit::policy
