// The settings of tools that are TOML: Cargo's and uv's.
#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "policy/registries.h"
#include "policy/toml_keys.h"
#include "policy/toml_library.h"

namespace ambit::policy {
namespace {

std::optional<toml::table> TableOf(std::string_view text) {
  if (text.size() > kMaxRegistryFile || LineOfDeepKey(text) != 0) return std::nullopt;
  toml::parse_result parsed = toml::parse(text);
  if (!parsed) return std::nullopt;
  return std::move(parsed).table();
}

class Taken {
 public:
  void Add(const toml::node* node, bool chief, const std::string& prefix = "") {
    const auto* text = node != nullptr ? node->as_string() : nullptr;
    if (text == nullptr || text->get().empty() || all_.size() == kMostRegistries) return;
    all_.push_back(
        {.url = prefix + text->get(), .line = node->source().begin.line, .chief = chief});
  }
  std::vector<NamedRegistry> All() && {
    // toml++ sorts keys.
    std::ranges::sort(all_, {}, [](const NamedRegistry& one) {
      return std::tuple(one.line, std::string_view(one.url));
    });
    return std::move(all_);
  }

 private:
  std::vector<NamedRegistry> all_;
};

const toml::table* TableIn(const toml::table& table, std::string_view name) {
  const toml::node* node = table.get(name);
  return node != nullptr ? node->as_table() : nullptr;
}

/// What stands in the place of crates.io: a source may name another one in turn.
std::string ReplacementOfCratesIo(const toml::table& sources) {
  constexpr int kLongestChain = 16;
  std::string name = "crates-io";
  for (int i = 0; i < kLongestChain; ++i) {
    const toml::table* source = TableIn(sources, name);
    const toml::node* next = source != nullptr ? source->get("replace-with") : nullptr;
    if (next == nullptr || !next->is_string()) break;
    name = next->value_or(std::string());
  }
  return name;
}

}  // namespace

FoundRegistries RegistriesOfCargoToml(std::string_view text) {
  const auto settings = TableOf(text);
  if (!settings) return std::nullopt;
  Taken taken;
  const toml::table* sources = TableIn(*settings, "source");
  const std::string replacement = sources != nullptr ? ReplacementOfCratesIo(*sources) : "";
  if (sources != nullptr) {
    // The others stand in nothing's place, so nothing is fetched from them.
    if (const toml::table* source = TableIn(*sources, replacement)) {
      taken.Add(source->get("registry"), /*chief=*/true);
      taken.Add(source->get("directory"), /*chief=*/true, "file:");
      taken.Add(source->get("local-registry"), /*chief=*/true, "file:");
    }
  }
  if (const toml::table* registries = TableIn(*settings, "registries")) {
    for (const auto& [name, node] : *registries) {
      const toml::table* registry = node.as_table();
      // A source may be replaced by a registry as well.
      if (registry != nullptr) taken.Add(registry->get("index"), replacement == name.str());
    }
  }
  return std::move(taken).All();
}

FoundRegistries RegistriesOfUvToml(std::string_view text) {
  const auto settings = TableOf(text);
  if (!settings) return std::nullopt;
  Taken taken;
  const auto read = [&](const toml::table& table) {
    taken.Add(table.get("index-url"), /*chief=*/true);
    if (const toml::node* more = table.get("extra-index-url"); more && more->is_array()) {
      for (const toml::node& one : *more->as_array()) taken.Add(&one, /*chief=*/false);
    }
    const toml::node* indexes = table.get("index");
    if (indexes == nullptr || !indexes->is_array()) return;
    for (const toml::node& one : *indexes->as_array()) {
      const toml::table* index = one.as_table();
      if (index == nullptr) continue;
      const toml::node* chief = index->get("default");
      taken.Add(index->get("url"), chief != nullptr && chief->value_or(false));
    }
  };
  read(*settings);
  if (const toml::table* pip = TableIn(*settings, "pip")) read(*pip);
  return std::move(taken).All();
}

}  // namespace ambit::policy
