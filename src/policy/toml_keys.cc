#include "policy/toml_keys.h"

#include <algorithm>
#include <cstddef>

namespace ambit::policy {
namespace {

bool IsOfBareKey(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || (c & '\x80') != 0;
}

void SkipBlanks(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
}

/// One part of a key, bare or quoted. False: none stands here.
bool SkipPart(std::string_view& rest) {
  if (rest.empty()) return false;
  const char quote = rest[0];
  if (quote != '"' && quote != '\'') {
    const auto* const end = std::ranges::find_if_not(rest, IsOfBareKey);
    const auto length = static_cast<std::size_t>(end - rest.begin());
    rest.remove_prefix(length);
    return length > 0;
  }
  for (std::size_t i = 1; i < rest.size() && rest[i] != '\n'; ++i) {
    if (rest[i] == '\\' && quote == '"') {
      ++i;
    } else if (rest[i] == quote) {
      rest.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

}  // namespace

unsigned LineOfDeepKey(std::string_view bytes) {
  unsigned line = 1;
  unsigned parts = 1;
  for (std::string_view rest = bytes; !rest.empty();) {
    if (rest[0] != '.') {
      if (rest[0] == '\n') ++line;
      rest.remove_prefix(1);
      continue;
    }
    rest.remove_prefix(1);
    std::string_view after = rest;
    SkipBlanks(after);
    if (!SkipPart(after)) {
      parts = 1;
      continue;
    }
    if (++parts > kMaxKeyParts) return line;
    SkipBlanks(after);
    if (!after.starts_with('.')) parts = 1;
    rest = after;
  }
  return 0;
}

}  // namespace ambit::policy
