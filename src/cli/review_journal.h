#pragma once
// What a person's commands do to the work of a run that has ended goes into that run's journal,
// which is the truth of what happened to it: a command that cannot write there does not touch the
// host. Who calls: apply, undo, branch and discard, with the run's lock held, so that one at a time
// writes. Lists of paths are cut off at kMaxPathsInEvent; the counts beside them are not.
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "event/event.h"
#include "review/apply.h"
#include "review/branch.h"
#include "workspace/run_store.h"

namespace ambit::cli {

inline constexpr std::size_t kMaxPathsInEvent = 100;

class ReviewJournal {
 public:
  static Result<ReviewJournal> Open(const workspace::RunDir& run);

  Status ApplyStarted(const review::ApplyPlan& plan, const review::ApplyRequest& request);
  Status ApplyEnded(const Result<review::ApplyReport>& report);
  Status ApplyRecovered(bool taken_back);
  Status UndoStarted();
  Status UndoEnded(const Result<review::ApplyReport>& report);
  Status BranchStarted(const review::BranchRequest& request);
  /// `consents`: held paths that were agreed to at the terminal.
  Status BranchEnded(const Result<review::BranchResult>& result,
                     const std::vector<std::string>& consents);
  Status WorkDiscarded();

 private:
  ReviewJournal(std::unique_ptr<event::Sink> sink, std::string path)
      : sink_(std::move(sink)), path_(std::move(path)) {}
  Status Write(const event::Event& event);
  Status Ended(std::string_view name, const Result<review::ApplyReport>& report);

  std::unique_ptr<event::Sink> sink_;
  std::string path_;
};

}  // namespace ambit::cli
