#include "toml_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace ambit::filtergen {

std::unexpected<Error> TomlReader::MistakeAt(toml::source_position at,
                                             const std::string& what) const {
  return Fail(Errc::kInvalidArgument, fmt::format("{}:{}:{}: {}", path_, at.line, at.column, what));
}

std::unexpected<Error> TomlReader::Mistake(const toml::node& at, const std::string& what) const {
  return MistakeAt(at.source().begin, what);
}

Status TomlReader::OnlyKeys(const toml::table& table,
                            std::initializer_list<std::string_view> known) const {
  for (const auto& [key, node] : table) {
    if (std::ranges::find(known, key.str()) == known.end()) {
      return MistakeAt(key.source().begin, fmt::format("unknown key '{}'", key.str()));
    }
  }
  return {};
}

Result<const toml::node*> TomlReader::Required(const toml::table& parent,
                                               std::string_view key) const {
  if (const toml::node* node = parent.get(key)) return node;
  return Mistake(parent, fmt::format("'{}' is missing", key));
}

Result<const toml::table*> TomlReader::Table(const toml::table& parent,
                                             std::string_view key) const {
  AMBIT_TRY(const toml::node* node, Required(parent, key));
  if (const toml::table* table = node->as_table()) return table;
  return Mistake(*node, fmt::format("'{}' is not a table", key));
}

Result<const toml::array*> TomlReader::Array(const toml::table& parent,
                                             std::string_view key) const {
  AMBIT_TRY(const toml::node* node, Required(parent, key));
  if (const toml::array* array = node->as_array()) return array;
  return Mistake(*node, fmt::format("'{}' is not a list", key));
}

Result<std::vector<const toml::table*>> TomlReader::Tables(const toml::table& parent,
                                                           std::string_view key) const {
  std::vector<const toml::table*> tables;
  if (!parent.contains(key)) return tables;
  AMBIT_TRY(const toml::array* array, Array(parent, key));
  for (const toml::node& node : *array) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return Mistake(node, fmt::format("'{}' is not a list of tables", key));
    tables.push_back(table);
  }
  return tables;
}

Result<std::string> TomlReader::Text(const toml::table& parent, std::string_view key) const {
  AMBIT_TRY(const toml::node* node, Required(parent, key));
  const auto text = node->value_exact<std::string>();
  if (!text) return Mistake(*node, fmt::format("'{}' is not text", key));
  if (text->find_first_not_of(" \t\n") == std::string::npos) {
    return Mistake(*node, fmt::format("'{}' is blank", key));
  }
  return *text;
}

Result<std::uint64_t> TomlReader::Number(const toml::table& parent, std::string_view key) const {
  AMBIT_TRY(const toml::node* node, Required(parent, key));
  const auto number = node->value_exact<std::int64_t>();
  if (!number || *number < 0) {
    return Mistake(*node, fmt::format("'{}' is not a number from 0 up", key));
  }
  return static_cast<std::uint64_t>(*number);
}

}  // namespace ambit::filtergen
