#pragma once
// The settings of another sandbox as an `ambit.toml`: what maps, with its origin on each line; what
// holds here without a line; and what has no equivalent. Nothing is left out silently.
// The others show the whole machine but for what they deny, ambit shows what is listed: what they
// deny outside of the project becomes a test that it is hidden, what they allow a line.
// Who calls: cli. Pure but for `ImportHost::kind`.
// Errors: those of import_tree.h; kInvalidArgument when the settings are no table.
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "policy/options.h"

namespace ambit::policy {

enum class PathKind : std::uint8_t { kAbsent, kFile, kDirectory };

/// What is asked of the machine. Paths are absolute and have no slash at the end.
struct ImportHost {
  std::string home;
  std::string project;
  std::function<PathKind(const std::string& path)> kind;
};

struct ImportFile {
  std::string name;  // as a person knows it
  std::string text;
  std::string base;  // absolute: what its relative paths stand below
};

/// A setting, `filesystem.denyRead "~/.ssh"`, and what became of it.
struct ImportNote {
  std::string setting;
  std::string why;
};

struct ImportLine {
  const Option* option = nullptr;
  std::string text;
  std::string value;    // kVariables
  std::string comment;  // its origin
};

struct ImportTest {
  std::string_view key;  // of TestKeys()
  std::string text;
  std::string comment;
};

struct Imported {
  std::vector<ImportLine> lines;
  std::vector<ImportTest> tests;
  std::vector<ImportNote> holding;  // needs no line
  std::vector<ImportNote> missing;  // has no equivalent
};

struct ImportFormat {
  std::string_view name;    // "srt"
  std::string_view about;   // whose settings these are
  std::string_view source;  // where its settings are described
  std::string_view caveat;  // one sentence about how far the import goes; may be empty
};

/// Sorted by name.
std::span<const ImportFormat> ImportFormats();

/// nullptr when there is none of that name.
const ImportFormat* FindImportFormat(std::string_view name);

/// `files`: the weakest claim first.
Result<Imported> Import(const ImportFormat& format, std::span<const ImportFile> files,
                        const ImportHost& host);

/// A policy file that ReadToml takes without a mistake; no control character is in it but line
/// ends.
std::string ToToml(const Imported& imported, const ImportFormat& format,
                   std::span<const ImportFile> files);

}  // namespace ambit::policy
