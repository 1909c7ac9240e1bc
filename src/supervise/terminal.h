#pragma once
// The person's terminal during an interactive run: raw while the agent has a pty of its own, and
// exactly as it was afterwards, also when the supervisor does not live to see it.
#include <termios.h>

#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "proto/vt_modes.h"

namespace ambit::supervise {

/// Which of 0, 1, 2 are terminals; the pty replaces those and no other. `input` only when it is
/// the controlling terminal, because of another one nobody can say whose turn it is.
struct StandardStreams {
  bool input = false;
  bool output = false;
  bool error = false;
  [[nodiscard]] bool AnyTerminal() const { return input || output || error; }
};
StandardStreams InspectStandardStreams();

/// What of the agent's output it gets. kUnfiltered: every byte as the agent wrote it.
enum class Showing : std::uint8_t { kFiltered, kUnfiltered };

/// Whether this is the terminal's foreground job: another one may neither read it nor change its
/// mode.
bool IsForegroundJob();

/// What is to be put right at the terminal on descriptor 0. Lies in memory that its keeper shares
/// and reads when the supervisor is dead, so it must be true after each single store.
struct TerminalState {
  proto::VtModes modes;           // what the agent has left on
  std::atomic<bool> raw = false;  // and only then the rest has a meaning
  termios before{};
  termios during{};
  int flags = 0;  // of the open file, which the person's shell shares
};
static_assert(std::atomic<bool>::is_always_lock_free);

/// Once more when it is raw already: what somebody else has set meanwhile is what will be put back.
/// What others print keeps its line ends when `keep_output` is set: they share the terminal in a
/// pipeline.
Status MakeRaw(TerminalState& state, bool keep_output);

/// Nothing when it is not raw.
void MakeAsBefore(TerminalState& state);

/// Blocks until the terminal has taken everything, also one that somebody made non-blocking. One
/// that is gone takes nothing.
void WriteToTerminal(int fd, std::string_view bytes);

/// Gives the pty the size of the person's terminal (whichever of 0, 1, 2 is one).
void CopyWindowSize(int pty_master);

/// The state, and a process that puts the terminal right if this one is killed. The process has
/// the terminal, the state and one end of a line; it starts nothing, opens nothing, and leaves
/// with this object.
class TerminalKeeper {
 public:
  static Result<TerminalKeeper> Make();
  TerminalKeeper(TerminalKeeper&& other) noexcept;
  TerminalKeeper& operator=(TerminalKeeper&&) = delete;
  TerminalKeeper(const TerminalKeeper&) = delete;
  TerminalKeeper& operator=(const TerminalKeeper&) = delete;
  /// Precondition: the terminal is as before.
  ~TerminalKeeper();

  [[nodiscard]] TerminalState& state() const { return *state_; }

  /// Starts the process, once, and waits until it is confined and has left the person's job.
  /// `output`: where the modes are undone. Precondition: one thread.
  Status StartProcess(int output);

 private:
  explicit TerminalKeeper(TerminalState* state) : state_(state) {}

  TerminalState* state_;  // mapped, shared
  Fd line_;               // our end, held by nobody else: its end is the end of the supervisor
  Fd process_;
};

}  // namespace ambit::supervise
