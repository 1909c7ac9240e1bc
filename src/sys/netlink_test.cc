#include "sys/netlink.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>

#include "sys/new_network_for_test.h"

namespace ambit::sys {
namespace {

template <class T>
T At(const NetlinkBatch& batch, std::size_t offset) {
  T value{};
  std::memcpy(&value, batch.bytes().subspan(offset, sizeof value).data(), sizeof value);
  return value;
}

rtgenmsg AnyFamily() { return rtgenmsg{.rtgen_family = AF_UNSPEC}; }

ifinfomsg LoopbackUp() {
  ifinfomsg link{};
  link.ifi_index = 1;
  link.ifi_flags = IFF_UP;
  link.ifi_change = IFF_UP;
  return link;
}

ifaddrmsg HostAddress(std::uint8_t prefix_length) {
  ifaddrmsg address{};
  address.ifa_family = AF_INET;
  address.ifa_prefixlen = prefix_length;
  address.ifa_index = 1;
  return address;
}

constexpr std::array<std::uint8_t, 4> kAddress = {198, 19, 255, 1};

TEST(NetlinkBatch, PadsAttributesAndCountsThemWithoutPadding) {
  NetlinkBatch batch;
  batch.Begin("link", RTM_NEWLINK, NLM_F_ACK, AnyFamily());
  batch.PutText(IFLA_IFNAME, "lo");

  // 16 header + 1 family padded to 4 + attribute (4 + "lo\0" = 7, padded to 8)
  ASSERT_EQ(batch.bytes().size(), 28U);
  EXPECT_EQ(At<nlmsghdr>(batch, 0).nlmsg_len, 28U);
  EXPECT_EQ(At<nlmsghdr>(batch, 0).nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
  EXPECT_EQ(At<nlattr>(batch, 20).nla_len, 7);
  EXPECT_EQ(At<char>(batch, 24), 'l');
  EXPECT_EQ(At<char>(batch, 27), '\0');
}

TEST(NetlinkBatch, NestsAttributesWithTheirFullLength) {
  NetlinkBatch batch;
  batch.Begin("nest", RTM_NEWLINK, 0, AnyFamily());
  batch.Nested(1, [&] {
    batch.PutNative<std::uint8_t>(2, 7);
    batch.Nested(3, [&] { batch.PutNetwork<std::uint32_t>(4, 0x01020304); });
  });

  const auto outer = At<nlattr>(batch, 20);
  EXPECT_EQ(outer.nla_type, 1 | NLA_F_NESTED);
  EXPECT_EQ(outer.nla_len, 4 + 8 + 4 + 8);
  const auto inner = At<nlattr>(batch, 32);
  EXPECT_EQ(inner.nla_type, 3 | NLA_F_NESTED);
  EXPECT_EQ(inner.nla_len, 4 + 8);
  EXPECT_EQ(At<std::uint8_t>(batch, 40), 1);  // most significant byte first
  EXPECT_EQ(At<std::uint8_t>(batch, 43), 4);
}

TEST(NetlinkBatch, NumbersMessagesFromOneAndKeepsTheirLengthsApart) {
  NetlinkBatch batch;
  batch.Begin("first", RTM_NEWLINK, 0, AnyFamily());
  batch.PutText(IFLA_IFNAME, "lo");
  batch.Begin("second", RTM_NEWLINK, 0, AnyFamily());

  EXPECT_EQ(At<nlmsghdr>(batch, 0).nlmsg_len, 28U);
  EXPECT_EQ(At<nlmsghdr>(batch, 28).nlmsg_len, 20U);
  EXPECT_EQ(At<nlmsghdr>(batch, 0).nlmsg_seq, 1U);
  EXPECT_EQ(At<nlmsghdr>(batch, 28).nlmsg_seq, 2U);
}

TEST(NetlinkBatch, RemembersTheFirstMessageThatDidNotFitAndIsNeverSent) {
  NetlinkBatch batch;
  const std::array<std::byte, 1000> big{};
  batch.Begin("small", RTM_NEWLINK, NLM_F_ACK, AnyFamily());
  batch.Begin("too big", RTM_NEWLINK, NLM_F_ACK, AnyFamily());
  for (int i = 0; i < 9; ++i) batch.Put(1, big);
  batch.Begin("later", RTM_NEWLINK, NLM_F_ACK, AnyFamily());

  EXPECT_STREQ(batch.overflowed_in(), "too big");
  EXPECT_LE(batch.bytes().size(), NetlinkBatch::kCapacity);
  const auto sent = SendBatch(-1, batch);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().sys_errno, EMSGSIZE);
  EXPECT_STREQ(sent.error().message, "too big");
}

TEST(NetlinkBatch, RefusesMoreMessagesThanItHasRoomFor) {
  NetlinkBatch batch;
  for (std::size_t i = 0; i < NetlinkBatch::kMaxMessages; ++i) {
    batch.Begin("fits", RTM_NEWLINK, 0, AnyFamily());
  }
  EXPECT_EQ(batch.overflowed_in(), nullptr);
  batch.Begin("one too many", RTM_NEWLINK, 0, AnyFamily());
  EXPECT_STREQ(batch.overflowed_in(), "one too many");
}

TEST(SendBatch, AppliesSeveralMessagesWithOneExchange) {
  InNewNetwork([] {
    NetlinkBatch batch;
    batch.Begin("link up", RTM_NEWLINK, NLM_F_ACK, LoopbackUp());
    batch.Begin("address", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, HostAddress(32));
    batch.Put(IFA_LOCAL, std::as_bytes(std::span(kAddress)));
    const auto socket = OpenNetlink(NETLINK_ROUTE);
    ASSERT_TRUE(socket);
    const auto sent = SendBatch(socket->get(), batch);
    EXPECT_TRUE(sent) << ToError(sent.error()).what;

    // The kernel agrees that the address is there: a second time it exists already.
    const auto again = SendBatch(socket->get(), batch);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().sys_errno, EEXIST);
    EXPECT_STREQ(again.error().message, "address");
  });
}

TEST(SendBatch, NamesTheMessageThatFailedWithTheKernelsOwnWords) {
  InNewNetwork([] {
    NetlinkBatch batch;
    batch.Begin("link up", RTM_NEWLINK, NLM_F_ACK, LoopbackUp());
    // An error that has words on every kernel from the floor on.
    batch.Begin("unknown link", RTM_NEWLINK, NLM_F_CREATE | NLM_F_ACK, ifinfomsg{});
    batch.Nested(IFLA_LINKINFO, [&] { batch.PutText(IFLA_INFO_KIND, "no-such-kind"); });
    const auto socket = OpenNetlink(NETLINK_ROUTE);
    ASSERT_TRUE(socket);
    const auto sent = SendBatch(socket->get(), batch);
    ASSERT_FALSE(sent);
    EXPECT_STREQ(sent.error().message, "unknown link");
    EXPECT_EQ(sent.error().sys_errno, EOPNOTSUPP);
    EXPECT_FALSE(sent.error().kernel_says.empty());
    EXPECT_NE(ToError(sent.error()).what.find(sent.error().kernel_says), std::string::npos);
  });
}

TEST(SendBatch, ReportsMissingPrivilege) {
  InForkedChild([] {
    ASSERT_TRUE(EnterNewNetwork());
    // A second user namespace owns nothing of the network namespace of the first.
    ASSERT_EQ(::unshare(CLONE_NEWUSER), 0);
    NetlinkBatch batch;
    batch.Begin("link up", RTM_NEWLINK, NLM_F_ACK, LoopbackUp());
    const auto socket = OpenNetlink(NETLINK_ROUTE);
    ASSERT_TRUE(socket);
    const auto sent = SendBatch(socket->get(), batch);
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().sys_errno, EPERM);
    EXPECT_EQ(ToError(sent.error()).code, Errc::kDenied);
  });
}

}  // namespace
}  // namespace ambit::sys
