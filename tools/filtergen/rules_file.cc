#include "rules_file.h"

#include <fmt/format.h>
#include <linux/audit.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <initializer_list>
#include <optional>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "call_numbers.h"
#include "toml_reader.h"

namespace ambit::filtergen {
namespace {

constexpr std::uint64_t kLow32 = 0xffff'ffff;

constexpr std::array kArchitectures = {
    Architecture{"x86_64", AUDIT_ARCH_X86_64, 0x4000'0000},
    Architecture{"aarch64", AUDIT_ARCH_AARCH64, 0},
};

class RulesParser {
 public:
  RulesParser(TomlReader reader, const Architecture& architecture)
      : reader_(reader), architecture_(architecture), numbers_(architecture.audit_token) {}

  Result<RulesFile> Parse(const toml::table& root) {
    AMBIT_CHECK(reader_.OnlyKeys(root, {"newer", "constant", "agent", "egress"}));
    AMBIT_CHECK(ReadNewerCalls(root));
    AMBIT_CHECK(ReadConstants(root));
    RulesFile file;
    AMBIT_TRY(file.agent, ReadFilter(root, "agent"));
    AMBIT_TRY(file.egress, ReadFilter(root, "egress"));
    file.names = std::move(names_);
    return file;
  }

 private:
  Status ReadNewerCalls(const toml::table& root) {
    AMBIT_TRY(const toml::table* newer, reader_.Table(root, "newer"));
    for (const auto& [scope, node] : *newer) {
      const bool ours = scope.str() == "every_architecture" || scope.str() == architecture_.name;
      if (!ours && !ArchitectureNamed(scope.str())) {
        return reader_.Mistake(node, fmt::format("no such architecture: '{}'", scope.str()));
      }
      AMBIT_TRY(const toml::table* calls, reader_.Table(*newer, scope.str()));
      for (const auto& [name, entry_node] : *calls) {
        AMBIT_TRY(const toml::table* entry, reader_.Table(*calls, name.str()));
        AMBIT_CHECK(reader_.OnlyKeys(*entry, {"number", "since"}));
        AMBIT_TRY(const std::uint64_t number, reader_.Number(*entry, "number"));
        AMBIT_TRY(const std::string since, reader_.Text(*entry, "since"));
        if (!ours) {
          numbers_.AddForeign(name.str());
        } else if (number > 0xffff ||
                   !numbers_.AddNewer(name.str(), static_cast<std::uint32_t>(number))) {
          return reader_.Mistake(entry_node,
                                 fmt::format("'{}' is not number {} here", name.str(), number));
        }
      }
    }
    return {};
  }

  Status ReadConstants(const toml::table& root) {
    AMBIT_TRY(const toml::table* constants, reader_.Table(root, "constant"));
    for (const auto& [name, node] : *constants) {
      AMBIT_TRY(constants_[std::string(name.str())], reader_.Number(*constants, name.str()));
    }
    return {};
  }

  Result<plan::FilterRules> ReadFilter(const toml::table& root, std::string_view filter) {
    AMBIT_TRY(const toml::table* table, reader_.Table(root, filter));
    AMBIT_CHECK(reader_.OnlyKeys(*table, {"unnamed", "rule"}));
    plan::FilterRules rules{.architecture = architecture_.audit_token,
                            .first_foreign_number = architecture_.first_foreign_number,
                            .unnamed = {},
                            .calls = {}};
    AMBIT_TRY(rules.unnamed, ReadAnswer(*table, "unnamed"));
    std::set<std::string> named;
    AMBIT_TRY(const auto rule_tables, reader_.Tables(*table, "rule"));
    if (rule_tables.empty()) return reader_.Mistake(*table, "no rule");
    for (const toml::table* rule : rule_tables) AMBIT_CHECK(ReadRule(*rule, named, rules));
    return rules;
  }

  Status ReadRule(const toml::table& rule, std::set<std::string>& named, plan::FilterRules& rules) {
    AMBIT_CHECK(reader_.OnlyKeys(rule, {"name", "answer", "reason", "syscalls", "unless"}));
    AMBIT_TRY(const std::string name, reader_.Text(rule, "name"));
    AMBIT_TRY(const std::string reason, reader_.Text(rule, "reason"));
    plan::Decision decision;
    AMBIT_TRY(decision.otherwise, ReadAnswer(rule, "answer"));
    AMBIT_TRY(const auto exceptions, reader_.Tables(rule, "unless"));
    for (const toml::table* exception : exceptions) {
      AMBIT_TRY(plan::Exception read, ReadException(*exception));
      decision.exceptions.push_back(std::move(read));
    }

    AMBIT_TRY(const toml::array* calls, reader_.Array(rule, "syscalls"));
    for (const toml::node& node : *calls) {
      const auto call = node.value_exact<std::string>();
      if (!call) return reader_.Mistake(node, "the name of a system call belongs here");
      if (!named.insert(*call).second) {
        return reader_.Mistake(node, fmt::format("'{}' is named twice in this filter", *call));
      }
      const auto found = numbers_.Find(*call);
      if (!found) return reader_.Mistake(node, fmt::format("unknown system call '{}'", *call));
      if (!found->number) continue;
      if (!rules.calls.try_emplace(*found->number, decision).second) {
        return reader_.Mistake(node, fmt::format("'{}' is another name of a call named before, {}",
                                                 *call, names_[*found->number]));
      }
      names_.try_emplace(*found->number, *call);
    }
    return {};
  }

  Result<plan::Exception> ReadException(const toml::table& table) {
    AMBIT_CHECK(reader_.OnlyKeys(table, {"answer", "reason", "when"}));
    AMBIT_TRY(const std::string reason, reader_.Text(table, "reason"));
    plan::Exception exception;
    AMBIT_TRY(exception.answer, ReadAnswer(table, "answer"));
    AMBIT_TRY(const auto tests, reader_.Tables(table, "when"));
    if (tests.empty()) return reader_.Mistake(table, "an exception needs a test in 'when'");
    for (const toml::table* test : tests) {
      AMBIT_TRY(plan::ArgTest read, ReadTest(*test));
      exception.tests.push_back(std::move(read));
    }
    return exception;
  }

  Result<plan::ArgTest> ReadTest(const toml::table& table) {
    AMBIT_CHECK(reader_.OnlyKeys(
        table, {"arg", "width", "mask", "is", "is_not", "any_bits", "other_bits_than"}));
    AMBIT_TRY(const std::uint64_t arg, reader_.Number(table, "arg"));
    AMBIT_TRY(const std::uint64_t width, reader_.Number(table, "width"));
    if (arg > 5) return reader_.Mistake(*table.get("arg"), "arguments are numbered 0 to 5");
    if (width != 32 && width != 64) {
      return reader_.Mistake(*table.get("width"), "width is 32 or 64");
    }
    const std::uint64_t whole = width == 32 ? kLow32 : ~std::uint64_t{0};

    std::string_view kind;
    for (const std::string_view candidate : {"is", "is_not", "any_bits", "other_bits_than"}) {
      if (!table.contains(candidate)) continue;
      if (!kind.empty()) {
        return reader_.Mistake(*table.get(candidate),
                               fmt::format("one of '{}' and '{}', not both", kind, candidate));
      }
      kind = candidate;
    }
    if (kind.empty())
      return reader_.Mistake(table, "a test needs is, is_not, any_bits or other_bits_than");
    AMBIT_TRY(const std::vector<std::uint64_t> values, ReadValues(table, kind, whole));

    plan::ArgTest test{.arg = static_cast<int>(arg), .mask = whole, .values = {}, .negated = false};
    if (kind == "any_bits" || kind == "other_bits_than") {
      if (table.contains("mask")) {
        return reader_.Mistake(*table.get("mask"), fmt::format("'{}' takes no mask", kind));
      }
      std::uint64_t bits = 0;
      for (const std::uint64_t value : values) bits |= value;
      test.mask = kind == "any_bits" ? bits : whole & ~bits;
      if (test.mask == 0) return reader_.Mistake(table, "this test looks at no bit");
      test.values = {0};
      test.negated = true;
      return test;
    }

    test.negated = kind == "is_not";
    test.values = values;
    if (const toml::node* mask = table.get("mask")) {
      AMBIT_TRY(test.mask, ReadValue(*mask, whole));
    }
    for (const std::uint64_t value : values) {
      if ((value & ~test.mask) != 0) {
        return reader_.Mistake(table, fmt::format("{:#x} has bits outside of the mask", value));
      }
    }
    std::ranges::sort(test.values);
    const auto repeated = std::ranges::unique(test.values);
    test.values.erase(repeated.begin(), repeated.end());
    return test;
  }

  Result<std::vector<std::uint64_t>> ReadValues(const toml::table& table, std::string_view key,
                                                std::uint64_t whole) {
    AMBIT_TRY(const toml::array* array, reader_.Array(table, key));
    if (array->empty()) return reader_.Mistake(*array, fmt::format("'{}' is empty", key));
    std::vector<std::uint64_t> values;
    for (const toml::node& node : *array) {
      AMBIT_TRY(const std::uint64_t value, ReadValue(node, whole));
      values.push_back(value);
    }
    return values;
  }

  Result<std::uint64_t> ReadValue(const toml::node& node, std::uint64_t whole) {
    std::optional<std::uint64_t> value;
    if (const auto constant = node.value_exact<std::string>()) {
      const auto known = constants_.find(*constant);
      if (known == constants_.end()) {
        return reader_.Mistake(node, fmt::format("unknown constant '{}'", *constant));
      }
      value = known->second;
    } else if (const auto number = node.value_exact<std::int64_t>(); number && *number >= 0) {
      value = static_cast<std::uint64_t>(*number);
    }
    if (!value) return reader_.Mistake(node, "a number or the name of a constant belongs here");
    if ((*value & ~whole) != 0) return reader_.Mistake(node, "wider than the argument");
    return *value;
  }

  Result<plan::Answer> ReadAnswer(const toml::table& table, std::string_view key) {
    AMBIT_TRY(const std::string word, reader_.Text(table, key));
    for (const plan::NamedAnswer& named : plan::kNamedAnswers) {
      if (named.name == word) return named.answer;
    }
    return reader_.Mistake(*table.get(key), fmt::format("unknown answer '{}'", word));
  }

  TomlReader reader_;
  Architecture architecture_;
  CallNumbers numbers_;
  std::map<std::string, std::uint64_t, std::less<>> constants_;
  std::map<std::uint32_t, std::string> names_;
};

}  // namespace

Result<Architecture> ArchitectureNamed(std::string_view name) {
  const auto* found = std::ranges::find(kArchitectures, name, &Architecture::name);
  if (found != kArchitectures.end()) return *found;
  return Fail(Errc::kUnsupported, fmt::format("no filter for architecture '{}'", name));
}

Result<RulesFile> ParseRules(std::string_view text, std::string_view path,
                             const Architecture& architecture) {
  const toml::parse_result parsed = toml::parse(text, path);
  const TomlReader reader(path);
  if (!parsed) {
    return reader.MistakeAt(parsed.error().source().begin,
                            std::string(parsed.error().description()));
  }
  return RulesParser(reader, architecture).Parse(parsed.table());
}

Result<RulesFile> ReadRules(const std::string& path, const Architecture& architecture) {
  std::ifstream file(path);
  if (!file) return FailErrno(errno, fmt::format("open '{}'", path));
  std::ostringstream text;
  text << file.rdbuf();
  return ParseRules(text.str(), path, architecture);
}

}  // namespace ambit::filtergen
