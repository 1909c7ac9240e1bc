// Property: a rule that was read means the same when its canonical text is read again, and covers
// itself; a host's name that was read is its own canonical form, and no address to anybody.
#include <arpa/inet.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "policy/net_rules.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ambit;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto name = HostName::Parse(text)) {
    const auto again = HostName::Parse(name->text());
    Require(again && *again == *name);
    in_addr as_address{};
    Require(::inet_aton(name->text().c_str(), &as_address) == 0);
  }
  const auto rule = policy::ParseNetRule(text, "here");
  if (!rule) return 0;
  const auto again = policy::ParseNetRule(policy::TextOf(*rule), "here");
  Require(again && *again == *rule);
  Require(policy::Covers(*rule, *again));
  Require(rule->name.has_value() != rule->range.has_value());
  return 0;
}
