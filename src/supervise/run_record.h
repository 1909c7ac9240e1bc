#pragma once
// A run on the disk: its directory, and what is written about it from the plan to the end. Who
// calls: run.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "event/event.h"
#include "event/redact.h"
#include "supervise/limit_watch.h"
#include "supervise/outcome.h"
#include "supervise/planning.h"
#include "supervise/refused.h"
#include "supervise/run_request.h"
#include "workspace/layers.h"
#include "workspace/root_tree.h"
#include "workspace/run_store.h"

namespace ambit::supervise {

struct PreparedRun {
  workspace::RunDir dir;
  workspace::RootTree root;
  std::string kept;                           // the root of what is kept; empty: nothing is
  std::vector<workspace::LayerStart> layers;  // as the plan's
  std::int64_t clock_offset_ns = 0;
};

/// Errors: of the file system below `runs_root`; then nothing of it stays.
Result<PreparedRun> MakeRunDirectory(const std::string& runs_root, std::string_view id,
                                     const plan::LaunchPlan& plan);

/// Of a run that never came on record, when its processes are gone: on a full disk it would stand
/// before the run that can be reviewed, and there is nothing in it.
void RemoveRunDirectory(const workspace::RunDir& run);

workspace::RunMeta MakeMeta(const RunRequest& request, const Planned& planned,
                            const PreparedRun& run);

/// What is written about one run in its directory, which outlives this.
class RunRecord {
 public:
  RunRecord(const workspace::RunDir& run, workspace::RunMeta meta,
            std::vector<std::string> left_out)
      : run_(run), meta_(std::move(meta)), left_out_(std::move(left_out)) {}

  /// meta.json, plan.json and the journal's first events; then tells the observer.
  /// `init`: its pid, for who wants to look at the run from outside.
  Result<event::Sink*> Begin(const plan::LaunchPlan& plan, pid_t init, const OpenSink& open_sink,
                             const RunObserver& observer);
  /// For who looks at the run from outside.
  Status AddPublished(const policy::PublishedPort& port);
  /// Returns what is then known as the outcome: kRunFailed when not all could be written.
  Outcome End(Outcome outcome, const UsageFigures& used);

  /// Whether Begin succeeded.
  [[nodiscard]] bool has_begun() const { return begun_; }

  /// What was refused so far.
  [[nodiscard]] Refused refused() const { return sink_ ? sink_->refused() : Refused{}; }

 private:
  void RecordCopiedUp();
  void RecordRemained();

  const workspace::RunDir& run_;
  workspace::RunMeta meta_;
  std::vector<std::string> left_out_;
  bool audited_ = false;
  bool begun_ = false;
  event::Redactor redactor_;
  std::unique_ptr<TellingSink> sink_;
};

}  // namespace ambit::supervise
