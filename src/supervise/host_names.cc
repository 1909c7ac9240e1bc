#include "supervise/host_names.h"

#include <fcntl.h>

#include <utility>

#include "egress/hosts_file.h"
#include "egress/resolv_conf.h"
#include "policy/net_decision.h"
#include "sys/file.h"
#include "sys/own_addresses.h"

namespace ambit::supervise {
namespace {

constexpr const char* kResolvConf = "/etc/resolv.conf";
constexpr const char* kHosts = "/etc/hosts";
constexpr std::size_t kMostResolvConf = 64U << 10;
constexpr std::size_t kMostHosts = 16U << 20;  // lists of what is to be blocked are long

std::string Read(const char* path, std::size_t most) {
  return sys::ReadSmallFile(AT_FDCWD, path, most).value_or("");
}

std::int64_t Nanoseconds(const timespec& time) {
  return (std::int64_t{time.tv_sec} * 1'000'000'000) + time.tv_nsec;
}

}  // namespace

std::string HostsFor(const policy::NetRules& rules, const std::optional<plan::HttpProxy>& proxy) {
  return egress::TextOf(egress::ParseHostsFile(Read(kHosts, kMostHosts), [&](const HostName& name) {
    if (proxy && proxy->host == name.text()) return true;
    return policy::DecideName(rules, name).allowed;
  }));
}

HostNames::HostNames(const plan::NetworkPlan& network) {
  if (!network.HasNames()) return;
  resolvers_ = VersionOf(kResolvConf);
  servers_ = egress::NameServersIn(Read(kResolvConf, kMostResolvConf));
  hosts_ = VersionOf(kHosts);
}

std::vector<egress::Order> HostNames::Look(const policy::NetRules& rules,
                                           const std::optional<plan::HttpProxy>& proxy) {
  std::vector<egress::Order> orders;
  if (const Version now = VersionOf(kResolvConf); resolvers_ != now) {
    resolvers_ = now;
    auto servers = egress::NameServersIn(Read(kResolvConf, kMostResolvConf));
    if (servers != std::exchange(servers_, servers)) {
      orders.push_back(
          {.kind = egress::OrderKind::kResolvers, .addresses = std::move(servers), .text = {}});
    }
  }
  if (const Version now = VersionOf(kHosts); hosts_ != now) {
    hosts_ = now;
    std::string hosts = HostsFor(rules, proxy);
    if (hosts != std::exchange(known_hosts_, hosts)) {
      orders.push_back(
          {.kind = egress::OrderKind::kHosts, .addresses = {}, .text = std::move(hosts)});
    }
  }
  // What cannot be asked now is asked at the next look; what was known holds.
  if (auto own = sys::OwnAddresses(); own && own_ != *own) {
    own_ = *std::move(own);
    orders.push_back({.kind = egress::OrderKind::kOwnAddresses,
                      .addresses = {own_->begin(), own_->end()},
                      .text = {}});
  }
  return orders;
}

void HostNames::Missed(egress::OrderKind kind) {
  if (kind == egress::OrderKind::kResolvers) {
    resolvers_.reset();
    servers_.clear();
  }
  if (kind == egress::OrderKind::kHosts) {
    hosts_.reset();
    known_hosts_.reset();
  }
  if (kind == egress::OrderKind::kOwnAddresses) own_.reset();
}

std::optional<event::Event> EventOf(const egress::Order& order) {
  if (order.kind == egress::OrderKind::kResolvers) {
    std::vector<std::string> servers;
    for (const policy::AddressBytes& address : order.addresses) {
      servers.push_back(policy::TextOf(address));
    }
    return event::Event{
        .name = event::kEgressResolver,
        .fields = {{"changed", std::string("name servers")}, {"servers", std::move(servers)}}};
  }
  if (order.kind == egress::OrderKind::kHosts) {
    return event::Event{.name = event::kEgressResolver,
                        .fields = {{"changed", std::string("hosts file")}}};
  }
  return std::nullopt;
}

HostNames::Version HostNames::VersionOf(const char* path) {
  struct stat is{};
  if (::stat(path, &is) != 0) return {};
  return {.device = is.st_dev,
          .inode = is.st_ino,
          .size = is.st_size,
          .modified_ns = Nanoseconds(is.st_mtim),
          .changed_ns = Nanoseconds(is.st_ctim)};
}

}  // namespace ambit::supervise
