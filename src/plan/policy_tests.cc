#include "plan/policy_tests.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/path.h"
#include "base/text.h"

namespace ambit::plan {
namespace {

const Mount* DeepestAbove(const LaunchPlan& plan, const std::string& path) {
  const Mount* deepest = nullptr;
  for (const Mount& mount : plan.mounts) {
    if (!IsAtOrBelow(path, mount.inside)) continue;
    if (deepest == nullptr || mount.inside.size() >= deepest->inside.size()) deepest = &mount;
  }
  return deepest;
}

/// Whether the host's content of `path` can be read inside, and as it is.
bool ShowsHostContent(const LaunchPlan& plan, const std::string& path) {
  const Mount* mount = DeepestAbove(plan, path);
  if (mount == nullptr || mount->device) return false;
  const bool layer = mount->kind == Mount::Kind::kLayer;
  if (!layer && mount->kind != Mount::Kind::kBind) return false;
  const std::vector<Mask>& masks = layer ? plan.layers[mount->layer].masks : mount->masks;
  return std::ranges::none_of(
      masks, [&](const Mask& mask) { return IsAtOrBelow(path, mount->inside + "/" + mask.path); });
}

bool HasVariable(const LaunchPlan& plan, const std::string& name) {
  return std::ranges::any_of(plan.environment, [&](const std::string& variable) {
    return variable.starts_with(name + "=");
  });
}

/// "https://example.com/x", "tcp://h:1" and "h:1" are all a host, and perhaps a port.
struct Target {
  std::string_view host;
  std::optional<std::uint16_t> port;
};
Target ParseTarget(std::string_view text) {
  Target target;
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    if (text.starts_with("http:")) target.port = 80;
    if (text.starts_with("https:")) target.port = 443;
    text.remove_prefix(scheme + 3);
  }
  text = text.substr(0, text.find('/'));
  const std::size_t colon = text.rfind(':');
  target.host = text;
  if (colon == std::string_view::npos || text.ends_with(']')) return target;
  std::uint16_t port = 0;
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, err] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (err == std::errc() && end == digits.data() + digits.size()) {
    target.host = text.substr(0, colon);
    target.port = port;
  }
  return target;
}

/// Nothing but the named ports of the host's loopback leads out of a run.
bool CanBeReached(const LaunchPlan& plan, std::string_view text) {
  const Target target = ParseTarget(text);
  const bool loopback =
      target.host == "localhost" || target.host == "[::1]" || target.host.starts_with("127.");
  if (!loopback) return false;
  if (!target.port) return !plan.network.host_ports.empty();
  return std::ranges::find(plan.network.host_ports, *target.port) != plan.network.host_ports.end();
}

/// What is wrong; empty: nothing.
std::string_view WhyItFails(const LaunchPlan& plan, const policy::TestCase& test) {
  if (test.key == "fs_hidden" && ShowsHostContent(plan, test.text)) return "can be read inside";
  if (test.key == "fs_visible" && !ShowsHostContent(plan, test.text))
    return "is not visible inside";
  if (test.key == "env_hidden" && HasVariable(plan, test.text)) return "exists inside";
  if (test.key == "net_deny" && CanBeReached(plan, test.text)) return "can be reached from inside";
  return {};
}

}  // namespace

std::vector<std::string> FailedTests(const LaunchPlan& plan,
                                     std::span<const policy::TestCase> tests) {
  std::vector<std::string> failed;
  for (const policy::TestCase& test : tests) {
    const std::string_view why = WhyItFails(plan, test);
    if (why.empty()) continue;
    failed.push_back(fmt::format("{}: test.{}: '{}' {}", policy::Describe(test.origin), test.key,
                                 Printable(test.text), why));
  }
  return failed;
}

}  // namespace ambit::plan
