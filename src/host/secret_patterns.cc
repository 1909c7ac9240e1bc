#include "host/secret_patterns.h"

#include <string_view>

namespace ambit::host {
namespace {

constexpr std::string_view kEverywhere = "**/";

Pattern Parse(std::string_view text, Show show) {
  Pattern pattern{.show = show};
  if (text.ends_with('/')) {
    pattern.directory_only = true;
    text.remove_suffix(1);
  }
  if (text.starts_with(kEverywhere)) {
    pattern.everywhere = true;
    text.remove_prefix(kEverywhere.size());
  }
  if (text.starts_with("./")) text.remove_prefix(2);
  const std::size_t slash = text.rfind('/');
  if (slash != std::string_view::npos) {
    pattern.anchored = false;
    pattern.directories = {std::string(text.substr(0, slash))};
    text.remove_prefix(slash + 1);
  }
  pattern.name = text;
  return pattern;
}

}  // namespace

std::vector<Pattern> AllPatterns(const SecretPatterns& asked) {
  std::vector<Pattern> patterns = {
      Parse(".env*", Show::kMasked), Parse("*.pem", Show::kHidden), Parse("*.key", Show::kHidden),
      Parse(".env.example", Show::kAsItIs), Parse(".env.sample", Show::kAsItIs)};
  const auto add = [&](const char* flag, const std::vector<std::string>& texts, Show show) {
    for (const std::string& text : texts) {
      patterns.push_back(Parse(text, show));
      patterns.back().flag = flag;
      patterns.back().asked = text;
    }
  };
  add("--mask", asked.mask, Show::kMasked);
  add("--hide", asked.hide, Show::kHidden);
  add("--unmask", asked.unmask, Show::kAsItIs);
  return patterns;
}

}  // namespace ambit::host
