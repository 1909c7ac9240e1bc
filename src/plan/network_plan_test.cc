#include "plan/network_plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <numeric>
#include <sstream>

namespace ambit::plan {
namespace {

/// Compares with tests/golden/<name>; AMBIT_UPDATE_GOLDEN=1 writes the file instead.
void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string path = std::string(AMBIT_GOLDEN_DIR) + "/" + name;
  if (std::getenv("AMBIT_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << text;
    return;
  }
  std::ifstream file(path);
  ASSERT_TRUE(file) << path << " is missing: run with AMBIT_UPDATE_GOLDEN=1";
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str()) << path;
}

std::string WhyInvalid(const NetworkPlan& plan) {
  const auto status = Validate(plan);
  if (status) return "valid";
  EXPECT_EQ(status.error().code, Errc::kInvalidArgument);
  return status.error().what;
}

TEST(NetworkPlan, TheDefaultReachesNothing) { ExpectGolden("network-default.txt", Describe({})); }

TEST(NetworkPlan, HostPortsAppearAsListeners) {
  ExpectGolden("network-host-ports.txt", Describe({.host_ports = {5432, 8080}}));
}

TEST(NetworkPlan, TellsWhatMayBeReached) {
  EXPECT_EQ(DescribeReach({.host_ports = {5432}}), "allow no name and no address\n");
  NetworkPlan plan;
  plan.rules = {.allow = {*policy::ParseNetRule("*.example.com", "--allow")},
                .deny = {*policy::ParseNetRule("a.example.com", "ambit.toml:2:9: net.deny")},
                .ask = true};
  plan.proxy = HttpProxy{.host = "p.example", .port = 3128};
  EXPECT_EQ(DescribeReach(plan),
            "allow *.example.com (--allow)\n"
            "deny a.example.com (ambit.toml:2:9: net.deny)\n"
            "ask about every other name and address\n"
            "through proxy p.example:3128\n");
}

NetworkPlan PlanWithNames(policy::Capture capture) {
  NetworkPlan plan{.publish = {{.host = 8080, .inside = 3000}, {.host = 0, .inside = 5173}},
                   .capture = capture};
  plan.rules.allow.push_back(*policy::ParseNetRule("example.com", "test"));
  return plan;
}

TEST(NetworkPlan, EveryWayToCaptureIsDescribedWithWhatItHasInTheKernel) {
  ExpectGolden("network-tproxy.txt", Describe(PlanWithNames(policy::Capture::kTproxy)));
  ExpectGolden("network-redirect.txt", Describe(PlanWithNames(policy::Capture::kRedirect)));
  ExpectGolden("network-ports.txt", Describe(PlanWithNames(policy::Capture::kPorts)));
}

TEST(NetworkPlan, NamesThePortThatCannotBePublished) {
  EXPECT_EQ(WhyInvalid(PlanWithNames(policy::Capture::kAuto)), "valid");
  EXPECT_EQ(WhyInvalid({.publish = {{.host = 80, .inside = 0}}}),
            "--publish '80:0' (net.publish): not a port");
  for (const std::uint16_t ours : {std::uint16_t{1}, kMintPort}) {
    EXPECT_EQ(WhyInvalid({.publish = {{.host = ours, .inside = ours}}}),
              fmt::format("--publish '{}' (net.publish): ambit itself listens there inside", ours));
  }
  EXPECT_EQ(WhyInvalid({.host_ports = {3000}, .publish = {{.host = 3000, .inside = 3000}}}),
            "--publish '3000' (net.publish): 3000 inside is the host's own (--host-port)")
      << "it would lead back for ever";
  EXPECT_EQ(WhyInvalid({.host_ports = {8080}, .publish = {{.host = 8080, .inside = 3000}}}),
            "valid");
  EXPECT_EQ(WhyInvalid({.publish = {{.host = 80, .inside = 1024}, {.host = 80, .inside = 1025}}}),
            "--publish '80:1024' (net.publish): port 80 of the host is published twice");
  EXPECT_EQ(WhyInvalid({.publish = {{.host = 0, .inside = 80}, {.host = 0, .inside = 81}}}),
            "valid");
  NetworkPlan many;
  for (std::uint16_t i = 0; i <= kMaxPublished; ++i) {
    many.publish.push_back({.host = 0, .inside = static_cast<std::uint16_t>(3000 + i)});
  }
  EXPECT_EQ(WhyInvalid(many), "--publish (net.publish): '33' ports, at most 32 can be served");
}

TEST(NetworkPlan, NamesThePortThatCaptureByPortsCannotServe) {
  NetworkPlan plan = PlanWithNames(policy::Capture::kPorts);
  EXPECT_EQ(WhyInvalid(plan), "valid");
  plan.publish.push_back({.host = 8081, .inside = 443});
  EXPECT_EQ(WhyInvalid(plan),
            "--publish '8081:443' (net.publish): with --capture ports no server inside can have "
            "port 443, which a rule of the network allows");
  plan = PlanWithNames(policy::Capture::kPorts);
  plan.rules.allow.push_back(*policy::ParseNetRule("ns.example:53", "test"));
  EXPECT_EQ(WhyInvalid(plan), "--capture ports: '53' cannot be allowed, ambit listens there");
  plan.capture = policy::Capture::kAuto;
  EXPECT_EQ(WhyInvalid(plan), "valid") << "another way may stand";
  plan = {.capture = policy::Capture::kPorts};
  for (int port = 1000; port <= 1000 + static_cast<int>(kMaxCapturePorts); ++port) {
    plan.rules.allow.push_back(*policy::ParseNetRule(fmt::format("a.example:{}", port), "test"));
  }
  EXPECT_EQ(WhyInvalid(plan),
            "--capture ports: rules name '49' ports, at most 48 can be listened on");
}

TEST(NetworkPlan, TheDefaultAndOrdinaryPortsAreValid) {
  EXPECT_EQ(WhyInvalid({}), "valid");
  EXPECT_EQ(WhyInvalid({.host_ports = {80, 5432, 65535}}), "valid");
}

TEST(NetworkPlan, NamesThePortThatCannotBeServed) {
  EXPECT_EQ(WhyInvalid({.host_ports = {80, 0}}), "--host-port '0' (net.host_ports): not a port");
  EXPECT_EQ(WhyInvalid({.host_ports = {1}}),
            "--host-port '1' (net.host_ports): not a port that can be served, ambit listens there");
  EXPECT_EQ(WhyInvalid({.host_ports = {90, 80, 90}}),
            "--host-port (net.host_ports): '90' is there twice");
  EXPECT_EQ(WhyInvalid({.capture_port = 1024}), "network.capture_port '1024': must be 1 to 1023");
  EXPECT_EQ(WhyInvalid({.capture_port = 0}), "network.capture_port '0': must be 1 to 1023");
}

TEST(NetworkPlan, TakesAsManyHostPortsAsOneMessageCarries) {
  NetworkPlan plan;
  plan.host_ports.resize(kMaxHostPorts);
  std::iota(plan.host_ports.begin(), plan.host_ports.end(), std::uint16_t{3000});
  EXPECT_EQ(WhyInvalid(plan), "valid");
  plan.host_ports.push_back(9999);
  EXPECT_EQ(WhyInvalid(plan), "--host-port (net.host_ports): '65' ports, at most 64 can be served");
}

}  // namespace
}  // namespace ambit::plan
