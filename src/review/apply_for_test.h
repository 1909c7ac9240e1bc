#pragma once
// An overlay on a project, a run record for it, and apply and undo on them. Tests only.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "review/apply.h"
#include "workspace/overlay_for_test.h"
#include "workspace/run_store.h"
#include "workspace/stamp.h"

namespace ambit::review::testing {

namespace fs = std::filesystem;
using workspace::testing::Flavour;
using workspace::testing::OverlayTree;
using workspace::testing::ReadAll;
using workspace::testing::Snapshot;
using workspace::testing::TempTree;
using workspace::testing::WriteAll;

class Project {
 public:
  Project(Flavour flavour, const OverlayTree::Edit& original,
          const fs::path& state = fs::temp_directory_path())
      : flavour_(flavour), tree_(flavour, original), state_(state) {
    auto store = workspace::RunStore::Open(state_.path() / "runs", /*create=*/true);
    if (!store) ADD_FAILURE() << store.error().what;
    auto run = store->Create(*workspace::NewRunId());
    if (!run) ADD_FAILURE() << run.error().what;
    run_ = *std::move(run);
    const Fd lower(::open(host().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    stamp_ns_ = workspace::TakeStamp(lower.get());
  }

  fs::path host() const { return tree_.at("lower"); }
  const OverlayTree& overlay() const { return tree_; }
  const workspace::RunDir& run() const { return run_; }

  struct Ready {
    ProjectTree tree;
    Fd upper;
    ApplyPlan plan;
  };
  Result<Ready> Plan(const ApplyRequest& request = {}) const {
    AMBIT_TRY(ProjectTree tree, ProjectTree::Open(host(), 0, 0));
    AMBIT_CHECK(tree.Lock());
    AMBIT_TRY(const auto recovered, Recover(run_, tree));
    AMBIT_CHECK(CheckLayerFits(run_));
    Fd upper(::open(tree_.layer().upper.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    AMBIT_TRY(const workspace::ChangeSet changes, workspace::WalkChanges(tree_.layer()));
    AMBIT_TRY(ApplyPlan plan, PlanApply(tree, upper.get(), flavour_.marks, changes, stamp_ns_,
                                        ApplyLog::ReadLeft(run_), request));
    return Ready{std::move(tree), std::move(upper), std::move(plan)};
  }
  Result<ApplyReport> Apply(const ApplyRequest& request = {}) const {
    AMBIT_TRY(const Ready ready, Plan(request));
    return review::Apply(run_, ready.tree, ready.upper.get(), ready.plan, stamp_ns_);
  }
  Result<ApplyReport> Undo() const {
    AMBIT_TRY(ProjectTree tree, ProjectTree::Open(host(), 0, 0));
    AMBIT_CHECK(tree.Lock());
    AMBIT_TRY(const auto recovered, Recover(run_, tree));
    if (recovered && recovered->taken_back) return recovered->report;
    AMBIT_TRY(auto log, ApplyLog::Last(run_));
    if (!log) return Fail(Errc::kNotFound, "nothing is applied");
    return review::Undo(run_, tree, *std::move(log));
  }

  /// "A path" or "verdict path: reason" for each path.
  static std::string Text(const std::vector<PlannedPath>& paths) {
    static constexpr const char* kWords[] = {"", "held", "conflict", "refused"};
    std::string out;
    for (const PlannedPath& path : paths) {
      const bool applied = path.verdict == Verdict::kApply;
      out += applied ? fmt::format("{} {}\n", path.letter, path.path)
                     : fmt::format("{} {}: {}\n", kWords[static_cast<int>(path.verdict)], path.path,
                                   path.reason);
    }
    return out;
  }

 private:
  Flavour flavour_;
  OverlayTree tree_;
  TempTree state_;
  workspace::RunDir run_;
  std::int64_t stamp_ns_ = 0;
};

/// A number from the environment: CI takes few, a person with time takes many.
inline int CountFrom(const char* name, int otherwise) {
  const char* text = ::getenv(name);
  return text != nullptr ? ::atoi(text) : otherwise;
}

}  // namespace ambit::review::testing
