#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace ambit {

/// `text` safe to print on a terminal and inside one line: C0, DEL, C1, bidi controls and bytes
/// that are not UTF-8 become visible escapes (\n, \x1b, \u202e); a backslash becomes "\\".
std::string Printable(std::string_view text);

/// `text` as Printable gives it, but with line ends and backslashes as they are: for messages that
/// may hold names that are escaped already.
std::string WithoutControls(std::string_view text);

/// `text` as the inside of a JSON string (no quotes around it). Bytes that are not UTF-8 become
/// U+FFFD so that the result always parses.
std::string JsonEscape(std::string_view text);
void AppendJsonEscaped(std::string_view text, std::string& out);

/// `1 file`, `2 files`, `2 directories`.
std::string Count(std::size_t count, std::string_view noun);

}  // namespace ambit
