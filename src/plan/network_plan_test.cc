#include "plan/network_plan.h"

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
