#pragma once
// Names as a careless file system or program compares them: without case, compatibility forms and
// invisible characters of Unicode, Windows' trailing dots, streams and short names. Only used to
// compare with names in ASCII; other characters stay as they are. Who calls: the gate. Pure.
#include <string>
#include <string_view>
#include <vector>

namespace ambit::review {

char AsciiLower(char c);

/// Bytes that are not UTF-8 are dropped, as whoever reads leniently does.
std::string FoldName(std::string_view text);

struct FoldedPath {
  std::vector<std::string> components;  // none is empty or "."
  bool climbs = false;                  // one is ".."
};

/// Both kinds of slash divide, also those that appear only by folding.
FoldedPath FoldPath(std::string_view path);

/// Whether `name`, folded, is a form like GIT~1 that Windows may give to `long_name`.
bool IsShortNameOf(std::string_view name, std::string_view long_name);

}  // namespace ambit::review
