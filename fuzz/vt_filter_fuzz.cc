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

/// What a terminal writes with; kept with its cursor.
struct Pen {
  bool attributes = false;
  bool letters = false;
  bool shift = false;
  bool link = false;
  bool origin = false;
  bool operator==(const Pen&) const = default;
};

/// A small terminal: what stays when the run is over. One that `reset_resets` does with RIS what
/// xterm does, the other ignores it.
class Terminal {
 public:
  explicit Terminal(bool reset_resets) : reset_resets_(reset_resets) {}

  void Escape(std::string_view text) {
    if (text == "7") saved_ = pen_;
    if (text == "8") pen_ = saved_;
    if (text.starts_with('(')) pen_.letters = text != "(B";
    if (text == "c" && reset_resets_) *this = Terminal(true);
  }
  void Csi(std::string_view inner, char final) {
    if (final == 'm' && inner.find_first_of("<=>?") == inner.npos) {
      pen_.attributes = !inner.empty() && inner != "0";
    }
    if (final == 's' && inner.empty()) saved_ = pen_;
    if (final == 'u' && inner.empty()) pen_ = saved_;
    if (final == 'm' && inner.starts_with(">")) keys_ = inner != ">4";
    if ((final == 'h' || final == 'l') && inner.starts_with('?'))
      Modes(inner.substr(1), final == 'h');
  }
  void Osc(std::string_view content) {
    const std::size_t end = std::min(content.find(';'), content.size());
    const int command = std::atoi(std::string(content.substr(0, end)).c_str());
    std::string_view rest = content.substr(std::min(end + 1, content.size()));
    if (command == 8) pen_.link = rest.find(';') + 1 != rest.size();
    if (command >= 110 && rest.empty()) colours_.erase(command - 110);
    for (int colour = command - 10; command >= 10 && command <= 19 && colour < 10; ++colour) {
      const std::size_t semicolon = std::min(rest.find(';'), rest.size());
      const std::string_view value = rest.substr(0, semicolon);
      if (!value.empty() && value != "?") colours_.insert(colour);
      if (semicolon == rest.size()) break;
      rest.remove_prefix(semicolon + 1);
    }
  }
  void Control(char control) {
    if (control == '\x0e' || control == '\x0f') pen_.shift = control == '\x0e';
  }
  [[nodiscard]] bool IsClean() const {
    return pen_ == Pen{} && saved_ == Pen{} && !alternate_ && !keys_ && colours_.empty();
  }

 private:
  void Modes(std::string_view modes, bool on) {
    while (!modes.empty()) {
      const std::size_t end = std::min(modes.find(';'), modes.size());
      const int mode = std::atoi(std::string(modes.substr(0, end)).c_str());
      if (mode == 6) pen_.origin = on;
      if (mode == 47 || mode == 1047) alternate_ = on;
      if (mode == 1048 && on) saved_ = pen_;
      if (mode == 1048 && !on) pen_ = saved_;
      if (mode == 1049 && on && !alternate_) before_ = pen_;
      if (mode == 1049 && !on && alternate_) pen_ = before_;
      if (mode == 1049) alternate_ = on;
      modes.remove_prefix(std::min(end + 1, modes.size()));
    }
  }

  bool reset_resets_;
  bool alternate_ = false;
  bool keys_ = false;
  Pen pen_, saved_, before_;
  std::set<int> colours_;
};

/// `shown` is what the filter lets pass: every sequence is whole.
void RequireClean(std::string_view shown, bool reset_resets) {
  Terminal terminal(reset_resets);
  while (!shown.empty()) {
    std::size_t length = 1;
    if (shown[0] != '\x1b') {
      terminal.Control(shown[0]);
    } else if (shown.starts_with("\x1b]")) {
      length = shown.find_first_of("\x07\x1b", 2);
      Require(length != shown.npos);
      terminal.Osc(shown.substr(2, length - 2));
      length += shown[length] == '\x07' ? 1 : 2;
    } else if (shown.starts_with("\x1b[")) {
      length = 2;
      while (length < shown.size() && shown[length] < 0x40) ++length;
      Require(length < shown.size());
      terminal.Csi(shown.substr(2, length - 2), shown[length]);
      ++length;
    } else {
      while (length < shown.size() && shown[length] < 0x30) ++length;
      Require(length < shown.size());
      terminal.Escape(shown.substr(1, length));
      ++length;
    }
    shown.remove_prefix(std::min(length, shown.size()));
  }
  Require(terminal.IsClean());
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
  Require(passed == undone);
  // Of what was saved with the cursor the filter expects the worst; the small terminal knows.
  for (std::size_t i = 0; i < after.changed.size(); ++i) {
    Require(!after.changed[i] || after.saved[i]);
  }
  for (const bool reset_resets : {false, true}) RequireClean(out + undone, reset_resets);
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

/// None of them is the person's window's or outlasts the run: "?25;1049".
void RequireHarmlessModes(std::string_view modes) {
  const std::string all = ";" + std::string(modes.substr(1)) + ";";
  for (const char* mode :
       {";3;", ";40;", ";1040;", ";1041;", ";1042;", ";1043;", ";1044;", ";42;", ";35;", ";1034;",
        ";1036;", ";1039;", ";1045;", ";1046;", ";1060;", ";1061;", ":"}) {
    Require(!all.contains(mode));
  }
}

/// From ESC to the final character.
void RequireHarmlessEscape(std::string_view text) {
  static const std::set<std::string_view> two = {"%G", "#3", "#4", "#5", "#6", "#8"};
  if (text.size() == 2) return Require(std::string_view("78=>cDEMZ\\").contains(text[1]));
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
  const std::size_t intermediate = inner.find_first_of(" !\"#$%&'()*+,-./");
  const std::string form_with_prefix =
      std::string(inner.substr(0, inner.find_first_of("<=>?") == 0 ? 1 : 0)) +
      std::string(intermediate == inner.npos ? "" : inner.substr(intermediate)) + text[end];
  static const std::set<std::string_view> private_ones = {"?h", "?l", ">m", ">n", "?m", ">u",
                                                          "<u", "=u", "?u", ">c", "=c", ">q",
                                                          "?n", "?J", "?K", "?c", "?$p"};
  const bool is_private = inner.find_first_of("<=>?") == 0;
  Require(!is_private || private_ones.contains(form_with_prefix));
  Require(is_private || !std::string_view("ipqgWxyz{|}~]Vjk").contains(text[end]) ||
          inner.find_first_of(" !$") != inner.npos);
  Require(form_with_prefix != ">m" || std::atoi(std::string(inner.substr(1)).c_str()) == 4);
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
  Require(text[0] != '\x05' && text[0] != '\x1a');
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
    if (character.length == 0 || std::string_view("\x1b\x05\x1a").contains(text[0])) return false;
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
