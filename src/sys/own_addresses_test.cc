#include "sys/own_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>

#include "sys/new_network_for_test.h"

namespace ambit::sys {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

/// As the C library has them.
std::set<Bytes> OfTheLibrary() {
  std::set<Bytes> all;
  ifaddrs* first = nullptr;
  EXPECT_EQ(::getifaddrs(&first), 0);
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    Bytes bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    if (one->ifa_addr == nullptr) continue;
    if (one->ifa_addr->sa_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
      std::memcpy(bytes.data() + 12, &v4->sin_addr, 4);
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(one->ifa_addr);
      std::memcpy(bytes.data(), &v6->sin6_addr, 16);
    } else {
      continue;
    }
    all.insert(bytes);
  }
  ::freeifaddrs(first);
  return all;
}

TEST(OwnAddresses, AreThoseThatTheLibraryFinds) {
  const auto own = OwnAddresses();
  ASSERT_TRUE(own) << own.error().what;
  EXPECT_EQ(*own, OfTheLibrary());
}

TEST(OwnAddresses, AreThoseOfTheNamespaceAndOfThisSideOfALink) {
  InForkedChild([] {
    ASSERT_TRUE(EnterNewNetwork());
    ASSERT_EQ(std::system("ip link set lo up && ip addr add 192.0.2.1 peer 192.0.2.2 dev lo && "
                          "for n in $(seq 250); do echo addr add 10.9.0.$n/32 dev lo; done | "
                          "ip -batch -"),
              0);
    const auto own = OwnAddresses();
    ASSERT_TRUE(own) << own.error().what;
    EXPECT_EQ(*own, OfTheLibrary());
    EXPECT_EQ(own->size(), 253U);
    EXPECT_TRUE(own->contains({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1}));
    EXPECT_FALSE(own->contains({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 2}));
  });
}

}  // namespace
}  // namespace ambit::sys
