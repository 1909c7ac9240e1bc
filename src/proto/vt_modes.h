#pragma once
// What an agent has switched on at the person's terminal and not off again, and how it is undone.
// Who calls: VtFilter notes, the relay and the keeper of the terminal undo.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace ambit::proto {

constexpr std::size_t kVtTrackedModes = 32;
constexpr std::size_t kVtDynamicColours = 10;  // OSC 10 to 19

/// Single bytes, each true by itself: the keeper reads this in shared memory when the process that
/// wrote it was killed at any instruction.
struct VtModes {
  std::array<bool, kVtTrackedModes> changed{};  // see kModes in vt_modes.cc
  std::array<bool, kVtDynamicColours> colours{};
  std::array<std::uint8_t, 2> keyboards{};  // kitty's flags pushed, [1]: alternate screen
  std::array<bool, 2> keyboard_set{};       // its flags set without a push
  bool palette = false;
  bool attributes = false;  // SGR
  bool margins = false;
  bool cursor_style = false;
  bool modified_keys = false;  // xterm's modifyOtherKeys
  bool keypad = false;
  bool character_set = false;
  bool shifted_out = false;
  bool link = false;

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
