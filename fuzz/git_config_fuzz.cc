// Properties: every span lies inside the text and reads back as its own value; what
// WithoutCredentials returns parses, needs no second pass, and kept every other value.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "host/git_config.h"

namespace {

void Require(bool held) {
  if (!held) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ambit::host;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = ParseGitConfig(text);
  const auto stripped = WithoutCredentials(text);
  Require(config.has_value() == stripped.has_value());
  if (!config) return 0;

  for (const GitConfigEntry& entry : config->entries) {
    Require(entry.span.offset + entry.span.length <= size);
    Require(entry.value_span.offset + entry.value_span.length <= size);
    if (!entry.value) continue;
    const auto again = ParseGitConfig("[s]\nk = " + QuoteGitConfigValue(*entry.value));
    Require(again && again->entries.size() == 1 && again->entries[0].value == entry.value);
    const auto raw = ParseGitConfig(
        "[s]\nk=" + std::string(text.substr(entry.value_span.offset, entry.value_span.length)));
    Require(raw && raw->entries.size() == 1 && raw->entries[0].value == entry.value);
  }
  if (!*stripped) return 0;

  const auto clean = ParseGitConfig(**stripped);
  if (!clean) {  // quoting may lengthen a text that was at a bound; then the run refuses
    Require(clean.error().code == ambit::Errc::kLimit);
    return 0;
  }
  const auto second = WithoutCredentials(**stripped);
  Require(second.has_value() && !second->has_value());
  Require(clean->entries.size() <= config->entries.size());
  std::size_t at = 0;
  for (const GitConfigEntry& entry : clean->entries) {  // a subsequence, in order
    while (at < config->entries.size() && config->entries[at].key != entry.key) ++at;
    Require(at < config->entries.size());
    ++at;
  }
  return 0;
}
