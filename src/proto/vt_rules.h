#pragma once
// What of an agent's output may reach the person's terminal, as a table: one row per decision, with
// its reason. The question behind most rows: can the terminal be made to type something that the
// agent chose, or to act outside of its window? Who calls: VtFilter; docs/terminal.md tells it.
//
// Sources: ECMA-48, "XTerm Control Sequences", the manuals of the terminals named in the rows.
#include <cstdint>
#include <span>
#include <string_view>

namespace ambit::proto {

enum class VtKind : std::uint8_t {
  kControl,  // one C0 character
  kEscape,   // ESC, intermediates, final
  kCsi,      // ESC [ prefix parameters intermediates final
  kOsc,      // ESC ] command ; payload, ended by BEL or ESC backslash
  kString,   // the other strings: DCS, SOS, PM, APC, those of screen
};

struct VtRule {  // NOLINT(clang-analyzer-optin.performance.Padding): the order of a row
  VtKind kind{};
  /// kControl: the character. kEscape: intermediates and final. kCsi: prefix, intermediates, final.
  /// kOsc: the command. kString: the character after ESC. Empty: whatever no row above has.
  std::string_view form;
  /// Numbers and ranges ("1 5-9"), or empty for any. kOsc: the command. kCsi: a row that lets pass
  /// wants the first parameter to be one of them (a mode: each), a row that drops is content with
  /// any parameter. kEscape: final characters; `form` is the one intermediate before them. kEscape
  /// and kCsi without a form: final characters that stand alone.
  std::string_view parameters;
  bool passes = false;
  std::string_view name;     // for the journal and the manual
  std::string_view example;  // the row decides about it
  std::string_view reason;
};

/// In order: of one kind the first row that fits decides; each kind ends with a row that fits all.
std::span<const VtRule> VtRules();

/// The row that decides about one sequence. `form` as in VtRule; `text`: the parameters of a CSI
/// (without prefix), the payload of an OSC (after the command's semicolon).
const VtRule& FindVtRule(VtKind kind, std::string_view form, std::string_view text = {});

}  // namespace ambit::proto
