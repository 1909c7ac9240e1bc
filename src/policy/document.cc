#include "policy/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace ambit::policy {

std::string Describe(const Origin& origin) {
  if (origin.line == 0) return Printable(origin.name);
  return fmt::format("{}:{}:{}", Printable(origin.name), origin.line, origin.column);
}

std::string Describe(const Mistake& mistake) {
  return fmt::format("{}: {}{}{}", Describe(mistake.origin), mistake.what,
                     mistake.remedy.empty() ? "" : "; ", mistake.remedy);
}

const Setting* Document::Find(std::string_view key) const {
  const auto found =
      std::ranges::find(settings, key, [](const Setting& s) { return s.option->key; });
  return found != settings.end() ? &*found : nullptr;
}

Setting& Document::Of(const Option& option) {
  const auto found = std::ranges::find(settings, &option, &Setting::option);
  if (found != settings.end()) return *found;
  return settings.emplace_back(Setting{.option = &option, .items = {}});
}

}  // namespace ambit::policy
