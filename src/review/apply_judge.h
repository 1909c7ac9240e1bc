#pragma once
// What the change of one path has to pass: its form, the gate, and what the host did meanwhile.
// Who calls: apply_plan.cc.
#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "review/apply_entries.h"
#include "review/apply_plan.h"
#include "review/gate_git_directories.h"
#include "review/project_tree.h"

namespace ambit::review {

class Judge {
 public:
  /// `entries` are all that may come across. Everything but `host_git` outlives the judge.
  Judge(const ProjectTree& tree, int upper, workspace::OverlayFlavour flavour,
        std::int64_t stamp_ns, const LeftBehind& left, const ApplyRequest& request,
        const Entries& entries, HostGit host_git);

  /// Writes verdict and reason, and in `before` what the host has there.
  void Decide(Entry& entry);

 private:
  bool PassesGate(Entry& entry);
  bool MovesASecret(const Entry& entry) const;
  bool PassesPlaceholders(Entry& entry);
  bool ScriptsChanged(const Entry& entry) const;
  bool IsConsented(const std::string& path);
  bool IsAsLeft(const std::string& path, const struct stat& info, bool merged) const;
  bool IsUnchanged(const std::string& path, const struct stat& info) const;
  bool IsApplied(const Entry& entry) const;
  void PassesHost(Entry& entry) const;
  void PassesExisting(Entry& entry, const struct stat& host, std::string_view why) const;
  void PassesOld(Entry& entry, const std::optional<struct stat>& host) const;
  void PassesMerged(Entry& entry, const struct stat& host) const;
  void DecideMasked(Entry& entry, const MaskedChange& change);
  void PassesHidden(Entry& entry, const MaskedChange& change);
  void Join(Entry& entry, const MaskedChange& change) const;
  void PassesNew(Entry& entry) const;
  bool IsToBeReplaced(const Entry& entry) const;
  void ConflictOrReplace(Entry& entry, std::string_view why) const;
  bool HasOrigin(const std::string& path) const;

  const ProjectTree& tree_;
  int upper_;
  std::string origin_;
  std::int64_t stamp_ns_;
  const LeftBehind& left_;
  const ApplyRequest& request_;
  GitDirectories git_;
  bool move_was_cut_short_;
};

}  // namespace ambit::review
