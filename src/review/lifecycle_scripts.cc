// What of a package.json runs without being asked for: gate.h.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "review/gate.h"

namespace ambit::review {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxBytes = 4U << 20;
constexpr int kMaxDepth = 64;

/// Members of "scripts" that a package manager runs at an install, a pack, a new version or a
/// publish. Source: npm's manual page scripts(7), "Life Cycle Scripts"; the last one is pnpm's.
constexpr auto kScripts = std::to_array<std::string_view>({
    "preinstall",  "install",    "postinstall",    "preprepare",   "prepare",
    "postprepare", "prepublish", "prepublishOnly", "publish",      "postpublish",
    "prepack",     "postpack",   "preuninstall",   "uninstall",    "postuninstall",
    "preversion",  "version",    "postversion",    "dependencies", "pnpm:devPreinstall",
});

/// Members of the root that name programs an install or a commit starts: commands of git hooks,
/// which packages may run scripts, which program the package manager itself is.
constexpr auto kSettings = std::to_array<std::string_view>({
    "husky",        "simple-git-hooks", "gitHooks",  "pre-commit",          "pre-push",
    "ghooks",       "lint-staged",      "lefthook",  "trustedDependencies", "pnpm",
    "lavamoat",     "packageManager",   "gypfile",   "dependenciesMeta",    "allowScripts",
    "eslintConfig", "prettier",         "stylelint", "commitlint",
});

/// The root object, or null when readers may disagree about the text. No text is an empty object.
json ReadPackage(std::string_view text) {
  if (text.empty()) return json::object();
  if (text.size() > kMaxBytes) return nullptr;
  bool hostile = false;
  std::vector<std::set<std::string>> keys;  // of the objects around the parser's place
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > kMaxDepth) hostile = true;
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key) {
      // Of two members with one name some readers take the first, some the last.
      hostile = !keys.back().insert(value.get_ref<const std::string&>()).second || hostile;
    }
    return depth <= kMaxDepth;
  };
  json root = json::parse(text, watch, /*allow_exceptions=*/false);
  if (hostile || !root.is_object()) return nullptr;
  const auto scripts = root.find("scripts");
  if (scripts != root.end() && !scripts->is_object()) return nullptr;
  return root;
}

json Member(const json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() ? json(nullptr) : *it;
}

}  // namespace

bool LifecycleScriptsChanged(std::string_view old_text, std::string_view new_text) {
  if (old_text == new_text) return false;
  const json before = ReadPackage(old_text);
  const json after = ReadPackage(new_text);
  if (before.is_null() || after.is_null()) return true;
  const auto differs = [](const json& left, const json& right) {
    return [&](std::string_view key) { return Member(left, key) != Member(right, key); };
  };
  return std::ranges::any_of(kSettings, differs(before, after)) ||
         std::ranges::any_of(kScripts,
                             differs(Member(before, "scripts"), Member(after, "scripts")));
}

}  // namespace ambit::review
