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
    {12, true, false},                                           // cursor blinks
    {25, true, true},                                            // cursor visible
    {45, true, false},                                           // reverse wrap
    {66, true, false},                                           // application keypad
    {67, true, false},                                           // backspace key sends backspace
    {1000, true, false},  // mouse: buttons, highlight, drag, motion, focus, three encodings, wheel
    {1001, true, false}, {1002, true, false}, {1003, true, false}, {1004, true, false},
    {1005, true, false}, {1006, true, false}, {1007, true, false}, {1015, true, false},
    {1016, true, false}, {2004, true, false},  // bracketed paste; a shell switches it on by itself
    {2027, true, false},                       // clusters of characters
    {2031, true, false},                       // reports light or dark
    {2048, true, false},                       // reports sizes
    {9001, true, false},                       // Windows' own key reports
    {4, false, false},                         // insert
    {12, false, true},                         // no echo by the terminal itself
    {20, false, false},                        // line feed returns
    {34, false, true},                         // cursor of screen: not very visible
};
static_assert(std::size(kModes) == kVtTrackedModes);

constexpr bool IsAlternateScreen(const Mode& mode) {
  return mode.dec && (mode.number == 47 || mode.number == 1047 || mode.number == 1049);
}

std::string Normal(const Mode& mode) {
  return fmt::format("\x1b[{}{}{}", mode.dec ? "?" : "", mode.number, mode.normal ? 'h' : 'l');
}

unsigned NumberOr(std::string_view text, unsigned otherwise) {
  unsigned value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Kitty keeps reverse video, origin and line wrap with the cursor, others the origin.
constexpr bool IsSavedWithCursor(const Mode& mode) {
  return mode.dec && mode.number >= 5 && mode.number <= 7;
}

void NoteSave(VtModes& modes) {
  for (std::size_t i = 0; i < std::size(kModes); ++i) {
    if (!IsSavedWithCursor(kModes[i]) || !modes.changed[i]) continue;
    modes.saved[i] = true;
    modes.pen = true;
  }
}

/// What was never saved may be brought back, too: what a program before the run has left there.
void NoteRestore(VtModes& modes) {
  modes.pen = true;
  for (std::size_t i = 0; i < std::size(kModes); ++i) modes.changed[i] |= modes.saved[i];
}

bool IsZero(std::string_view parameters) { return parameters.empty() || parameters == "0"; }

/// Terminals differ in whether one number leaves the screen that another has entered.
void NoteScreen(VtModes& modes, const Mode& mode) {
  for (std::size_t i = 0; i < std::size(kModes); ++i) {
    if (IsAlternateScreen(kModes[i]) && kModes[i].number != mode.number && modes.changed[i]) {
      modes.screen_unsure = true;
    }
  }
}

void NoteModes(VtModes& modes, bool dec, bool on, std::string_view parameters) {
  for (auto&& part : parameters | std::views::split(';')) {
    const unsigned number = NumberOr(std::string_view(part.begin(), part.end()), 0);
    for (std::size_t i = 0; i < std::size(kModes); ++i) {
      if (kModes[i].dec == dec && kModes[i].number == number) {
        if (IsAlternateScreen(kModes[i])) NoteScreen(modes, kModes[i]);
        modes.changed[i] = on != kModes[i].normal;
      }
    }
    if (!dec || (number != 1048 && number != 1049)) continue;
    if (on) {
      NoteSave(modes);
    } else {
      NoteRestore(modes);
    }
  }
}

/// Terminals keep fewer; from here on it is not counted any more.
constexpr std::uint8_t kManyKeyboards = 99;

/// The keyboard protocol of kitty: each screen has a stack of flags. "=" changes the topmost.
void NoteKeyboardOf(VtModes& modes, std::size_t screen, char operation, unsigned count) {
  std::uint8_t& pushed = modes.keyboards[screen];
  if (operation == '>') {
    pushed = std::min<std::uint8_t>(pushed + 1, kManyKeyboards);
  } else if (operation == '=' && pushed == 0) {
    modes.keyboard_set[screen] = true;
  } else if (operation == '<' && !modes.screen_unsure && pushed < kManyKeyboards) {
    pushed = count >= pushed ? 0 : static_cast<std::uint8_t>(pushed - count);
  }
}

void NoteKeyboard(VtModes& modes, char operation, std::string_view parameters) {
  const bool alternate = modes.OnAlternateScreen();
  const unsigned count = NumberOr(parameters, parameters.empty() ? 1 : 0);
  if (!alternate || modes.screen_unsure) NoteKeyboardOf(modes, 0, operation, count);
  if (alternate || modes.screen_unsure) NoteKeyboardOf(modes, 1, operation, count);
}

bool HasKeyboard(const VtModes& modes, std::size_t screen) {
  return modes.keyboards[screen] > 0 || modes.keyboard_set[screen];
}

void UndoKeyboard(const VtModes& modes, std::size_t screen, std::string& out) {
  const unsigned pushed = modes.keyboards[screen];
  constexpr unsigned kAll = 9999;
  if (pushed > 0) out += fmt::format("\x1b[<{}u", pushed < kManyKeyboards ? pushed : kAll);
  if (modes.keyboard_set[screen]) out += "\x1b[=0;1u";
}

bool LeavesAlternateScreen(const VtModes& modes) {
  return modes.screen_unsure || modes.OnAlternateScreen() || HasKeyboard(modes, 1);
}

/// Where it is not certain that the alternate screen is shown it is entered first: leaving it
/// brings a cursor back that only entering it saves.
void LeaveAlternateScreen(const VtModes& modes, std::string& out) {
  if (!LeavesAlternateScreen(modes)) return;
  const bool enter = modes.screen_unsure || !modes.OnAlternateScreen();
  if (enter) out += "\x1b[?1049h";
  UndoKeyboard(modes, 1, out);
  if (modes.margins) out += "\x1b[r";  // the cursor comes back with the main screen
  if (enter) out += "\x1b[?1049l";
  for (std::size_t i = 0; i < std::size(kModes); ++i) {
    if (!IsAlternateScreen(kModes[i]) || !modes.changed[i]) continue;
    if (!enter || kModes[i].number != 1049) out += fmt::format("\x1b[?{}l", kModes[i].number);
  }
  for (std::size_t i = 0; i < std::size(kModes); ++i) {
    if (modes.saved[i]) out += Normal(kModes[i]);  // came back with the cursor
  }
}

/// Saves the clean state last, so that no later "restore" brings the agent's back: terminals keep
/// attributes, sets and shift with the cursor.
void UndoPen(const VtModes& modes, std::string& out) {
  if (modes.link) out += "\x1b]8;;\x1b\\";
  if (!modes.pen && !modes.link && !modes.margins) return;  // margins: saved by Undo itself
  out += "\x1b[m\x1b(B";
  for (std::size_t i = 0; i < modes.letter_sets.size(); ++i) {
    if (modes.letter_sets[i]) out += fmt::format("\x1b{}B", ")*+"[i]);
  }
  out +=
      "\x0f\x1b"
      "7";
}

void UndoColours(const VtModes& modes, std::string& out) {
  if (modes.palette) out += "\x1b]104\x1b\\";
  for (std::size_t i = 0; i < kVtDynamicColours; ++i) {
    if (modes.colours[i]) out += fmt::format("\x1b]{}\x1b\\", 110 + i);
  }
}

/// "1;#fff;2;?" sets one.
bool SetsPalette(std::string_view payload) {
  bool is_index = true;
  for (auto&& part : payload | std::views::split(';')) {
    if (!is_index && std::string_view(part.begin(), part.end()) != "?") return true;
    is_index = !is_index;
  }
  return false;
}

/// "black;?;white" of 10 sets 10 and 12.
void NoteColours(VtModes& modes, std::size_t colour, std::string_view payload) {
  for (auto&& part : payload | std::views::split(';')) {
    if (colour == kVtDynamicColours) break;
    if (std::string_view(part.begin(), part.end()) != "?") modes.colours[colour] = true;
    ++colour;
  }
}

}  // namespace

bool VtModes::OnAlternateScreen() const {
  for (std::size_t i = 0; i < std::size(kModes); ++i) {
    if (changed[i] && IsAlternateScreen(kModes[i])) return true;
  }
  return false;
}

void NoteControl(VtModes& modes, char control) {
  if (control == '\x0e') modes.pen = true;
}

void NoteEscape(VtModes& modes, std::string_view form) {
  if (form == "c") {
    if (modes.OnAlternateScreen()) modes.screen_unsure = true;
  } else if (form == "=" || form == ">") {
    modes.keypad = form == "=";
  } else if (form == "7") {
    NoteSave(modes);
  } else if (form == "8") {
    NoteRestore(modes);
  } else if (form.size() == 2 && std::string_view("()*+").contains(form[0]) && form != "(B") {
    modes.pen = true;
    if (form[0] != '(') modes.letter_sets[static_cast<std::size_t>(form[0] - ')')] = true;
  }
}

void NoteCsi(VtModes& modes, std::string_view form, std::string_view parameters) {
  if (form == "?h" || form == "?l" || form == "h" || form == "l") {
    NoteModes(modes, form.starts_with('?'), form.ends_with('h'), parameters);
  } else if (form == "m") {
    modes.pen |= !IsZero(parameters);
  } else if (form == "s") {
    NoteSave(modes);
  } else if (form == "u") {
    NoteRestore(modes);
  } else if (form == "r") {
    modes.margins = !parameters.empty();
  } else if (form == " q") {
    modes.cursor_style = !IsZero(parameters);
  } else if (form == "?c") {
    modes.console_cursor |= !IsZero(parameters);
  } else if (form == ">m" || form == ">n") {
    modes.modified_keys = true;
  } else if (form.size() == 2 && form.ends_with('u')) {
    NoteKeyboard(modes, form[0], parameters);
  }
}

void NoteOsc(VtModes& modes, std::string_view command, std::string_view payload) {
  const unsigned number = NumberOr(command, 0);
  if (number == 4) {
    modes.palette |= SetsPalette(payload);
  } else if (number == 8) {
    modes.link |= payload != ";";
  } else if (number == 9) {
    modes.progress = true;
  } else if (number >= 10 && number <= 19) {
    NoteColours(modes, number - 10, payload);
  }
}

std::string Undo(const VtModes& modes) {
  std::string out;
  if (modes.margins && !LeavesAlternateScreen(modes))
    out +=
        "\x1b"
        "7\x1b[r\x1b"
        "8";
  for (std::size_t i = 0; i < std::size(kModes); ++i) {
    const Mode& mode = kModes[i];
    if (IsAlternateScreen(mode)) {
      if (mode.number == 47) LeaveAlternateScreen(modes, out);
    } else if (modes.changed[i]) {
      out += Normal(mode);
    }
  }
  UndoKeyboard(modes, 0, out);
  if (modes.modified_keys) out += "\x1b[>4m";
  if (modes.keypad) out += "\x1b>";
  if (modes.cursor_style) out += "\x1b[0 q";
  if (modes.console_cursor) out += "\x1b[?0c";
  UndoColours(modes, out);
  if (modes.progress) out += "\x1b]9;4;0\x1b\\";
  UndoPen(modes, out);
  return out;
}

}  // namespace ambit::proto
