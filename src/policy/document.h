#pragma once
// What one source says, as it was written, before it meets the others: the values that the reader
// makes, presets are made of, flags become, and the merge joins. Plain values.
#include <cstdint>
#include <string>
#include <vector>

#include "policy/options.h"

namespace ambit::policy {

/// Weakest claim first; the managed policy bounds all others.
enum class SourceKind : std::uint8_t { kPreset, kUser, kProject, kFile, kFlags, kManaged };

/// Where something was said. Files count lines and columns from 1; a flag has none.
struct Origin {
  SourceKind source = SourceKind::kFlags;
  std::string name;  // "ambit.toml", "preset claude", "--ro"
  unsigned line = 0;
  unsigned column = 0;
  bool operator==(const Origin&) const = default;
};

/// "ambit.toml:3:9", "preset claude:4:7", "--ro".
std::string Describe(const Origin& origin);

/// One entry of a list or table, or the one value of a choice.
struct Item {
  std::string text;   // kVariables, kFiles: the name
  std::string value;  // kVariables, kFiles
  Origin origin;
};

struct Setting {
  const Option* option = nullptr;
  std::vector<Item> items;
};

/// One entry of a `[[test]]` table.
struct TestCase {
  std::string key;  // one of TestKeys()
  std::string text;
  Origin origin;
};

struct Document {
  SourceKind source = SourceKind::kFlags;
  std::string name;
  bool trusted = true;            // kProject: false until a person trusts what it says
  bool around = false;            // kProject: of one around the run's, so it only tightens
  std::vector<Setting> settings;  // no option twice
  std::vector<TestCase> tests;
  std::vector<std::string> commands;    // kPreset: basenames that choose it
  std::string about;                    // kPreset: one line
  std::vector<std::string> registries;  // kPreset: names of ecosystems, registries.h

  const Setting* Find(std::string_view key) const;
  /// The option's setting, empty when nothing was said of it: an empty list is a bound as well.
  Setting& Of(const Option& option);
};

/// One thing that is wrong in a source.
struct Mistake {
  Origin origin;
  std::string what;
  std::string remedy;  // may be empty
};

/// One line for a person: "ambit.toml:3:9: unknown key 'fs.hid'; did you mean 'fs.hide'?".
std::string Describe(const Mistake& mistake);

}  // namespace ambit::policy
