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
#include "review/consent.h"
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

Status CheckConsentsNameSomething(const BranchRequest& request, std::span<const CommitEdit> edits) {
  const std::string* nothing = FindNamingNothing(request.consents, edits);
  if (nothing == nullptr) return {};
  return Fail(Errc::kInvalidArgument,
              fmt::format("no commit of the branch changes anything at '{}'", Printable(*nothing)),
              "leave that consent out: paths that need one are named");
}

/// Where the policy lets nothing through no consent does.
std::span<const std::string> ConsentsThatCount(const BranchRequest& request) {
  if (request.run.auto_exec == "deny") return {};
  return request.consents;
}

Status AskForHeld(const BranchRequest& request, std::span<const HeldPath> held) {
  if (held.empty() || request.run.auto_exec == "allow") return {};
  if (request.run.auto_exec != "deny" && request.ask && request.ask(held)) return {};
  std::string list;
  for (const HeldPath& path : held) {
    list += fmt::format("\n  {}: {}", Printable(path.path), path.reason);
  }
  return Fail(
      Errc::kDenied, fmt::format("commits of the run touch what needs your consent:{}", list),
      request.run.auto_exec == "deny"
          ? "the policy lets nothing of the kind through (apply.auto_exec)"
          : fmt::format("'ambit diff {}' shows what is left of it in the files; then say --consent "
                        "PATH for each of these paths",
                        request.run.id));
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
std::string WorkPlace(const BranchRequest& request, const Actor& actor) {
  return actor.uid != ::geteuid() ? "/var/tmp" : request.run_path;
}

/// Of one run's repository what shall be brought, checked and in the quarantine.
class Taker {
 public:
  /// `base` is where HEAD stood when the run began, `host_head` where that of the host stands.
  Taker(const BranchRequest& request, const HostRepository& repository, const Git& git,
        Quarantine& quarantine, const Places& places, const MergedView& project,
        const std::optional<std::string>& base, const std::optional<std::string>& host_head)
      : request_(request),
        repository_(repository),
        git_(git),
        quarantine_(quarantine),
        places_(places),
        project_(project),
        base_(base),
        host_head_(host_head) {}

  Result<BranchResult> Take(const CommitWords& words) const {
    AMBIT_TRY(const MergedView view, MergedView::Open(places_.git_dir.layer));
    return request_.from.empty() ? TakeHead(view, words) : TakeNamed(view);
  }

 private:
  Result<BranchResult> TakeHead(const MergedView& view, const CommitWords& words) const {
    AMBIT_TRY(std::optional<std::string> tip,
              ReadRunTip(view, places_.git_dir.path, places_.common_dir.path));
    const bool run_committed = tip && tip != host_head_;
    // Without commits of its own, what the run edited belongs on what the host was on when it
    // began.
    if (!run_committed) tip = base_;
    std::vector<std::string> touched;
    if (tip) {
      AMBIT_CHECK(TakeObjects(quarantine_, places_.objects, *tip));
      AMBIT_TRY(std::vector<CommitEdit> edits,
                ListEdits(git_, quarantine_, *tip, base_ ? fmt::format("^{}\n", *base_) : ""));
      for (CommitEdit& edit : edits) touched.push_back(std::move(edit.path));
    }
    AMBIT_TRY(const workspace::ChangeSet changes, workspace::WalkChanges(places_.files.layer));
    AMBIT_TRY(const Uncommitted rest,
              CommitUncommitted(git_, quarantine_, project_, changes, tip, touched,
                                repository_.common_dir + "/info/exclude", words));
    if (!rest.commit && !run_committed) return MadeNothing("");
    return BranchResult{.commit = rest.commit ? *rest.commit : *tip,
                        .uncommitted = rest.commit.has_value(),
                        .ignored = rest.ignored,
                        .in_other_repositories = rest.in_other_repositories,
                        .special = rest.special};
  }

  Result<BranchResult> TakeNamed(const MergedView& view) const {
    AMBIT_TRY(const OwnRefs own, ReadOwnRefs(view, places_.common_dir.path));
    const OwnRef* ref = FindOwnRef(own, request_.from);
    if (ref == nullptr && own.more) {
      return Fail(Errc::kLimit, "too large: the run has more branches than can be listed");
    }
    if (ref == nullptr) {
      return Fail(Errc::kNotFound, fmt::format("run {} made or moved no branch or stash '{}'",
                                               request_.run.id, Printable(request_.from)));
    }
    if (ref->object == base_ || ref->object == host_head_) {
      return MadeNothing(fmt::format(" on '{}'", Printable(request_.from)));
    }
    AMBIT_CHECK(TakeObjects(quarantine_, places_.objects, ref->object));
    return BranchResult{.commit = ref->object, .stash = ref->name.starts_with("stash@")};
  }

  std::unexpected<Error> MadeNothing(std::string_view where) const {
    return Fail(Errc::kNotFound,
                fmt::format("run {} made nothing to bring{}", request_.run.id, where));
  }

  const BranchRequest& request_;
  const HostRepository& repository_;
  const Git& git_;
  Quarantine& quarantine_;
  const Places& places_;
  const MergedView& project_;
  const std::optional<std::string>& base_;
  const std::optional<std::string>& host_head_;
};

}  // namespace

Result<BranchResult> MakeBranch(const BranchRequest& request) {
  if (workspace::IsAlive(request.run)) {
    return Fail(Errc::kDenied, fmt::format("run {} still runs", request.run.id),
                "end it first: what it is writing cannot be checked");
  }
  AMBIT_TRY(HostRepository repository, FindHostRepository(request.run.project));
  const Actor actor = ActorFor(repository);
  // Then files of ours have to be readable for another user.
  if (actor.uid != ::geteuid()) ::umask(022);
  AMBIT_TRY(Git git,
            Git::Find(actor.uid, actor.gid,
                      std::chrono::steady_clock::now() + std::chrono::seconds(kBranchSeconds)));
  AMBIT_CHECK(CheckName(git, request.name));
  AMBIT_TRY(HostRefs refs, ReadHostRefs(git, repository));
  AMBIT_CHECK(CheckIsNew(refs, request.name));
  repository.objects.tips = std::move(refs.tips);
  AMBIT_TRY(const CommitWords words, WordsFor(request, repository));

  AMBIT_TRY(const Places places, FindPlaces(request, repository));
  AMBIT_TRY(
      Quarantine quarantine,
      Quarantine::Make(git, repository.objects, WorkPlace(request, actor), actor.uid, actor.gid));
  AMBIT_TRY(std::optional<std::string> base, HeadAtStart(git, repository, request.run));
  if (!base) base = refs.head_commit;
  AMBIT_TRY(const MergedView project, MergedView::Open(places.files.layer));
  const Taker taker(request, repository, git, quarantine, places, project, base, refs.head_commit);
  AMBIT_TRY(BranchResult result, taker.Take(words));

  AMBIT_TRY(result.commits, CountNew(git, quarantine, result.commit));
  AMBIT_TRY(std::vector<CommitEdit> edits,
            ListEdits(git, quarantine, result.commit, quarantine.WithoutHost()));
  AMBIT_TRY(std::vector<CommitEdit> difference,
            ListDifference(git, quarantine, base, result.commit));
  std::ranges::move(difference, std::back_inserter(edits));
  AMBIT_CHECK(CheckConsentsNameSomething(request, edits));
  AMBIT_TRY(const ProjectTree host, ProjectTree::Open(request.run.project, 0, 0));
  AMBIT_TRY(const std::vector<HeldPath> held,
            FindHeld(git, quarantine, host, project.masks(), result.commit, edits,
                     ConsentsThatCount(request)));
  const auto asked = std::chrono::steady_clock::now();
  AMBIT_CHECK(AskForHeld(request, held));
  git.AllowMore(std::chrono::steady_clock::now() - asked);
  AMBIT_TRY(result.objects, quarantine.SendToHost(result.commit));
  AMBIT_CHECK(PointBranch(git, repository, request, words, result.commit));
  return result;
}

}  // namespace ambit::review
