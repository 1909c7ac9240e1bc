#pragma once
// The staging directory: in the project, so that everything reaches its place by rename, and for
// this process alone. Who calls: apply.cc.
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "review/apply_log.h"
#include "review/apply_plan.h"
#include "review/project_tree.h"

namespace ambit::review {

using MergedTexts = std::map<std::string, std::string>;  // as ApplyPlan::merged

class Staging {
 public:
  /// Makes it; kDenied when something of that name is there.
  static Result<Staging> Create(const ProjectTree& tree, const std::string& run_id);
  /// Opens it as an interrupted apply left it, or makes it.
  static Result<Staging> OpenOrCreate(const ProjectTree& tree, const std::string& run_id);

  static bool Exists(const ProjectTree& tree, const std::string& run_id);

  int fd() const { return fd_.get(); }
  std::string path() const;

  /// Puts the new content of every step into its slot, synced, and notes it in `after`. `merged`
  /// has the contents of merged steps. kLimit when the file system has no room for it.
  Status Fill(int upper, const MergedTexts& merged, std::vector<Step>& steps) const;

  /// Puts what undo needs from `log` back into the slots.
  Status FillFrom(const ApplyLog& log, const std::vector<Step>& steps) const;

  /// Whether `log` can hold what the step takes away. On another file system only a copy is kept,
  /// so what cannot be read would be lost.
  bool CanKeep(const ApplyLog& log, const Step& step) const;

  /// Moves what the project had into `log`, removes what is ours and the directory itself. When
  /// that fails everything is still there, in one of both places, and it can be called again.
  Status Empty(const ApplyLog& log, const std::vector<Step>& steps) const;

 private:
  Staging(const ProjectTree& tree, std::string name, Fd fd)
      : tree_(tree), name_(std::move(name)), fd_(std::move(fd)) {}
  Status FillOne(int upper, const MergedTexts& merged, Step& step, bool sync) const;
  Status FillFile(int upper, Step& step, bool sync) const;
  Status FillMerged(const std::string& text, const Step& step, bool sync) const;
  Status CheckRoom(int upper, const MergedTexts& merged, const std::vector<Step>& steps) const;

  const ProjectTree& tree_;
  std::string name_;
  Fd fd_;
};

}  // namespace ambit::review
