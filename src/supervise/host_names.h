#pragma once
// What this machine finds names with, and what tells its own addresses from others: its name
// servers, its hosts file, its interfaces. They change while runs go on (a VPN, another network),
// and egress has no files. A look is two stat calls and one question about the interfaces.
// Who calls: the supervisor, every kBetweenLooks. Errors: a file that cannot be read is empty, as
// for every program of the machine.
#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "egress/order.h"
#include "event/event.h"
#include "plan/network_plan.h"
#include "plan/proxy.h"
#include "policy/net_rules.h"

namespace ambit::supervise {

/// The lines of /etc/hosts that a run of these rules has a use for.
std::string HostsFor(const policy::NetRules& rules, const std::optional<plan::HttpProxy>& proxy);

class HostNames {
 public:
  static constexpr std::chrono::seconds kBetweenLooks{2};

  /// What is so by now egress reads by itself; a change is told from here on. A network without
  /// names needs nothing of it.
  explicit HostNames(const plan::NetworkPlan& network);

  /// What egress has to be told. An order that could not be sent comes again after Missed.
  std::vector<egress::Order> Look(const policy::NetRules& rules,
                                  const std::optional<plan::HttpProxy>& proxy);
  void Missed(egress::OrderKind kind);
  /// Egress has heard this of the hosts file by another way.
  void Told(std::string hosts) { known_hosts_ = std::move(hosts); }

 private:
  /// Of a file; zeros: there is none.
  struct Version {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const Version&) const = default;
  };
  static Version VersionOf(const char* path);

  std::optional<Version> resolvers_;  // nothing: what was sent did not arrive
  std::vector<policy::AddressBytes> servers_;
  std::optional<Version> hosts_;
  std::optional<std::string> known_hosts_;
  std::optional<policy::OwnAddresses> own_;
};

/// Of an order that changes how names are found.
std::optional<event::Event> EventOf(const egress::Order& order);

}  // namespace ambit::supervise
