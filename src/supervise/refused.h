#pragma once
// What a run was refused, as it is told beside the journal: to the agent, in the file that it finds
// at plan::kDenialsInside, and in sum to the person when the run is over. Who calls: run_record.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "event/event.h"
#include "event/refusal.h"
#include "plan/launch_plan.h"

namespace ambit::supervise {

/// The file is never longer. What comes after is only in the journal, and the last line says so.
inline constexpr std::size_t kMostDenialBytes = 64U << 10;

struct Refused {
  /// More different things are not told apart: what is refused is the inside's to choose.
  static constexpr std::size_t kMostThings = 1000;

  std::uint64_t things = 0;  // different ones, however often each was tried
  bool more = false;         // there were more than kMostThings
  std::optional<event::Refusal> newest;
  // Allowed, and of no avail:
  std::uint64_t failed = 0;  // attempts to connect to somewhere
  std::optional<event::Failure> newest_failed;
  // Told by themselves, not in `things`:
  std::uint64_t killed_for_memory = 0;  // processes, and the run went on
  std::uint64_t refused_forks = 0;
};

/// An empty file of the run's directory that the agent's user may read, before anything is mounted.
Status MakeDenialsFile(int run_dir);

/// A line for an agent, with its end: "14:03:22 refused: a connection to port 5432 | by: no rule
/// names it | allowed by: --host-port 5432". Safe for terminals, in UTC. Pure.
std::string DenialLine(const event::Refusal& refusal, std::int64_t time_ns);

/// Gives every event on, and tells what was refused. The file only explains: when it cannot be
/// written, nothing else changes.
class TellingSink : public event::Sink {
 public:
  /// `plan` outlives the sink.
  static Result<std::unique_ptr<TellingSink>> Open(int run_dir, const plan::LaunchPlan& plan,
                                                   std::unique_ptr<event::Sink> journal);

  void Emit(const event::Event& event) override;
  void Commit() override { journal_->Commit(); }
  [[nodiscard]] const Status& status() const override { return journal_->status(); }
  [[nodiscard]] const Refused& refused() const { return refused_; }

 private:
  TellingSink(Fd file, const plan::LaunchPlan& plan, std::unique_ptr<event::Sink> journal)
      : file_(std::move(file)), plan_(plan), journal_(std::move(journal)) {}
  void CountHeld(const event::Event& event);
  void CountRefused(event::Refusal refusal);
  void CountFailed(event::Failure failure);
  void TellTheAgent(const event::Refusal& refusal);

  Fd file_;
  const plan::LaunchPlan& plan_;
  std::unique_ptr<event::Sink> journal_;
  std::size_t written_ = 0;
  bool full_ = false;
  Refused refused_;
  std::set<std::string> known_;  // the things, by their keys
};

}  // namespace ambit::supervise
