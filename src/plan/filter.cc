#include "plan/filter.h"

#include <algorithm>
#include <iterator>

namespace ambit::plan {
namespace {

struct NamedCall {
  std::uint32_t number;
  std::string_view name;
};

// kAgentProgram (and those of Told), kEgressProgram, and kNamedCalls sorted by number.
#include "filter_programs.inc"

}  // namespace

Told ToldOf(bool started_by_root, policy::AuditFiles audit) noexcept {
  switch (audit) {
    case policy::AuditFiles::kOff:
      break;
    case policy::AuditFiles::kWrites:
      return Told::kWrites;
    case policy::AuditFiles::kAll:
      return Told::kOpens;
  }
  return started_by_root ? Told::kNothing : Told::kRenames;
}

std::span<const sock_filter> AgentFilter(Told told) noexcept {
  switch (told) {
    case Told::kNothing:
      break;
    case Told::kRenames:
      return kAgentRenamesProgram;
    case Told::kWrites:
      return kAgentWritesProgram;
    case Told::kOpens:
      return kAgentOpensProgram;
  }
  return kAgentProgram;
}
std::span<const sock_filter> EgressFilter() noexcept { return kEgressProgram; }

std::optional<std::string_view> SystemCallName(std::uint32_t number) noexcept {
  const auto* found = std::ranges::lower_bound(kNamedCalls, number, {}, &NamedCall::number);
  if (found == std::end(kNamedCalls) || found->number != number) return std::nullopt;
  return found->name;
}

}  // namespace ambit::plan
