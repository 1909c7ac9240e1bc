#include "plan/policy_tests.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/path.h"
#include "base/text.h"
#include "plan/target.h"

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

/// What is wrong; empty: nothing.
std::string_view WhyItFails(const LaunchPlan& plan, const policy::TestCase& test) {
  if (test.key == "fs_hidden" && ShowsHostContent(plan, test.text)) return "can be read inside";
  if (test.key == "fs_visible" && !ShowsHostContent(plan, test.text))
    return "is not visible inside";
  if (test.key == "env_hidden" && HasVariable(plan, test.text)) return "exists inside";
  if (test.key == "net_deny" && !ReadTypedTarget(test.text)) return "names no host, or no port";
  if (test.key == "net_deny" && CanBeReached(plan, ParseTarget(test.text)))
    return "can be reached from inside";
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
