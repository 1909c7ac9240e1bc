// The settings of tools that name package registries; the first byte chooses whose. Properties: no
// more than the bound; lines are lines of the text; a rule is read back as itself and has no
// wildcard and no range; what stands before the `@` of an address is no part of its rule; an
// address that may be seen inside has no `@`.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "policy/net_rules.h"
#include "policy/registries.h"

namespace {

using namespace ambit::policy;

void Require(bool held) {
  if (!held) std::abort();
}

void CheckTarget(std::string_view url) {
  const auto target = TargetOf(url);
  if (!target) return;
  Require(target->rule.empty() == target->host_port.has_value());
  if (target->plain) Require(url.find_first_of("?#\n ") == std::string_view::npos);
  if (target->plain) Require(url.find('@') == std::string_view::npos);
  if (target->host_port) return;
  const auto rule = ParseNetRule(target->rule, {});
  Require(rule && TextOf(*rule) == target->rule);
  Require(!rule->below && !rule->raw && rule->port && (!rule->range || rule->range->bits == 128));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr FoundRegistries (*kParsers[])(std::string_view) = {
      RegistriesOfNpmrc,   RegistriesOfYarnrc, RegistriesOfYarnrcYml,
      RegistriesOfPipConf, RegistriesOfUvToml, RegistriesOfCargoToml,
      ProxiesOfGoEnv,      SumDatabaseOfGoEnv, RegistriesOfMavenSettings,
  };
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto found = kParsers[data[0] % std::size(kParsers)](text);
  CheckTarget(text);
  if (!found) return 0;
  Require(found->size() <= kMostRegistries);
  const auto lines = 1 + std::ranges::count(text, '\n');
  for (const NamedRegistry& one : *found) {
    Require(!one.url.empty() && one.line >= 1 && one.line <= lines);
    CheckTarget(one.url);
  }
  return 0;
}
