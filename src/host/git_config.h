#pragma once
// Reads git's configuration syntax without git, so that nothing a repository says is executed.
// The bytes are hostile: the size, the number of lines and their length are bounded, NUL and
// anything git itself would reject is an error. Nothing is expanded and `include` is not followed,
// except by ReadUserIdentity, which reads the user's own files.
// Who calls: git_project (what must not be seen inside), plan (the identity that crosses).
// Syntax source: git-config(1), "Syntax". Errors: kInvalidArgument names the line, kLimit the
// bound.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ambit::host {

/// A range of bytes of the parsed text.
struct ByteSpan {
  std::size_t offset = 0;
  std::size_t length = 0;
  friend bool operator==(const ByteSpan&, const ByteSpan&) = default;
};

struct GitConfigSection {
  std::string name;        // lower case
  std::string subsection;  // as written between the quotes; lower case in the old [a.b] form
  ByteSpan header;         // from '[' to ']'
};

struct GitConfigEntry {
  std::string section;               // lower case
  std::string subsection;            // see GitConfigSection
  std::string key;                   // lower case
  std::optional<std::string> value;  // nullopt for a bare key, which git reads as true
  ByteSpan value_span;  // the value as written, quotes and continuations included; empty if bare
  ByteSpan span;        // from the key to the end of the value
};

/// Everything in the order of the file.
struct GitConfig {
  std::vector<GitConfigSection> sections;
  std::vector<GitConfigEntry> entries;
  std::vector<ByteSpan> comments;  // from '#' or ';' to before the end of the line
};

inline constexpr std::size_t kMaxGitConfigBytes = 1U << 20;
inline constexpr std::size_t kMaxGitConfigLines = 20000;
inline constexpr std::size_t kMaxGitConfigLineBytes = 64U << 10;

Result<GitConfig> ParseGitConfig(std::string_view bytes);

/// `value` written so that ParseGitConfig and git read exactly it back; always quoted.
/// Precondition: no NUL.
std::string QuoteGitConfigValue(std::string_view value);

/// The same configuration without what authenticates: user names and passwords of URLs (in values,
/// subsection names and comments), http.*.extraheader, credential.*, and keys that hold a password
/// or a token. Every other byte stays. A user without a password stays for schemes other than
/// http and https (ssh://git@host); there a token often stands in the user's place.
/// nullopt: nothing had to go. An error: it cannot be parsed, so nobody can know.
Result<std::optional<std::string>> WithoutCredentials(std::string_view bytes);

struct UserIdentity {
  std::optional<std::string> name;
  std::optional<std::string> email;
};

/// user.name and user.email as git would find them in the user's own files: first
/// `xdg_config_home`/git/config (`home_dir`/.config when empty), then `home_dir`/.gitconfig, later
/// values winning; include.path is followed to depth 5, includeIf is not. Files that are missing,
/// not plain, too large or not parsable count as empty: a commit inside then asks for a name.
UserIdentity ReadUserIdentity(std::string_view home_dir, std::string_view xdg_config_home);

}  // namespace ambit::host
