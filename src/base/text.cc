#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "base/utf8.h"

namespace ambit {
namespace {

/// Characters that change how the text around them is shown without being seen themselves.
bool IsInvisible(char32_t point) {
  return (point >= 0x80 && point < 0xA0) || (point >= 0x200B && point <= 0x200F) ||
         (point >= 0x202A && point <= 0x202E) || (point >= 0x2060 && point <= 0x206F) ||
         point == 0x061C || point == 0xFEFF || point == 0x2028 || point == 0x2029 ||
         point == 0x00AD || point == 0x115F || point == 0x1160 || point == 0x180E ||
         point == 0x3164 || point == 0xFFA0 || (point >= 0xFE00 && point <= 0xFE0F) ||
         (point >= 0xFFF9 && point <= 0xFFFB) || (point >= 0xE0000 && point <= 0xE0FFF);
}

/// Nearly all of what is written; nothing about it needs a look.
bool IsPlainInJson(char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

/// JSON escapes UTF-16 units: what lies above U+FFFF takes two.
std::string JsonUnit(char32_t point) {
  const auto value = static_cast<unsigned>(point);
  if (value < 0x10000) return fmt::format("\\u{:04x}", value);
  return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((value - 0x10000) >> 10),
                     0xDC00 + ((value - 0x10000) & 0x3FF));
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Char one = DecodeUtf8(text);
    if (one.length == 0) {
      out += fmt::format("\\x{:02x}", static_cast<std::uint8_t>(text[0]));
      text.remove_prefix(1);
      continue;
    }
    if (one.point == '\\') {
      out += "\\\\";
    } else if (one.point == '\n') {
      out += "\\n";
    } else if (one.point == '\t') {
      out += "\\t";
    } else if (one.point == '\r') {
      out += "\\r";
    } else if (one.point < 0x20 || one.point == 0x7F) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(one.point));
    } else if (IsInvisible(one.point)) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(one.point));
    } else {
      out += text.substr(0, one.length);
    }
    text.remove_prefix(one.length);
  }
  return out;
}

std::string WithoutControls(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find_first_of("\n\\"), text.size());
    out += Printable(text.substr(0, plain));
    if (plain < text.size()) out += text[plain];
    text.remove_prefix(std::min(plain + 1, text.size()));
  }
  return out;
}

std::string JsonEscape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  AppendJsonEscaped(text, out);
  return out;
}

void AppendJsonEscaped(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const auto plain =
        static_cast<std::size_t>(std::ranges::find_if_not(text, IsPlainInJson) - text.begin());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const Utf8Char one = DecodeUtf8(text);
    if (one.length == 0) {
      out += "\xEF\xBF\xBD";
      text.remove_prefix(1);
      continue;
    }
    if (one.point == '"' || one.point == '\\') {
      out += '\\';
      out += static_cast<char>(one.point);
    } else if (one.point < 0x20 || one.point == 0x7F || IsInvisible(one.point)) {
      out += JsonUnit(one.point);
    } else {
      out += text.substr(0, one.length);
    }
    text.remove_prefix(one.length);
  }
}

std::string Count(std::size_t count, std::string_view noun) {
  if (count == 1) return fmt::format("1 {}", noun);
  if (noun.ends_with('s')) return fmt::format("{} {}es", count, noun);
  if (!noun.ends_with('y')) return fmt::format("{} {}s", count, noun);
  return fmt::format("{} {}ies", count, noun.substr(0, noun.size() - 1));
}

}  // namespace ambit
