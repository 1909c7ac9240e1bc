#include "egress/refused_ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ambit::egress {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Native(std::uint32_t value, int size) {
  std::string out;
  for (int n = 0; n < size; ++n) out += static_cast<char>(value >> (8 * n) & 0xFF);
  return out;
}
std::string Padded(std::string text) {
  text.resize((text.size() + 3) / 4 * 4);
  return text;
}
/// As linux/netfilter/nfnetlink_log.h has it.
std::string Message(const std::string& packet, std::uint32_t type = 4 << 8) {
  const std::string attributes =
      Padded(Native(12, 2) + Native(1, 2) + std::string(8, 'h')) +
      Padded(Native(static_cast<std::uint32_t>(packet.size()) + 4, 2) + Native(9, 2) + packet);
  const std::string content = std::string(4, '\0') + attributes;
  return Native(static_cast<std::uint32_t>(content.size()) + 16, 4) + Native(type, 2) +
         std::string(10, '\0') + content;
}
std::string PacketV4(char protocol = 6) {
  return std::string("\x45\0\0\x3c\0\0\0\0\x40", 9) + protocol + std::string(2, '\0') + "srcs" +
         std::string("\xcb\0\x71\x07", 4) + std::string("\x80\0\x1f\x90", 4);
}

std::vector<std::string> TargetsIn(const std::string& messages) {
  std::vector<std::string> targets;
  ForEachRefused(std::as_bytes(std::span(messages)), [&](const Address& target) {
    targets.push_back(std::to_string(target.family) + " " + std::to_string(target.bytes[0]) + ".." +
                      std::to_string(target.bytes[target.family == 4 ? 3 : 15]) + " " +
                      std::to_string(target.port));
  });
  return targets;
}

TEST(RefusedPorts, AreToldWithAddressAndPort) {
  const std::string v6 = std::string("\x60\0\0\0\0\x28\x06\x40", 8) + std::string(16, 's') +
                         std::string("\x20\x01", 2) + std::string(13, '\0') + "\x07" +
                         std::string("\x80\0\x1f\x91", 4);
  EXPECT_THAT(TargetsIn(Message(PacketV4()) + Message(v6)),
              ElementsAre("4 203..7 8080", "6 32..7 8081"));
}

TEST(RefusedPorts, WhatIsNoneOfThemIsLeftOut) {
  EXPECT_THAT(TargetsIn(Message(PacketV4(17))), IsEmpty());
  EXPECT_THAT(TargetsIn(Message(PacketV4(), 3 << 8)), IsEmpty());
  const std::string whole = Message(PacketV4());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(TargetsIn(whole.substr(0, size)), IsEmpty()) << size;
  }
  for (std::size_t size = 0; size < PacketV4().size(); ++size) {
    EXPECT_THAT(TargetsIn(Message(PacketV4().substr(0, size))), IsEmpty()) << size;
  }
}

}  // namespace
}  // namespace ambit::egress
