#pragma once
// The audit vocabulary. Everything that happens in a run and is worth evidence is one Event with a
// name from this list; rooms emit, only journal/ writes. Adding one: add the name here, its fields
// to docs/events.md, and emit it; a name is never reused for another meaning.
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace ambit::event {

/// Version of the record format and of the meaning of the names below.
inline constexpr int kVersion = 1;

/// The group of events that a crash of ambit can lose is younger than this.
inline constexpr std::chrono::milliseconds kCommitInterval{100};

inline constexpr std::string_view kRunPlanned = "run.planned";  // before anything is built
// What a policy file asked for and did not get: it is not trusted, or the managed policy forbids
// it.
inline constexpr std::string_view kPolicyLeftOut = "policy.left_out";
inline constexpr std::string_view kRunStarted = "run.started";  // all walls built, agent starts
inline constexpr std::string_view kCopiedUp =
    "layer.copied_up";                                      // a large file, at its first write
inline constexpr std::string_view kRunEnded = "run.ended";  // the outcome, exactly once
inline constexpr std::string_view kDenial = "denial";       // refused, with the rule
// Of the agent's output, kept from the person's terminal.
inline constexpr std::string_view kTerminalDropped = "terminal.dropped";
inline constexpr std::string_view kEgressConnect = "egress.connect";
// No rule allows or denies it: connections wait for a person's answer; and the answer, or a rule
// that a person gave unasked.
inline constexpr std::string_view kNetHeld = "net.held";
inline constexpr std::string_view kNetAnswered = "net.answered";
inline constexpr std::string_view kEgressResolver = "egress.resolver";
// A name server that is not the run's own was asked, and the run's own answered.
inline constexpr std::string_view kEgressSlowed = "egress.slowed";
inline constexpr std::string_view kEgressResolverAsked = "egress.resolver_asked";
// The other way round: a port of the host leads to a server inside.
inline constexpr std::string_view kPublishListening = "publish.listening";
inline constexpr std::string_view kPublishConnect = "publish.connect";
// After the end, by the person's commands. What touches the host is written before it does and
// after: one that was started and never ended was interrupted.
inline constexpr std::string_view kApplyStarted = "apply.started";
inline constexpr std::string_view kApplyEnded = "apply.ended";
inline constexpr std::string_view kApplyRecovered = "apply.recovered";  // an interrupted one
inline constexpr std::string_view kUndoStarted = "undo.started";
inline constexpr std::string_view kUndoEnded = "undo.ended";
inline constexpr std::string_view kBranchStarted = "branch.started";
inline constexpr std::string_view kBranchEnded = "branch.ended";
inline constexpr std::string_view kWorkDiscarded = "work.discarded";
inline constexpr std::string_view kEventsDropped = "events.dropped";  // an honest gap, counted
// What is inside asked for, as it was asked; whether the kernel did it is not known but where a
// field says so. What remained of it is told at the end, by the layers.
inline constexpr std::string_view kProcessExec = "process.exec";
inline constexpr std::string_view kProcessExit = "process.exit";
inline constexpr std::string_view kFileOpen = "file.open";  // to read; audit.files = "all" only
inline constexpr std::string_view kFileCreate = "file.create";
inline constexpr std::string_view kFileWrite = "file.write";
inline constexpr std::string_view kFileDelete = "file.delete";
inline constexpr std::string_view kFileRename = "file.rename";
inline constexpr std::string_view kFileMode = "file.mode";  // chmod, chown
inline constexpr std::string_view kLayerRemained = "layer.remained";
inline constexpr std::string_view kLimitWarning = "limit.warning";  // the soft end has begun
inline constexpr std::string_view kLimitReached = "limit.reached";
// The kernel held a limit and the run goes on: it killed for memory, or refused to fork.
inline constexpr std::string_view kLimitHeld = "limit.held";
// The chain's first and last record, each signed.
inline constexpr std::string_view kJournalHead = "journal.head";
inline constexpr std::string_view kJournalClose = "journal.close";
// A journal without its end is gone on with: what was cut off before this.
inline constexpr std::string_view kJournalResumed = "journal.resumed";

/// Of events that come in great numbers: they may wait for Sink::Commit.
constexpr bool IsGathered(std::string_view name) {
  return name.starts_with("process.") || name.starts_with("file.") || name == kLayerRemained;
}

using Value = std::variant<std::string, std::int64_t, bool, std::vector<std::string>>;

struct Field {
  std::string name;
  Value value;
};

struct Event {
  std::string_view name;
  std::vector<Field> fields;
};

/// Where events go. Emit never throws and never blocks on the agent. The first write that fails
/// stays in status(), and the supervisor then ends the run: there is no silent gap.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void Emit(const Event& event) = 0;
  /// Writes what Emit has gathered. What IsGathered may wait for it, at most kCommitInterval; all
  /// others are written at once. Emitting kJournalClose seals what was written so far.
  virtual void Commit() = 0;
  [[nodiscard]] virtual const Status& status() const = 0;
};

}  // namespace ambit::event
