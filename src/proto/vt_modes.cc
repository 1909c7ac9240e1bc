#include "proto/vt_modes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <ranges>

namespace ambit::proto {
namespace {

struct Mode {
  unsigned number = 0;
  bool dec = false;     // CSI ? number h; else CSI number h
  bool normal = false;  // what a shell expects
};

// In the order in which they are undone: what moves the cursor comes before the alternate screen,
// which brings it back.
constexpr Mode kModes[] = {
    {2026, true, false},                                         // output is held back
    {6, true, false},                                            // origin
    {69, true, false},                                           // left and right margins
    {47, true, false},                                           // alternate screen
    {1047, true, false}, {1049, true, false}, {1, true, false},  // application cursor keys
    {5, true, false},                                            // reverse video
    {7, true, true},                                             // line wrap
    {8, true, true},                                             // keys repeat
    {9, true, false},                                            // mouse, of X10
    {25, true, true},                                            // cursor visible
    {45, true, false},                                           // reverse wrap
    {66, true, false},                                           // application keypad
    {67, true, false},                                           // backspace key sends backspace
    {1000, true, false},  // mouse: buttons, highlight, drag, motion, focus, three encodings, wheel
    {1001, true, false}, {1002, true, false}, {1003, true, false}, {1004, true, false},
    {1005, true, false}, {1006, true, false}, {1007, true, false}, {1015, true, false},
    {1016, true, false}, {2004, true, false},  // bracketed paste; a shell switches it on by itself
    {2031, true, false},                       // reports light or dark
    {2048, true, false},                       // reports sizes
    {9001, true, false},                       // Windows' own key reports
    {4, false, false},                         // insert
    {12, false, true},                         // no echo by the terminal itself
    {20, false, false},                        // line feed returns
};
static_assert(std::size(kModes) == kVtTrackedModes);

constexpr bool IsAlternateScreen(const Mode& mode) {
  return mode.dec && (mode.number == 47 || mode.number == 1047 || mode.number == 1049);
}

unsigned NumberOr(std::string_view text, unsigned otherwise) {
  unsigned value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void NoteModes(VtModes& modes, bool dec, bool on, std::string_view parameters) {
  for (auto&& part : parameters | std::views::split(';')) {
    const unsigned number = NumberOr(std::string_view(part.begin(), part.end()), 0);
    for (std::size_t i = 0; i < std::size(kModes); ++i) {
      if (kModes[i].dec == dec && kModes[i].number == number) {
        modes.changed[i] = on != kModes[i].normal;
      }
    }
  }
}

/// The keyboard protocol of kitty: each screen has a stack of flags.
void NoteKeyboard(VtModes& modes, char operation, std::string_view parameters) {
  const std::size_t screen = modes.OnAlternateScreen() ? 1 : 0;
  std::uint8_t& pushed = modes.keyboards[screen];
  constexpr std::uint8_t kMost = 99;  // terminals keep fewer
  if (operation == '>') {
    pushed = std::min<std::uint8_t>(pushed + 1, kMost);
  } else if (operation == '<') {
    const unsigned popped = std::max(1U, NumberOr(parameters, 1));
    pushed = popped >= pushed ? 0 : static_cast<std::uint8_t>(pushed - popped);
  } else if (operation == '=' && pushed == 0) {
    modes.keyboard_set[screen] = NumberOr(parameters, 0) != 0;
  }
}

void UndoKeyboard(const VtModes& modes, std::size_t screen, std::string& out) {
  if (modes.keyboards[screen] > 0) out += fmt::format("\x1b[<{}u", modes.keyboards[screen]);
  if (modes.keyboard_set[screen]) out += "\x1b[=0;1u";
}

}  // namespace

bool VtModes::OnAlternateScreen() const {
  for (std::size_t i = 0; i < std::size(kModes); ++i) {
    if (changed[i] && IsAlternateScreen(kModes[i])) return true;
  }
  return false;
}

void NoteControl(VtModes& modes, char control) {
  if (control == '\x0e') modes.shifted_out = true;
  if (control == '\x0f') modes.shifted_out = false;
}

void NoteEscape(VtModes& modes, std::string_view form) {
  if (form == "c") {
    modes = {};  // full reset
  } else if (form == "=" || form == ">") {
    modes.keypad = form == "=";
  } else if (form.size() == 2 && form[0] == '(') {
    modes.character_set = form[1] != 'B';
  } else if (form == "n" || form == "o") {
    modes.shifted_out = true;  // other sets than G0, as shift out
  }
}

void NoteCsi(VtModes& modes, std::string_view form, std::string_view parameters) {
  const bool zero = parameters.empty() || parameters == "0";
  if (form == "?h" || form == "?l" || form == "h" || form == "l") {
    NoteModes(modes, form.starts_with('?'), form.ends_with('h'), parameters);
  } else if (form == "m") {
    modes.attributes = !zero;
  } else if (form == "r") {
    modes.margins = !parameters.empty();
  } else if (form == " q") {
    modes.cursor_style = !zero;
  } else if (form == ">m" && parameters.starts_with("4")) {
    modes.modified_keys = parameters.starts_with("4;") && parameters != "4;0";
  } else if (form == ">n" && parameters == "4") {
    modes.modified_keys = true;
  } else if (form.size() == 2 && form.ends_with('u')) {
    NoteKeyboard(modes, form[0], parameters);
  }
}

void NoteOsc(VtModes& modes, std::string_view command, std::string_view payload) {
  const unsigned number = NumberOr(command, 0);
  if (command == "8") {
    modes.link = !payload.ends_with(';');
  } else if (number == 4 && payload.find('?') == payload.npos) {
    modes.palette = true;
  } else if (number == 104 && payload.empty()) {
    modes.palette = false;
  } else if (number >= 10 && number <= 19) {
    // "10;black;white" is 10 and 11.
    std::size_t colour = number - 10;
    for (auto&& part : payload | std::views::split(';')) {
      if (colour == kVtDynamicColours) break;
      if (std::string_view(part.begin(), part.end()) != "?") modes.colours[colour] = true;
      ++colour;
    }
  } else if (number >= 110 && number <= 119) {
    modes.colours[number - 110] = false;
  }
}

std::string Undo(const VtModes& modes) {
  std::string out;
  bool left_the_screen = false;
  for (std::size_t i = 0; i < std::size(kModes); ++i) {
    const Mode& mode = kModes[i];
    if (!modes.changed[i]) continue;
    if (IsAlternateScreen(mode) && !left_the_screen) {
      UndoKeyboard(modes, 1, out);
      if (modes.margins) out += "\x1b[r";  // the cursor comes back with the main screen
      left_the_screen = true;
    }
    out += fmt::format("\x1b[{}{}{}", mode.dec ? "?" : "", mode.number, mode.normal ? 'h' : 'l');
  }
  UndoKeyboard(modes, 0, out);
  if (modes.margins && !left_the_screen)
    out +=
        "\x1b"
        "7\x1b[r\x1b"
        "8";
  if (modes.modified_keys) out += "\x1b[>4m";
  if (modes.keypad) out += "\x1b>";
  if (modes.character_set) out += "\x1b(B";
  if (modes.shifted_out) out += '\x0f';
  if (modes.attributes) out += "\x1b[m";
  if (modes.cursor_style) out += "\x1b[0 q";
  if (modes.link) out += "\x1b]8;;\x1b\\";
  if (modes.palette) out += "\x1b]104\x1b\\";
  for (std::size_t i = 0; i < kVtDynamicColours; ++i) {
    if (modes.colours[i]) out += fmt::format("\x1b]{}\x1b\\", 110 + i);
  }
  return out;
}

}  // namespace ambit::proto
