#pragma once
// What an agent has switched on at the person's terminal and not off again, and how it is undone.
// What cannot be told for certain to be off stays noted: a reset does not reset the same things
// everywhere (tmux keeps the colours and the alternate screen), and undoing twice does no harm.
// What was never touched is the person's own and is left alone.
// Who calls: VtFilter notes, the relay and the keeper of the terminal undo.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace ambit::proto {

constexpr std::size_t kVtTrackedModes = 35;
constexpr std::size_t kVtDynamicColours = 10;  // OSC 10 to 19

/// Single bytes, each true by itself: the keeper reads this in shared memory when the process that
/// wrote it was killed at any instruction.
struct VtModes {
  std::array<bool, kVtTrackedModes> changed{};  // see kModes in vt_modes.cc
  std::array<bool, kVtTrackedModes> saved{};    // with the cursor, by ESC 7 and its kin
  std::array<bool, kVtDynamicColours> colours{};
  std::array<std::uint8_t, 2> keyboards{};  // kitty's flags pushed, [1]: alternate screen
  std::array<bool, 2> keyboard_set{};       // its flags set without a push
  bool screen_unsure = false;               // which of the two screens is shown
  bool palette = false;
  bool pen = false;                   // attributes or G0 or the shift or what saves them
  std::array<bool, 3> letter_sets{};  // G1 to G3
  bool link = false;
  bool margins = false;
  bool cursor_style = false;
  bool console_cursor = false;  // Linux's
  bool modified_keys = false;   // xterm's modifyOtherKeys
  bool keypad = false;
  bool progress = false;

  [[nodiscard]] bool OnAlternateScreen() const;
  bool operator==(const VtModes&) const = default;
};

/// Notes sequences that VtFilter lets pass; arguments as of FindVtRule.
void NoteControl(VtModes& modes, char control);
void NoteEscape(VtModes& modes, std::string_view form);
void NoteCsi(VtModes& modes, std::string_view form, std::string_view parameters);
void NoteOsc(VtModes& modes, std::string_view command, std::string_view payload);

/// What makes the terminal one that a shell can use; empty when nothing is to be done.
std::string Undo(const VtModes& modes);

}  // namespace ambit::proto
