// Property: a rule that was read means the same when its canonical text is read again, and covers
// itself; so does a private name, which leads neither to metadata nor to nobody; a host's name that
// was read is its own canonical form, and no address to anybody.
#include <arpa/inet.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "policy/foreign.h"
#include "policy/net_decision.h"
#include "policy/private_names.h"

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
  if (const auto entry = policy::ParsePrivateName(text, "here")) {
    const auto again = policy::ParsePrivateName(policy::TextOf(*entry), "here");
    Require(again && *again == *entry && policy::Covers(*entry, *again));
    if (entry->address) {
      const policy::Reach reach = policy::ReachOf(*entry->address);
      Require(reach != policy::Reach::kMetadata && reach != policy::Reach::kNobody);
    }
  }
  const auto rule = policy::ParseNetRule(text, "here");
  if (!rule) return 0;
  const auto again = policy::ParseNetRule(policy::TextOf(*rule), "here");
  Require(again && *again == *rule);
  Require(policy::Covers(*rule, *again));
  Require(rule->name.has_value() != rule->range.has_value());
  return 0;
}
