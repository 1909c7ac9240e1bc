#include "spawn/native/capture_rules.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

#include <array>
#include <bit>
#include <span>
#include <string_view>

#include "policy/net_decision.h"
#include "spawn/native/network.h"

namespace ambit::spawn {
namespace {

using plan::IsV6;
using plan::PacketMatch;
using plan::PacketVerdict;
using sys::NetlinkBatch;

constexpr std::uint32_t kPortSetId = 1;
constexpr std::uint32_t kTypeInetService = 13;  // nft's own number, only for `nft list`
// linux/netfilter_ipv4.h: mangle in prerouting, translation of destinations.
constexpr std::int32_t kBeforeRoutingDecisions = -150;
constexpr std::int32_t kTranslateDestinations = -100;
constexpr std::uint8_t kIcmpEchoRequest = 8;
constexpr std::uint8_t kIcmpV6EchoRequest = 128;
constexpr std::array<std::uint8_t, 4> kLoopbackV4 = {127, 0, 0, 1};
constexpr std::array<std::uint8_t, 16> kLoopbackV6 = {0, 0, 0, 0, 0, 0, 0, 0,
                                                      0, 0, 0, 0, 0, 0, 0, 1};

/// Writes the expressions of one rule. Register 1 holds what is compared.
class RuleWriter {
 public:
  explicit RuleWriter(NetlinkBatch& batch) : batch_(batch) {}

  void MetaIs(std::uint32_t key, std::uint8_t value) {
    Expression("meta", [&] {
      batch_.PutNetwork<std::uint32_t>(NFTA_META_KEY, key);
      batch_.PutNetwork<std::uint32_t>(NFTA_META_DREG, NFT_REG_1);
    });
    Equals(std::span(&value, 1));
  }

  void Load(std::uint32_t base, std::uint32_t offset, std::uint32_t length) {
    Expression("payload", [&] {
      batch_.PutNetwork<std::uint32_t>(NFTA_PAYLOAD_DREG, NFT_REG_1);
      batch_.PutNetwork(NFTA_PAYLOAD_BASE, base);
      batch_.PutNetwork(NFTA_PAYLOAD_OFFSET, offset);
      batch_.PutNetwork(NFTA_PAYLOAD_LEN, length);
    });
  }

  void Equals(std::span<const std::uint8_t> value) {
    Expression("cmp", [&] {
      batch_.PutNetwork<std::uint32_t>(NFTA_CMP_SREG, NFT_REG_1);
      batch_.PutNetwork<std::uint32_t>(NFTA_CMP_OP, NFT_CMP_EQ);
      batch_.Nested(NFTA_CMP_DATA, [&] { batch_.Put(NFTA_DATA_VALUE, std::as_bytes(value)); });
    });
  }

  /// Keeps of register 1, which holds one byte, what `mask` has.
  void Mask(std::uint8_t mask) {
    constexpr std::uint8_t kNothing = 0;
    Expression("bitwise", [&] {
      batch_.PutNetwork<std::uint32_t>(NFTA_BITWISE_SREG, NFT_REG_1);
      batch_.PutNetwork<std::uint32_t>(NFTA_BITWISE_DREG, NFT_REG_1);
      batch_.PutNetwork<std::uint32_t>(NFTA_BITWISE_LEN, 1);
      batch_.Nested(NFTA_BITWISE_MASK,
                    [&] { batch_.Put(NFTA_DATA_VALUE, std::as_bytes(std::span(&mask, 1))); });
      batch_.Nested(NFTA_BITWISE_XOR,
                    [&] { batch_.Put(NFTA_DATA_VALUE, std::as_bytes(std::span(&kNothing, 1))); });
    });
  }

  /// Goes on only so many times a second.
  void AtMost(std::uint64_t per_second, std::uint32_t at_once) {
    Expression("limit", [&] {
      batch_.PutNetwork(NFTA_LIMIT_RATE, per_second);
      batch_.PutNetwork<std::uint64_t>(NFTA_LIMIT_UNIT, 1);
      batch_.PutNetwork(NFTA_LIMIT_BURST, at_once);
      batch_.PutNetwork<std::uint32_t>(NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
    });
  }

  /// The packet's headers, to whoever listens to the group.
  void Tell(std::uint16_t group) {
    Expression("log", [&] { batch_.PutNetwork(NFTA_LOG_GROUP, group); });
  }

  void IsInPortSet() {
    Expression("lookup", [&] {
      batch_.PutText(NFTA_LOOKUP_SET, plan::kNftPortSet);
      batch_.PutNetwork(NFTA_LOOKUP_SET_ID, kPortSetId);
      batch_.PutNetwork<std::uint32_t>(NFTA_LOOKUP_SREG, NFT_REG_1);
    });
  }

  void Verdict(std::uint32_t code) {
    Expression("immediate", [&] {
      batch_.PutNetwork<std::uint32_t>(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
      batch_.Nested(NFTA_IMMEDIATE_DATA, [&] {
        batch_.Nested(NFTA_DATA_VERDICT, [&] { batch_.PutNetwork(NFTA_VERDICT_CODE, code); });
      });
    });
  }

  /// The address is given, never left to the kernel: it would take lo's first one, and a listener
  /// on ::1 would miss connections as soon as lo has a global IPv6 address.
  void HandTo(std::uint32_t family, std::span<const std::uint8_t> address, std::uint16_t port) {
    SetRegister(NFT_REG_1, address);
    SetRegister(NFT_REG_2, PortBytes(port));
    Expression("tproxy", [&] {
      batch_.PutNetwork(NFTA_TPROXY_FAMILY, family);
      batch_.PutNetwork<std::uint32_t>(NFTA_TPROXY_REG_ADDR, NFT_REG_1);
      batch_.PutNetwork<std::uint32_t>(NFTA_TPROXY_REG_PORT, NFT_REG_2);
    });
  }

  /// To the loopback of its family: in the output hook the kernel takes no other.
  void RedirectTo(std::uint16_t port) {
    SetRegister(NFT_REG_1, PortBytes(port));
    Expression("redir",
               [&] { batch_.PutNetwork<std::uint32_t>(NFTA_REDIR_REG_PROTO_MIN, NFT_REG_1); });
  }

 private:
  static std::array<std::uint8_t, 2> PortBytes(std::uint16_t port) {
    return {static_cast<std::uint8_t>(port >> 8), static_cast<std::uint8_t>(port & 0xff)};
  }

  template <class Fill>
  void Expression(std::string_view name, Fill fill) {
    batch_.Nested(NFTA_LIST_ELEM, [&] {
      batch_.PutText(NFTA_EXPR_NAME, name);
      batch_.Nested(NFTA_EXPR_DATA, fill);
    });
  }

  void SetRegister(std::uint32_t number, std::span<const std::uint8_t> value) {
    Expression("immediate", [&] {
      batch_.PutNetwork(NFTA_IMMEDIATE_DREG, number);
      batch_.Nested(NFTA_IMMEDIATE_DATA,
                    [&] { batch_.Put(NFTA_DATA_VALUE, std::as_bytes(value)); });
    });
  }

  NetlinkBatch& batch_;
};

void BeginNft(NetlinkBatch& batch, const char* name, std::uint16_t message) {
  const nfgenmsg header{.nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0, .res_id = 0};
  // Without NLM_F_APPEND a rule goes to the front of its chain.
  batch.Begin(name, static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | message),
              NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, header);
}

/// Begin and end markers ask for no answer: kernels differ in whether they give one.
void WriteMarker(NetlinkBatch& batch, const char* name, std::uint16_t type) {
  const nfgenmsg header{.nfgen_family = NFPROTO_UNSPEC,
                        .version = NFNETLINK_V0,
                        .res_id = std::byteswap(std::uint16_t{NFNL_SUBSYS_NFTABLES})};
  batch.Begin(name, type, 0, header);
}

void WriteFamily(RuleWriter& rule, PacketMatch match) {
  rule.MetaIs(NFT_META_NFPROTO, IsV6(match) ? NFPROTO_IPV6 : NFPROTO_IPV4);
}

void WriteTransport(RuleWriter& rule, PacketMatch match, std::uint8_t transport) {
  WriteFamily(rule, match);
  rule.MetaIs(NFT_META_L4PROTO, transport);
}

void WriteMatch(RuleWriter& rule, PacketMatch match, bool every_port) {
  constexpr std::uint32_t kV4Destination = 16;
  constexpr std::uint32_t kV6Destination = 24;
  constexpr std::uint32_t kDestinationPort = 2;  // of TCP and of UDP
  constexpr std::uint32_t kTcpFlags = 13;
  constexpr std::uint8_t kSyn = 0x02;
  constexpr std::uint8_t kSynAndAck = 0x12;
  constexpr std::array<std::uint8_t, 2> kNames = {0, plan::kNamePort};
  switch (match) {
    case PacketMatch::kLoopbackV4:
      rule.MetaIs(NFT_META_NFPROTO, NFPROTO_IPV4);
      rule.Load(NFT_PAYLOAD_NETWORK_HEADER, kV4Destination, 1);
      return rule.Equals(std::span(kLoopbackV4).first(1));
    case PacketMatch::kLoopbackV6:
      rule.MetaIs(NFT_META_NFPROTO, NFPROTO_IPV6);
      rule.Load(NFT_PAYLOAD_NETWORK_HEADER, kV6Destination, 16);
      return rule.Equals(kLoopbackV6);
    case PacketMatch::kOwnV4:
      rule.MetaIs(NFT_META_NFPROTO, NFPROTO_IPV4);
      rule.Load(NFT_PAYLOAD_NETWORK_HEADER, kV4Destination, 4);
      return rule.Equals(plan::kOwnAddress);
    case PacketMatch::kEchoRequestV4:
      rule.MetaIs(NFT_META_L4PROTO, IPPROTO_ICMP);
      rule.Load(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
      return rule.Equals(std::span(&kIcmpEchoRequest, 1));
    case PacketMatch::kEchoRequestV6:
      rule.MetaIs(NFT_META_L4PROTO, IPPROTO_ICMPV6);
      rule.Load(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
      return rule.Equals(std::span(&kIcmpV6EchoRequest, 1));
    case PacketMatch::kAllowedPortV4:
    case PacketMatch::kAllowedPortV6:
      WriteTransport(rule, match, IPPROTO_TCP);
      if (every_port) return;
      rule.Load(NFT_PAYLOAD_TRANSPORT_HEADER, kDestinationPort, 2);
      return rule.IsInPortSet();
    case PacketMatch::kNamesV4:
    case PacketMatch::kNamesV6:
      WriteFamily(rule, match);
      rule.Load(NFT_PAYLOAD_TRANSPORT_HEADER, kDestinationPort, 2);
      return rule.Equals(kNames);
    case PacketMatch::kNamesUdpV4:
    case PacketMatch::kNamesUdpV6:
      WriteTransport(rule, match, IPPROTO_UDP);
      rule.Load(NFT_PAYLOAD_TRANSPORT_HEADER, kDestinationPort, 2);
      return rule.Equals(kNames);
    case PacketMatch::kNamesTcpV4:
    case PacketMatch::kNamesTcpV6:
      WriteTransport(rule, match, IPPROTO_TCP);
      rule.Load(NFT_PAYLOAD_TRANSPORT_HEADER, kDestinationPort, 2);
      return rule.Equals(kNames);
    case PacketMatch::kBeginningV4:
    case PacketMatch::kBeginningV6:
      WriteTransport(rule, match, IPPROTO_TCP);
      rule.Load(NFT_PAYLOAD_TRANSPORT_HEADER, kTcpFlags, 1);
      rule.Mask(kSynAndAck);
      return rule.Equals(std::span(&kSyn, 1));
  }
}

void WriteVerdict(RuleWriter& rule, const plan::CaptureRule& planned, std::uint16_t capture_port) {
  switch (planned.verdict) {
    case PacketVerdict::kAccept:
      return rule.Verdict(NF_ACCEPT);
    case PacketVerdict::kDrop:
      return rule.Verdict(NF_DROP);
    case PacketVerdict::kRedirect:
      return rule.RedirectTo(plan::IsOfNames(planned.match) ? plan::kNamePort : capture_port);
    case PacketVerdict::kNames:
      capture_port = plan::kNamePort;
      [[fallthrough]];
    case PacketVerdict::kCapture:
      if (IsV6(planned.match)) {
        rule.HandTo(NFPROTO_IPV6, kLoopbackV6, capture_port);
      } else {
        rule.HandTo(NFPROTO_IPV4, kLoopbackV4, capture_port);
      }
      // Handing over ends nothing: the rules behind it would see the packet, too (nft(8), tproxy).
      return rule.Verdict(NF_ACCEPT);
    case PacketVerdict::kTell:
      rule.AtMost(plan::kToldPerSecond, plan::kToldAtOnce);
      return rule.Tell(plan::kNftLogGroup);
  }
}

const char* NameOf(const plan::CaptureRule& rule) {
  switch (rule.verdict) {
    case PacketVerdict::kAccept:
      return "nft rule: accept own addresses";
    case PacketVerdict::kDrop:
      return "nft rule: drop echo requests";
    case PacketVerdict::kRedirect:
      return kRedirectRule;
    case PacketVerdict::kCapture:
    case PacketVerdict::kNames:
      return IsV6(rule.match) ? kTproxyRuleV6 : kTproxyRuleV4;
    case PacketVerdict::kTell:
      return "nft rule: tell of refused connections";
  }
  return "nft rule";
}

void WriteChain(NetlinkBatch& batch, const plan::CaptureChain& chain) {
  const bool translates = chain.hook == plan::PacketHook::kOutput;
  BeginNft(batch, translates ? kNatChain : "nft chain", NFT_MSG_NEWCHAIN);
  batch.PutText(NFTA_CHAIN_TABLE, plan::kNftTable);
  batch.PutText(NFTA_CHAIN_NAME, chain.name);
  batch.PutText(NFTA_CHAIN_TYPE, translates ? "nat" : "filter");
  batch.PutNetwork<std::uint32_t>(NFTA_CHAIN_POLICY, NF_ACCEPT);
  batch.Nested(NFTA_CHAIN_HOOK, [&] {
    batch.PutNetwork<std::uint32_t>(NFTA_HOOK_HOOKNUM,
                                    translates ? NF_INET_LOCAL_OUT : NF_INET_PRE_ROUTING);
    batch.PutNetwork(
        NFTA_HOOK_PRIORITY,
        static_cast<std::uint32_t>(translates ? kTranslateDestinations : kBeforeRoutingDecisions));
  });
}

void WriteRule(NetlinkBatch& batch, const plan::CaptureRule& planned, const char* chain,
               const plan::NetworkPlan& plan) {
  BeginNft(batch, NameOf(planned), NFT_MSG_NEWRULE);
  batch.PutText(NFTA_RULE_TABLE, plan::kNftTable);
  batch.PutText(NFTA_RULE_CHAIN, chain);
  batch.Nested(NFTA_RULE_EXPRESSIONS, [&] {
    RuleWriter rule(batch);
    WriteMatch(rule, planned.match, plan.CapturesEveryPort());
    WriteVerdict(rule, planned, plan.capture_port);
  });
}

/// Of a chain's rules those that tell, or the others.
enum class Part : bool { kTelling, kDeciding };
void WriteRules(NetlinkBatch& batch, const plan::CaptureChain& chain, const plan::NetworkPlan& plan,
                bool with_ipv6, Part part) {
  for (const plan::CaptureRule& planned : chain.rules) {
    const bool tells = planned.verdict == PacketVerdict::kTell;
    if (!plan::IsOf(plan, planned) || tells != (part == Part::kTelling)) continue;
    if (IsV6(planned.match) && !with_ipv6) continue;
    WriteRule(batch, planned, chain.name, plan);
  }
}

}  // namespace

void WriteCaptureRules(NetlinkBatch& batch, const plan::NetworkPlan& plan, policy::Capture capture,
                       bool with_ipv6) {
  WriteMarker(batch, "nft batch", NFNL_MSG_BATCH_BEGIN);

  BeginNft(batch, "nft table", NFT_MSG_NEWTABLE);
  batch.PutText(NFTA_TABLE_NAME, plan::kNftTable);

  BeginNft(batch, "nft set of ports", NFT_MSG_NEWSET);
  batch.PutText(NFTA_SET_TABLE, plan::kNftTable);
  batch.PutText(NFTA_SET_NAME, plan::kNftPortSet);
  batch.PutNetwork(NFTA_SET_ID, kPortSetId);
  batch.PutNetwork(NFTA_SET_KEY_TYPE, kTypeInetService);
  batch.PutNetwork<std::uint32_t>(NFTA_SET_KEY_LEN, 2);

  const std::vector<std::uint16_t> ports = policy::PortsOf(plan.rules);
  if (!ports.empty()) {
    BeginNft(batch, "nft ports", NFT_MSG_NEWSETELEM);
    batch.PutText(NFTA_SET_ELEM_LIST_TABLE, plan::kNftTable);
    batch.PutText(NFTA_SET_ELEM_LIST_SET, plan::kNftPortSet);
    batch.PutNetwork(NFTA_SET_ELEM_LIST_SET_ID, kPortSetId);
    batch.Nested(NFTA_SET_ELEM_LIST_ELEMENTS, [&] {
      for (const std::uint16_t port : ports) {
        batch.Nested(NFTA_LIST_ELEM, [&] {
          batch.Nested(NFTA_SET_ELEM_KEY,
                       [&] { batch.PutNetwork<std::uint16_t>(NFTA_DATA_VALUE, port); });
        });
      }
    });
  }

  for (const plan::CaptureChain& chain : plan::ChainsOf(capture)) {
    WriteChain(batch, chain);
    WriteRules(batch, chain, plan, with_ipv6, Part::kDeciding);
  }
  WriteMarker(batch, "nft batch end", NFNL_MSG_BATCH_END);
}

void WriteTellingRules(NetlinkBatch& batch, const plan::NetworkPlan& plan, policy::Capture capture,
                       bool with_ipv6) {
  WriteMarker(batch, "nft batch", NFNL_MSG_BATCH_BEGIN);
  for (const plan::CaptureChain& chain : plan::ChainsOf(capture)) {
    WriteRules(batch, chain, plan, with_ipv6, Part::kTelling);
  }
  WriteMarker(batch, "nft batch end", NFNL_MSG_BATCH_END);
}

void WriteLogGroup(NetlinkBatch& batch) {
  const nfgenmsg header{.nfgen_family = NFPROTO_UNSPEC,
                        .version = NFNETLINK_V0,
                        .res_id = std::byteswap(plan::kNftLogGroup)};
  constexpr auto kConfigure = static_cast<std::uint16_t>(NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG);
  batch.Begin("nflog group", kConfigure, NLM_F_ACK, header);
  const nfulnl_msg_config_cmd bind{.command = NFULNL_CFG_CMD_BIND};
  batch.Put(NFULA_CFG_CMD, std::as_bytes(std::span(&bind, 1)));
  // Both headers of either family; each packet at once.
  nfulnl_msg_config_mode mode{};
  mode.copy_range = std::byteswap(std::uint32_t{128});
  mode.copy_mode = NFULNL_COPY_PACKET;
  batch.Put(NFULA_CFG_MODE, std::as_bytes(std::span(&mode, 1)));
  batch.PutNetwork<std::uint32_t>(NFULA_CFG_QTHRESH, 1);
}

}  // namespace ambit::spawn
