// Property: what the filter shows does not depend on where chunks end; filtered once more it stays
// as it is; it has no 8-bit control and no sequence that is open, unknown or forbidden, by a
// scanner that knows nothing of the filter's states; and text comes out as it went in.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "proto/vt_filter.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

std::string Shown(std::string_view bytes, std::size_t chunk) {
  ambit::proto::VtModes modes;
  ambit::proto::VtFilter filter(modes);
  std::string out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(chunk, bytes.size()))) {
    filter.Filter(bytes.substr(0, chunk), out);
  }
  // What is left on is undone by sequences that would pass.
  const std::string undone = Undo(modes);
  ambit::proto::VtModes after = modes;
  ambit::proto::VtFilter again(after);
  std::string passed;
  again.Filter(undone, passed);
  Require(passed == undone && Undo(after).empty());
  return out;
}

/// Whole and well-formed OSC at the start; its length.
std::size_t RequireHarmlessOsc(std::string_view text) {
  const std::size_t end = text.find_first_of("\x07\x1b", 2);
  Require(end != text.npos);
  const std::string_view content = text.substr(2, end - 2);
  for (const char c : content) Require(c >= 0x20 && c < 0x7f);
  const std::string_view command = content.substr(0, content.find(';'));
  Require(!command.empty() && command.find_first_not_of("0123456789") == command.npos);
  const int number = command.size() < 9 ? std::atoi(std::string(command).c_str()) : -1;
  Require(number == 4 || number == 8 || number == 9 || (number >= 10 && number <= 19) ||
          number == 104 || (number >= 110 && number <= 119));
  if (content.starts_with("8;")) {
    const std::string_view target = content.substr(content.find(';', 2) + 1);
    Require(target.empty() || target.starts_with("http"));
  }
  if (text[end] == '\x07') return end + 1;
  Require(text.substr(end, 2) == "\x1b\\");
  return end + 2;
}

/// None of them is the person's window's: "?25;1049".
void RequireHarmlessModes(std::string_view modes) {
  const std::string all = ";" + std::string(modes.substr(1)) + ";";
  for (const char* mode : {";3;", ";40;", ";1040;", ";1041;", ";1042;", ";1043;", ";1044;"}) {
    Require(!all.contains(mode));
  }
}

/// From ESC to the final character.
void RequireHarmlessEscape(std::string_view text) {
  static const std::set<std::string_view> two = {"%G", "#3", "#4", "#5", "#6", "#8"};
  if (text.size() == 2) return;
  const bool designates =
      std::string_view("()*+").contains(text[1]) && std::string_view("012ABKU").contains(text[2]);
  Require(text.size() == 3 && (designates || two.contains(text.substr(1))));
}

std::size_t RequireHarmlessCsi(std::string_view text) {
  std::size_t end = 2;
  while (end < text.size() && text[end] >= 0x20 && text[end] < 0x40) ++end;
  Require(end < text.size() && text[end] >= 0x40 && text[end] < 0x7f);
  const std::string_view inner = text.substr(2, end - 2);
  const std::size_t digits = std::min(inner.find_first_not_of("0123456789;:"), inner.size());
  const std::string form = std::string(inner.substr(digits)) + text[end];
  static const std::set<std::string_view> forbidden = {"i", "?i", ">t", ">T"};
  Require(!forbidden.contains(form));
  const std::size_t intermediate = inner.find_first_of(" !\"#$%&'()*+,-./");
  if (intermediate != std::string_view::npos) {
    static const std::set<std::string_view> known = {" q", "!p", "$p"};
    Require(known.contains(std::string(inner.substr(intermediate)) + text[end]));
  }
  if (form == "t") {
    const int operation = std::atoi(std::string(inner).c_str());
    Require(operation == 11 || (operation >= 13 && operation <= 19));
  }
  const bool switches_off = text[end] == 'l' && inner.starts_with('?');
  Require(!switches_off || (inner != "?2" && !inner.ends_with(";2")));
  if ((text[end] == 'h' || text[end] == 'l') && inner.starts_with('?')) RequireHarmlessModes(inner);
  return end + 1;
}

std::size_t RequireHarmless(std::string_view text) {
  Require(text[0] != '\x05');
  if (text[0] != '\x1b') {
    const ambit::Utf8Char character = ambit::DecodeUtf8(text);
    if (character.length == 0) return 1;
    Require(character.point < 0x80 || character.point > 0x9f);
    return character.length;
  }
  Require(text.size() >= 2);
  Require(std::string_view("PX^_k!\"").find(text[1]) == std::string_view::npos);
  if (text[1] == ']') return RequireHarmlessOsc(text);
  if (text[1] == '[') return RequireHarmlessCsi(text);
  std::size_t end = 1;
  while (end < text.size() && text[end] >= 0x20 && text[end] < 0x30) ++end;
  Require(end < text.size() && text[end] >= 0x30 && text[end] < 0x7f);
  RequireHarmlessEscape(text.substr(0, end + 1));
  return end + 1;
}

bool IsText(std::string_view text) {
  while (!text.empty()) {
    const ambit::Utf8Char character = ambit::DecodeUtf8(text);
    if (character.length == 0 || text[0] == '\x1b' || text[0] == '\x05') return false;
    if (character.point >= 0x80 && character.point <= 0x9f) return false;
    text.remove_prefix(character.length);
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string shown = Shown(text, text.size() + 1);
  Require(Shown(text, 1) == shown);
  Require(Shown(text, 7) == shown);
  Require(Shown(shown, shown.size() + 1) == shown);
  if (IsText(text)) Require(shown == text);
  for (std::string_view rest = shown; !rest.empty();) rest.remove_prefix(RequireHarmless(rest));
  return 0;
}
