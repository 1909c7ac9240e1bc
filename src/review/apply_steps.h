#pragma once
// Doing and taking back one step of an apply in the project. Each step is one atomic system call on
// the host's tree; afterwards what came out is compared with what was expected, and put back when
// it is another: no edit of the host is lost, even one made in between. A file somebody has open
// for writing counts as edited. Taking back works on a step that was done, was not, or was taken
// back already. Who calls: apply.cc and undo.cc. Errors: only what must stop the whole apply, such
// as a full disk; everything about a single path is told in StepResult.
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "review/apply_plan.h"
#include "review/project_tree.h"

namespace ambit::review {

struct StepResult {
  bool done = true;
  std::string reason;  // why not
};

class Stepper {
 public:
  /// Both outlive it. `staging` is the open staging directory.
  Stepper(const ProjectTree& tree, int staging) : tree_(tree), staging_(staging) {}

  Result<StepResult> Do(const Step& step) const;
  Result<StepResult> TakeBack(const Step& step) const;

 private:
  Result<StepResult> Take(const Step& step, const Place& at) const;
  Result<StepResult> Exchange(const Step& step, const Place& at) const;
  Result<StepResult> PlaceNew(const Step& step, const Place& at) const;
  Result<StepResult> RemoveDirectory(const Step& step, const Place& at) const;
  Result<StepResult> ChangeMode(const Step& step, const Place& at, mode_t from, mode_t to) const;

  Result<StepResult> PutBack(const Step& step, const Place& at) const;
  Result<StepResult> ExchangeBack(const Step& step, const Place& at) const;
  Result<StepResult> RemoveNew(const Step& step, const Place& at) const;
  Result<StepResult> RestoreDirectory(const Step& step, const Place& at) const;
  /// Exchanges and, when what came out is not `expected`, exchanges again.
  Result<StepResult> ExchangeFor(const Step& step, const Place& at, const Seen& expected) const;

  const ProjectTree& tree_;
  int staging_;
};

std::string SlotName(std::uint32_t slot);

}  // namespace ambit::review
