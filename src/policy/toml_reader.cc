#include "policy/toml_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "policy/toml_keys.h"
#include "policy/toml_library.h"
#include "policy/values.h"

namespace ambit::policy {
namespace {

std::string_view WordFor(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "a number";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

/// toml++ escapes line ends in some of its messages and not in others.
std::string InOneLine(std::string_view message) {
  std::string line;
  for (const char c : WithoutControls(message)) {
    if (c == '\n') line += "\\n";
    if (c != '\n') line += c;
  }
  return line;
}

class Reader {
 public:
  Reader(SourceKind source, const std::string& name) {
    out_.document.source = source;
    out_.document.name = name;
    for (const Option& option : Options()) known_.push_back(option.key);
  }

  ReadPolicy Read(std::string_view bytes) {
    if (bytes.size() > kMaxPolicyBytes) {
      Mistaken({}, fmt::format("larger than {} KiB", kMaxPolicyBytes >> 10));
      return std::move(out_);
    }
    if (const unsigned line = LineOfDeepKey(bytes); line != 0) {
      Mistaken({.line = line, .column = 1},
               fmt::format("a key of more than {} parts", kMaxKeyParts),
               "'ambit policy schema' has all keys");
      return std::move(out_);
    }
    const toml::parse_result parsed = toml::parse(bytes);
    if (!parsed) {
      Mistaken(parsed.error().source().begin, InOneLine(parsed.error().description()));
      return std::move(out_);
    }
    ReadTable(parsed.table(), "");
    // In the order they stand in the file: toml++ sorts keys.
    std::ranges::sort(out_.mistakes, {}, [](const Mistake& mistake) {
      return std::tuple(mistake.origin.line, mistake.origin.column, std::string_view(mistake.what));
    });
    CountTheLastMistakes();
    return std::move(out_);
  }

 private:
  Origin At(const toml::source_position& place) const {
    return {.source = out_.document.source,
            .name = out_.document.name,
            .line = place.line,
            .column = place.column};
  }

  void Mistaken(const toml::source_position& place, std::string what, std::string remedy = {}) {
    out_.mistakes.push_back(
        {.origin = At(place), .what = std::move(what), .remedy = std::move(remedy)});
  }

  void CountTheLastMistakes() {
    if (out_.mistakes.size() <= kMaxMistakes) return;
    const std::size_t more = out_.mistakes.size() - kMaxMistakes;
    out_.mistakes.resize(kMaxMistakes + 1);
    out_.mistakes.back().what = fmt::format("and {} more mistakes", more);
    out_.mistakes.back().remedy.clear();
  }

  void TooMany(std::string_view key, const toml::source_position& place) {
    Mistaken(place, fmt::format("{}: more than {} entries", key, kMaxEntries),
             "a pattern or a directory can stand for many");
  }

  /// False: more than a list may have, of which `already` were taken before.
  bool FitsInOne(std::string_view key, const toml::array& list, std::size_t already = 0) {
    if (already + list.size() <= kMaxEntries) return true;
    TooMany(key, list[kMaxEntries - already].source().begin);
    return false;
  }

  void ReadTable(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string key = prefix + std::string(name.str());
      if (const Option* option = FindOption(key)) {
        ReadSetting(*option, node);
      } else if (key == "test") {
        ReadTests(node);
      } else if (out_.document.source == SourceKind::kPreset && key == "commands") {
        ReadStrings(key, node,
                    [&](const Item& item) { out_.document.commands.push_back(item.text); });
      } else if (out_.document.source == SourceKind::kPreset && key == "registries") {
        ReadStrings(key, node,
                    [&](const Item& item) { out_.document.registries.push_back(item.text); });
      } else if (out_.document.source == SourceKind::kPreset && key == "about") {
        out_.document.about = node.value_or(std::string());
      } else if (node.is_table() && IsSection(key)) {
        ReadTable(*node.as_table(), key + ".");
      } else {
        Unknown(key, name.source().begin);
      }
    }
  }

  bool IsSection(const std::string& key) const {
    return std::ranges::any_of(
        known_, [&](std::string_view known) { return known.starts_with(key + "."); });
  }

  void Unknown(const std::string& key, const toml::source_position& place) {
    // Of very many nobody reads the hint, and each is a search.
    constexpr std::size_t kMaxHints = 10 * kMaxMistakes;
    const std::string_view meant =
        out_.mistakes.size() < kMaxHints ? Nearest(key, known_) : std::string_view();
    constexpr std::size_t kShown = 100;
    Mistaken(place,
             fmt::format("unknown key '{}{}'", Printable(key.substr(0, kShown)),
                         key.size() > kShown ? "…" : ""),
             meant.empty() ? "'ambit policy schema' has them all"
                           : fmt::format("did you mean '{}'?", meant));
  }

  void WrongType(const std::string_view key, const toml::node& node, std::string_view wanted) {
    Mistaken(node.source().begin, fmt::format("{}: {}, not {}", key, wanted, WordFor(node)));
  }

  void TooLong(std::string_view key, const toml::source_position& place) {
    Mistaken(place, fmt::format("{}: an entry of more than {} bytes", key, kMaxEntryBytes),
             "no path is that long");
  }

  template <class Take>
  void ReadStrings(std::string_view key, const toml::node& node, const Take& take,
                   std::size_t already = 0) {
    const toml::array* array = node.as_array();
    if (array == nullptr) return WrongType(key, node, "a list of strings");
    if (!FitsInOne(key, *array, already)) return;
    for (const toml::node& entry : *array) {
      const auto* text = entry.as_string();
      if (text == nullptr) {
        WrongType(key, entry, "a string");
        continue;
      }
      if (text->get().size() > kMaxEntryBytes) {
        TooLong(key, entry.source().begin);
        continue;
      }
      take(Item{.text = text->get(), .value = {}, .origin = At(entry.source().begin)});
    }
  }

  void ReadSetting(const Option& option, const toml::node& node) {
    (void)out_.document.Of(option);
    switch (option.shape) {
      case Shape::kChoice:
        return ReadChoice(option, node);
      case Shape::kYesNo:
        return ReadYesNo(option, node);
      case Shape::kPorts:
      case Shape::kPublished:
        return ReadPorts(option, node);
      case Shape::kDuration:
      case Shape::kBytes:
      case Shape::kCount:
      case Shape::kDecimal:
        return ReadLimit(option, node);
      case Shape::kVariables:
      case Shape::kFiles:
        return ReadAssignments(option, node);
      case Shape::kPaths:
      case Shape::kPatterns:
      case Shape::kNames:
      case Shape::kTargets:
      case Shape::kPrivate:
      case Shape::kPresets:
      case Shape::kLimits:
        return ReadStrings(option.key, node, [&](Item item) { Take(option, std::move(item)); });
    }
  }

  /// A number where it says by itself what it counts: 90 could be seconds or minutes.
  void ReadLimit(const Option& option, const toml::node& node) {
    std::string text;
    if (const auto* string = node.as_string()) {
      text = string->get();
    } else if (const auto* number = node.as_integer(); number && option.shape != Shape::kDuration) {
      text = std::to_string(number->get());
    } else if (const auto* decimal = node.as_floating_point();
               decimal && option.shape == Shape::kDecimal) {
      text = fmt::format("{}", decimal->get());
    } else {
      return WrongType(option.key, node,
                       option.shape == Shape::kDuration ? "a string as '15m'"
                       : option.shape == Shape::kBytes  ? "a string as '4GiB'"
                                                        : "a number");
    }
    if (text.size() > kMaxEntryBytes) return TooLong(option.key, node.source().begin);
    Take(option, {.text = std::move(text), .value = {}, .origin = At(node.source().begin)});
  }

  void ReadChoice(const Option& option, const toml::node& node) {
    const auto* text = node.as_string();
    if (text == nullptr) return WrongType(option.key, node, "a string");
    Take(option, {.text = text->get(), .value = {}, .origin = At(node.source().begin)});
  }

  void ReadYesNo(const Option& option, const toml::node& node) {
    const auto* said = node.as_boolean();
    if (said == nullptr) return WrongType(option.key, node, "true or false");
    Take(option, {.text = std::string(option.choices[said->get() ? 1 : 0]),
                  .value = {},
                  .origin = At(node.source().begin)});
  }

  /// Each a number, or a string: as a flag has it, and where two stand in one.
  void ReadPorts(const Option& option, const toml::node& node) {
    const toml::array* array = node.as_array();
    if (array == nullptr) return WrongType(option.key, node, "a list of ports");
    if (!FitsInOne(option.key, *array)) return;
    for (const toml::node& entry : *array) {
      std::string text;
      if (const auto* port = entry.as_integer()) {
        text = std::to_string(port->get());
      } else if (const auto* string = entry.as_string()) {
        text = string->get();
      } else {
        WrongType(option.key, entry, "a number or a string");
        continue;
      }
      if (text.size() > kMaxEntryBytes) {
        TooLong(option.key, entry.source().begin);
        continue;
      }
      Take(option, {.text = std::move(text), .value = {}, .origin = At(entry.source().begin)});
    }
  }

  void ReadAssignments(const Option& option, const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return WrongType(option.key, node, "a table of strings");
    if (table->size() > kMaxEntries) return TooMany(option.key, node.source().begin);
    for (const auto& [name, value] : *table) {
      if (name.str().size() > kMaxEntryBytes) {
        TooLong(option.key, name.source().begin);
        continue;
      }
      const auto* text = value.as_string();
      if (text == nullptr) {
        WrongType(fmt::format("{}.{}", option.key, Printable(name.str())), value, "a string");
        continue;
      }
      Take(option, {.text = std::string(name.str()),
                    .value = text->get(),
                    .origin = At(name.source().begin)});
    }
  }

  void ReadTests(const toml::node& node) {
    const toml::array* array = node.as_array();
    if (array == nullptr || !array->is_array_of_tables()) {
      return WrongType("test", node, "[[test]] tables");
    }
    std::vector<std::string_view> known;
    for (const TestKey& key : TestKeys()) known.push_back(key.key);
    for (const toml::node& entry : *array) {
      for (const auto& [name, list] : *entry.as_table()) {
        const std::string key(name.str());
        if (std::ranges::find(known, key) == known.end()) {
          const std::string_view meant = Nearest(key, known);
          Mistaken(name.source().begin, fmt::format("unknown key 'test.{}'", Printable(key)),
                   meant.empty() ? fmt::format("known are {}", fmt::join(known, ", "))
                                 : fmt::format("did you mean '{}'?", meant));
          continue;
        }
        ReadStrings(
            "test." + key, list,
            [&](Item item) {
              out_.document.tests.push_back(
                  {.key = key, .text = std::move(item.text), .origin = std::move(item.origin)});
            },
            out_.document.tests.size());
      }
    }
  }

  void Take(const Option& option, Item item) {
    if (const Status fits = CheckItem(option, item, out_.document.source); !fits) {
      out_.mistakes.push_back({.origin = item.origin,
                               .what = fmt::format("{}: {}", option.key, fits.error().what),
                               .remedy = fits.error().remedy});
      return;
    }
    out_.document.Of(option).items.push_back(std::move(item));
  }

  ReadPolicy out_;
  std::vector<std::string_view> known_;
};

}  // namespace

ReadPolicy ReadToml(std::string_view bytes, SourceKind source, const std::string& name) {
  return Reader(source, name).Read(bytes);
}

}  // namespace ambit::policy
