#pragma once
// The person's terminal during an interactive run: raw while the agent has a pty of its own, and
// exactly as it was afterwards.
#include <termios.h>

#include <optional>

#include "base/error.h"

namespace ambit::supervise {

/// Which of 0, 1, 2 are terminals; the pty replaces those and no other. `input` only while this is
/// the terminal's foreground job: another one may neither read it nor change its mode.
struct StandardStreams {
  bool input = false;
  bool output = false;
  bool error = false;
  [[nodiscard]] bool AnyTerminal() const { return input || output || error; }
};
StandardStreams InspectStandardStreams();

/// Raw mode of the terminal on descriptor 0 for as long as the object lives. What others print
/// keeps its line ends when `keep_output` is set: they share the terminal in a pipeline.
class RawTerminal {
 public:
  static Result<RawTerminal> Enter(bool keep_output);
  RawTerminal(RawTerminal&& other) noexcept : saved_(other.saved_), flags_(other.flags_) {
    other.saved_.reset();
  }
  RawTerminal& operator=(RawTerminal&&) = delete;
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal();

 private:
  RawTerminal(const termios& saved, int flags) : saved_(saved), flags_(flags) {}
  std::optional<termios> saved_;
  int flags_;
};

/// Gives the pty the size of the person's terminal (whichever of 0, 1, 2 is one).
void CopyWindowSize(int pty_master);

}  // namespace ambit::supervise
