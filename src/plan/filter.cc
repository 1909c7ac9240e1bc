#include "plan/filter.h"

#include <algorithm>
#include <iterator>

namespace ambit::plan {
namespace {

struct NamedCall {
  std::uint32_t number;
  std::string_view name;
};

// kAgentProgram, kNotifyingAgentProgram, kEgressProgram, and kNamedCalls sorted by number.
#include "filter_programs.inc"

}  // namespace

std::span<const sock_filter> AgentFilter() noexcept { return kAgentProgram; }
std::span<const sock_filter> NotifyingAgentFilter() noexcept { return kNotifyingAgentProgram; }
std::span<const sock_filter> EgressFilter() noexcept { return kEgressProgram; }

std::optional<std::string_view> SystemCallName(std::uint32_t number) noexcept {
  const auto* found = std::ranges::lower_bound(kNamedCalls, number, {}, &NamedCall::number);
  if (found == std::end(kNamedCalls) || found->number != number) return std::nullopt;
  return found->name;
}

}  // namespace ambit::plan
