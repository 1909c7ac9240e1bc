#pragma once
// Lets an agent's output through to the person's terminal, but for what vt_rules.h drops. No I/O.
// Who calls: the relay of the terminal, with chunks as they come; pipes and files are never
// filtered.
//
// What comes out is text, single control characters, and whole sequences of plain 7-bit form: none
// is left open, none is longer than the limit below, and no 8-bit control comes out at all (each
// becomes U+FFFD), so the terminal's parser is never anywhere but where the filter's is. The
// terminal takes its input for UTF-8. A control character in the middle of a sequence comes out
// before it, as terminals do it. Chunks may end anywhere. Text is never held back; of a sequence at
// most kLongest bytes are. States after Paul Flo Williams, "A parser for DEC's ANSI-compatible
// video terminals".
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/vt_modes.h"
#include "proto/vt_rules.h"

namespace ambit::proto {

class VtFilter {
 public:
  static constexpr std::size_t kLongest = 4096;

  /// Notes in `modes`, which outlives the filter, what the agent has switched on.
  explicit VtFilter(VtModes& modes) : modes_(modes), dropped_(VtRules().size()) {}

  /// Appends to `out` what of `bytes` may be shown.
  void Filter(std::string_view bytes, std::string& out);

  struct Dropped {
    std::string_view name;  // VtRule::name
    std::uint64_t count = 0;
  };
  /// What rows of the table dropped, in its order; one entry a name.
  [[nodiscard]] std::vector<Dropped> dropped() const;

 private:
  enum class State : std::uint8_t { kGround, kEscape, kCsi, kOsc, kOtherString, kStringEscape };

  void Take(unsigned char byte, std::string& out);
  void TakeGround(unsigned char byte, std::string& out);
  void TakeHigh(unsigned char byte, std::string& out);
  void TakeEscape(unsigned char byte, std::string& out);
  void TakeCsi(unsigned char byte, std::string& out);
  void TakeOsc(unsigned char byte, std::string& out);
  void TakeStringEscape(unsigned char byte, std::string& out);

  /// True when the byte is a control and with it done, within a sequence that is no string.
  bool TookControl(unsigned char byte, std::string& out);
  void Begin(State state);
  void Collect(unsigned char byte);
  void Abandon() { Begin(State::kGround); }
  void EndString(std::string_view terminator, std::string& out);
  bool Decide(const VtRule& rule);

  VtModes& modes_;
  std::vector<std::uint64_t> dropped_;  // as VtRules()
  State state_ = State::kGround;
  std::string sequence_;    // after ESC, '[' or ']'
  bool malformed_ = false;  // too long, or with what no sequence that passes has

  // Of a character of several bytes, in the ground state:
  bool after_c2_ = false;  // 0xC2 is held back: it begins the 8-bit controls, as UTF-8 has them
  int continuation_ = 0;   // bytes to come; the next one is within low_ and high_
  unsigned char low_ = 0;
  unsigned char high_ = 0;
};

}  // namespace ambit::proto
