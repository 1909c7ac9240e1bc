// Two texts, a zero byte between them: a secret file and what a run made of it; the first is read
// as a manifest as well. Properties: entries are the whole text; of a value nothing is left but
// placeholders; showing placeholders twice changes nothing more; an untouched file keeps every
// byte.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "host/dotenv.h"
#include "host/workspace_members.h"

namespace {

using namespace ambit::host;

void Require(bool held) {
  if (!held) std::abort();
}

void CheckText(std::string_view text) {
  const auto entries = ParseDotenv(text);
  const auto shown = WithPlaceholders(text);
  Require(entries || !shown);
  if (!entries) return;
  std::string joined;
  std::size_t longest = 0;
  for (const DotenvEntry& entry : *entries) {
    joined += entry.text;
    longest += entry.key.empty() ? 0 : entry.key.size() + kPlaceholder.size() + 9;
  }
  Require(joined == text);
  if (!shown) return;
  Require(shown->size() <= longest);
  Require(WithPlaceholders(*shown) == shown);
  const auto merged = MergeByKey(text, *shown, *shown);
  Require(merged && merged->only_adds && merged->text == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\0'), size);
  const std::string_view first = text.substr(0, end);
  const std::string_view second = text.substr(std::min(end + 1, size));
  CheckText(first);
  CheckText(second);
  (void)MergeByKey(first, WithPlaceholders(first).value_or(""), second);
  for (const std::string& pattern : DeepPatterns(first)) {
    Require(pattern.front() != '/' && ("/" + pattern + "/").find("/../") == std::string::npos);
  }
  (void)MatchesName(second, first);
  return 0;
}
