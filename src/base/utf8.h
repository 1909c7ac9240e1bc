#pragma once
// Strict UTF-8, one character at a time. Who calls: whoever has to look at text of others.
#include <cstddef>
#include <string_view>

namespace ambit {

struct Utf8Char {
  char32_t point = 0;
  std::size_t length = 0;  // 0: not UTF-8 at this place
};

/// The first character of `text`, which is not empty. No overlong forms, no surrogates, nothing
/// above U+10FFFF.
Utf8Char DecodeUtf8(std::string_view text);

}  // namespace ambit
