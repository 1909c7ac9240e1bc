#pragma once
// toml++ 3.3 bounds how deep values are nested, but not of how many parts a key `a.b.c` is made:
// half a million of them, in a file of a megabyte, end the program where the tables they stand for
// are taken down, one inside the other.
// Who calls: whoever parses TOML, before. Pure, no errors.
#include <string_view>

namespace ambit::policy {

inline constexpr unsigned kMaxKeyParts = 40;  // a name of ip6.arpa, as a value, has 34

/// The line, from 1, of a key with more parts than that; 0: there is none. What looks like one
/// inside a string or a comment counts as well.
unsigned LineOfDeepKey(std::string_view bytes);

}  // namespace ambit::policy
