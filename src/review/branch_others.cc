#include "review/branch_others.h"

#include <chrono>

#include "review/branch_host.h"
#include "review/git_plumbing.h"
#include "review/merged_view.h"
#include "review/run_refs.h"

namespace ambit::review {
namespace {

bool NoBranchAnyway(const Error& error) {
  return error.code == Errc::kUnsupported || error.code == Errc::kNotFound;
}

/// Without those that stand where HEAD does.
Result<OwnRefs> ReadBesideHead(const workspace::RunMeta& run, const std::string& run_path,
                               const HostRepository& repository) {
  AMBIT_TRY(const PlaceInLayer own, FindInLayers(run, run_path, repository.git_dir));
  AMBIT_TRY(const PlaceInLayer common, FindInLayers(run, run_path, repository.common_dir));
  if (own.layer.upper != common.layer.upper) return OwnRefs();  // MakeBranch refuses it by name
  AMBIT_TRY(const MergedView view, MergedView::Open(common.layer));
  AMBIT_TRY(OwnRefs refs, ReadOwnRefs(view, common.path));
  // A HEAD that cannot be read names none of them.
  const auto tip = ReadRunTip(view, own.path, common.path);
  std::erase_if(refs.refs, [&](const OwnRef& ref) { return tip && *tip == ref.object; });
  return refs;
}

}  // namespace

Result<OtherRefs> FindOtherRefs(const workspace::RunMeta& run, const std::string& run_path) {
  const auto repository = FindHostRepository(run.project);
  if (!repository && NoBranchAnyway(repository.error())) return OtherRefs();
  if (!repository) return std::unexpected(repository.error());
  const auto refs = ReadBesideHead(run, run_path, *repository);
  if (!refs && NoBranchAnyway(refs.error())) return OtherRefs();
  if (!refs) return std::unexpected(refs.error());

  OtherRefs others{.names = {}, .more = refs->more};
  if (refs->refs.empty()) return others;
  const Actor actor = ActorFor(*repository);
  AMBIT_TRY(const Git git,
            Git::Find(actor.uid, actor.gid,
                      std::chrono::steady_clock::now() + std::chrono::seconds(kOtherRefsSeconds)));
  AMBIT_TRY(const HostRefs host, ReadHostRefs(git, *repository));
  std::vector<std::string> objects;
  for (const OwnRef& ref : refs->refs) objects.push_back(ref.object);
  AMBIT_TRY(const std::vector<bool> is_new, AreNewToHost(git, *repository, host, objects));
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (is_new[i]) others.names.push_back(ShortNameOf(refs->refs[i]));
  }
  return others;
}

}  // namespace ambit::review
