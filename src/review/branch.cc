#include "review/branch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>

#include "base/text.h"
#include "host/git_refs.h"
#include "review/branch_changes.h"
#include "review/branch_host.h"
#include "review/git_plumbing.h"
#include "review/merged_view.h"
#include "review/quarantine.h"
#include "review/run_refs.h"
#include "workspace/change_walk.h"

namespace ambit::review {
namespace {

std::string RefOf(const std::string& name) { return "refs/heads/" + name; }

Status CheckName(const Git& git, const std::string& name) {
  const bool odd =
      name.empty() || name.starts_with('-') || name == "HEAD" || !host::IsBranchRef(RefOf(name));
  if (!odd && git.Run({.git_dir = {}, .arguments = {"check-ref-format", RefOf(name)}})) return {};
  return Fail(Errc::kInvalidArgument, fmt::format("'{}' is no name for a branch", Printable(name)),
              "see 'git help check-ref-format'");
}

Status CheckIsNew(const HostRefs& refs, const std::string& name) {
  const std::string ref = RefOf(name);
  for (const std::string& known : refs.names) {
    if (known == ref || known.starts_with(ref + "/") || ref.starts_with(known + "/")) {
      return Fail(
          Errc::kInvalidArgument,
          fmt::format("there is a branch '{}' already", Printable(known.substr(RefOf("").size()))),
          "choose another name; a branch is only made, never moved");
    }
  }
  // A HEAD without commits would suddenly have some.
  if (refs.head == ref) {
    return Fail(
        Errc::kInvalidArgument,
        fmt::format("'{}' is the branch the host is on, still without commits", Printable(name)),
        "choose another name");
  }
  return {};
}

/// The new objects of the run, brought to where they can be trusted.
Status TakeObjects(Quarantine& quarantine, const PlaceInLayer& store, const std::string& tip) {
  const Fd upper(::open(store.layer.upper.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!upper) return FailErrno(errno, fmt::format("open layer '{}'", store.layer.upper));
  const auto objects =
      store.path.empty() ? workspace::OpenNoFollow(upper.get(), ".", O_RDONLY | O_DIRECTORY)
                         : workspace::OpenNoFollow(upper.get(), store.path, O_RDONLY | O_DIRECTORY);
  if (objects) return quarantine.Take(objects->get(), tip);
  if (objects.error().sys_errno != ENOENT) {
    return Fail(Errc::kInvalidArgument,
                "the run has put something else in the place of its repository's objects");
  }
  AMBIT_CHECK(quarantine.CheckIsCommit(tip));
  return quarantine.CheckComplete(tip);
}

Result<CommitWords> WordsFor(const BranchRequest& request, const HostRepository& repository) {
  const auto name = repository.identity.name ? repository.identity.name : request.identity.name;
  const auto email = repository.identity.email ? repository.identity.email : request.identity.email;
  if (!name || !email) {
    return Fail(Errc::kNotFound, "nobody is known as the author of a commit",
                "git config --global user.name NAME; git config --global user.email MAIL");
  }
  return CommitWords{
      .name = *name,
      .email = *email,
      .message = fmt::format("Changes of ambit run {0}\n\n"
                             "What run {0} left uncommitted, brought by 'ambit branch'.\n",
                             request.run.id)};
}

Status AskForHeld(const BranchRequest& request, std::vector<HeldPath> held) {
  std::erase_if(held, [&](const HeldPath& path) {
    return std::ranges::find(request.consents, path.path) != request.consents.end();
  });
  if (held.empty()) return {};
  if (request.ask && request.ask(held)) return {};
  std::string list;
  for (const HeldPath& path : held) {
    list += fmt::format("\n  {}: {}", Printable(path.path), path.reason);
  }
  return Fail(
      Errc::kDenied,
      fmt::format("commits of the run touch what the host would run or obey by itself:{}", list),
      "look at it ('ambit diff'), then say --consent PATH for each of these paths");
}

Result<std::size_t> CountNew(const Git& git, const Quarantine& quarantine,
                             const std::string& commit) {
  GitCall count = quarantine.Call({"rev-list", "--ignore-missing", "--stdin"});
  count.input = commit + "\n" + quarantine.WithoutHost();
  AMBIT_TRY(const std::string commits, git.Run(count));
  return static_cast<std::size_t>(std::ranges::count(commits, '\n'));
}

Status PointBranch(const Git& git, const HostRepository& repository, const BranchRequest& request,
                   const CommitWords& words, const std::string& commit) {
  const std::string nothing(commit.size(), '0');
  // Fails when somebody else has made it meanwhile.
  GitCall update{
      .git_dir = repository.common_dir,
      .arguments = {"update-ref", "-m", "branch: made by ambit from " + request.run.id,
                    RefOf(request.name), commit, nothing},
      .environment = {"GIT_COMMITTER_NAME=" + words.name, "GIT_COMMITTER_EMAIL=" + words.email}};
  if (const auto done = git.Run(update); !done) return std::unexpected(done.error());
  return {};
}

/// Where the run's layers hold the project and the parts of its repository.
struct Places {
  PlaceInLayer git_dir;
  PlaceInLayer common_dir;
  PlaceInLayer objects;
  PlaceInLayer files;
};

Result<Places> FindPlaces(const BranchRequest& request, const HostRepository& repository) {
  const auto find = [&](const std::string& host_path) {
    return FindInLayers(request.run, request.run_path, host_path);
  };
  Places places;
  AMBIT_TRY(places.git_dir, find(repository.git_dir));
  AMBIT_TRY(places.common_dir, find(repository.common_dir));
  AMBIT_TRY(places.objects, find(repository.objects.directory));
  AMBIT_TRY(places.files, find(request.run.project));
  if (places.git_dir.layer.upper != places.common_dir.layer.upper) {
    return Fail(Errc::kUnsupported, "the repository's parts lie in two layers of the run",
                "'ambit apply' brings the files");
  }
  return places;
}

/// As ourselves the run's directory; else one that the repository's owner can reach.
std::string WorkPlace(const BranchRequest& request, const HostRepository& repository) {
  const bool for_another = ::geteuid() == 0 && repository.owner != 0;
  return for_another ? "/var/tmp" : request.run_path;
}

}  // namespace

Result<BranchResult> MakeBranch(const BranchRequest& request) {
  if (workspace::IsAlive(request.run)) {
    return Fail(Errc::kDenied, fmt::format("run {} still runs", request.run.id),
                "end it first: what it is writing cannot be checked");
  }
  AMBIT_TRY(HostRepository repository, FindHostRepository(request.run.project));
  const bool root = ::geteuid() == 0;
  const uid_t uid = root ? repository.owner : ::geteuid();
  const gid_t gid = root && uid != 0 ? repository.group : ::getegid();
  // Then files of ours have to be readable for another user.
  if (uid != ::geteuid()) ::umask(022);
  AMBIT_TRY(
      Git git,
      Git::Find(uid, gid, std::chrono::steady_clock::now() + std::chrono::seconds(kBranchSeconds)));
  AMBIT_CHECK(CheckName(git, request.name));
  AMBIT_TRY(HostRefs refs, ReadHostRefs(git, repository));
  AMBIT_CHECK(CheckIsNew(refs, request.name));
  repository.objects.tips = std::move(refs.tips);
  AMBIT_TRY(const CommitWords words, WordsFor(request, repository));

  AMBIT_TRY(const Places places, FindPlaces(request, repository));
  AMBIT_TRY(Quarantine quarantine,
            Quarantine::Make(git, repository.objects, WorkPlace(request, repository), uid, gid));
  AMBIT_TRY(const MergedView git_view, MergedView::Open(places.git_dir.layer));
  AMBIT_TRY(std::optional<std::string> tip,
            ReadRunTip(git_view, places.git_dir.path, places.common_dir.path));
  AMBIT_TRY(std::optional<std::string> base, HeadAtStart(git, repository, request.run));
  if (!base) base = refs.head_commit;
  const bool run_committed = tip && tip != refs.head_commit;
  // Without commits of its own, what the run edited belongs on what the host was on when it began.
  if (!run_committed) tip = base;
  std::vector<std::string> touched;
  if (tip) {
    AMBIT_CHECK(TakeObjects(quarantine, places.objects, *tip));
    AMBIT_TRY(std::vector<CommitEdit> edits,
              ListEdits(git, quarantine, *tip, base ? fmt::format("^{}\n", *base) : ""));
    for (CommitEdit& edit : edits) touched.push_back(std::move(edit.path));
  }
  AMBIT_TRY(const MergedView project, MergedView::Open(places.files.layer));
  AMBIT_TRY(const workspace::ChangeSet changes, workspace::WalkChanges(places.files.layer));
  AMBIT_TRY(const Uncommitted rest,
            CommitUncommitted(git, quarantine, project, changes, tip, touched,
                              repository.common_dir + "/info/exclude", words));
  if (!rest.commit && !run_committed) {
    return Fail(Errc::kNotFound, fmt::format("run {} made nothing to bring", request.run.id));
  }

  BranchResult result{.commit = rest.commit ? *rest.commit : *tip,
                      .uncommitted = rest.commit.has_value(),
                      .ignored = rest.ignored,
                      .in_other_repositories = rest.in_other_repositories,
                      .special = rest.special};
  AMBIT_TRY(result.commits, CountNew(git, quarantine, result.commit));
  AMBIT_TRY(std::vector<CommitEdit> edits,
            ListEdits(git, quarantine, result.commit, quarantine.WithoutHost()));
  AMBIT_TRY(std::vector<CommitEdit> difference,
            ListDifference(git, quarantine, base, result.commit));
  std::ranges::move(difference, std::back_inserter(edits));
  AMBIT_TRY(const ProjectTree host, ProjectTree::Open(request.run.project, 0, 0));
  AMBIT_TRY(std::vector<HeldPath> held,
            FindHeld(git, quarantine, host, project.masks(), result.commit, edits));
  const auto asked = std::chrono::steady_clock::now();
  AMBIT_CHECK(AskForHeld(request, std::move(held)));
  git.AllowMore(std::chrono::steady_clock::now() - asked);
  AMBIT_TRY(result.objects, quarantine.SendToHost(result.commit));
  AMBIT_CHECK(PointBranch(git, repository, request, words, result.commit));
  return result;
}

}  // namespace ambit::review
