#pragma once
// Typed reads of a TOML table in which every mistake carries its place in the file.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ambit::filtergen {

class TomlReader {
 public:
  /// `path` is for messages and must outlive the reader.
  explicit TomlReader(std::string_view path) : path_(path) {}

  /// kInvalidArgument: `path:line:column: what`.
  [[nodiscard]] std::unexpected<Error> Mistake(const toml::node& at, const std::string& what) const;
  [[nodiscard]] std::unexpected<Error> MistakeAt(toml::source_position at,
                                                 const std::string& what) const;

  Status OnlyKeys(const toml::table& table, std::initializer_list<std::string_view> known) const;
  Result<const toml::table*> Table(const toml::table& parent, std::string_view key) const;
  Result<const toml::array*> Array(const toml::table& parent, std::string_view key) const;
  /// An array of tables; empty when there is none.
  Result<std::vector<const toml::table*>> Tables(const toml::table& parent,
                                                 std::string_view key) const;
  /// Not blank.
  Result<std::string> Text(const toml::table& parent, std::string_view key) const;
  /// Not negative.
  Result<std::uint64_t> Number(const toml::table& parent, std::string_view key) const;

 private:
  Result<const toml::node*> Required(const toml::table& parent, std::string_view key) const;

  std::string_view path_;
};

}  // namespace ambit::filtergen
