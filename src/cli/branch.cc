#include "review/branch.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/auto_exec.h"
#include "cli/cli.h"
#include "cli/other_refs.h"
#include "cli/question.h"
#include "cli/review_journal.h"
#include "cli/run_work.h"
#include "cli/runs.h"
#include "host/facts.h"
#include "host/git_config.h"
#include "workspace/run_removal.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

struct BranchFlags {
  std::string directory;
  std::string name;
  std::string run;
  std::string from;
  std::vector<std::string> consents;
};

bool AskOnTerminal(std::span<const review::HeldPath> held) {
  std::string text = "These paths of the run's commits need your consent:\n";
  for (const review::HeldPath& path : held) {
    text += fmt::format("  {}: {}\n", Printable(path.path), path.reason);
  }
  return AskYes(text + "Bring the branch with all of them?");
}

void PrintLeftOut(std::size_t count, std::string_view noun, std::string_view more) {
  if (count > 0) fmt::print(stderr, "ambit: left out: {}{}\n", Count(count, noun), more);
}

Status BringBranch(const BranchFlags& flags) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(const workspace::RunStore store, OpenStore(person));
  AMBIT_TRY(workspace::RunMeta run, FindRun(store, person, flags.run, flags.directory));
  const auto tell_of_older_work = [&](const workspace::RunMeta& chosen) {
    if (!flags.run.empty()) return;
    const std::string command = fmt::format("ambit branch {}", Printable(flags.name));
    TellOfOlderWork(store, chosen, {.command = command, .paths = {}, .typed = {}});
  };
  if (flags.run.empty()) NameChosen(run);
  AMBIT_TRY(const workspace::RunDir dir, store.OpenRun(run.id));
  AMBIT_CHECK(workspace::LockWork(dir));
  if (const auto layer = ProjectLayerOf(store, run); !layer) {
    tell_of_older_work(run);
    return std::unexpected(layer.error());
  }
  AMBIT_TRY(run.auto_exec, AutoExecOf(run));
  const char* config_home = ::getenv("XDG_CONFIG_HOME");
  review::BranchRequest request{
      .name = flags.name,
      .run = std::move(run),
      .identity = host::ReadUserIdentity(person.home, config_home != nullptr ? config_home : ""),
      .from = flags.from};
  AMBIT_TRY(request.consents, PathsInProject(request.run, flags.consents, flags.directory));
  request.run_path = fmt::format("{}/{}", store.root(), request.run.id);
  std::vector<std::string> agreed;
  if (::isatty(0) == 1 && ::isatty(2) == 1) {
    request.ask = [&](std::span<const review::HeldPath> held) {
      if (!AskOnTerminal(held)) return false;
      for (const review::HeldPath& path : held) agreed.push_back(path.path);
      return true;
    };
  }
  AMBIT_TRY(ReviewJournal journal, ReviewJournal::Open(dir));
  AMBIT_CHECK(journal.BranchStarted(request));
  const Result<review::BranchResult> result = review::MakeBranch(request);
  const Status written = journal.BranchEnded(result, agreed);
  if (!result) {
    // That HEAD has nothing does not mean that nothing is there.
    if (result.error().code == Errc::kNotFound) {
      NameOtherRefs(request.run, request.run_path);
      tell_of_older_work(request.run);
    }
    return std::unexpected(result.error());
  }
  const review::BranchResult& made = *result;
  // Without the mark 'prune' asks once more: no reason to fail.
  (void)workspace::SetMark(dir, workspace::kReviewedMark);
  AMBIT_CHECK(ToStdout(fmt::format("{} {}\n", made.commit, flags.name)));
  fmt::print(stderr, "ambit: branch {} has {} new commit{}{}\n", Printable(flags.name),
             made.commits, made.commits == 1 ? "" : "s",
             made.uncommitted ? "; the last one is what the run had not committed" : "");
  PrintLeftOut(made.ignored, "new file", " that .gitignore or info/exclude names");
  PrintLeftOut(made.in_other_repositories, "file", " in repositories below the project");
  PrintLeftOut(made.special, "special file", ": FIFOs, sockets or devices");
  if (made.stash) {
    fmt::print(stderr, "ambit: it is a stash's commit: 'git stash apply {}' restores it\n",
               Printable(flags.name));
  }
  NameOtherRefs(request.run, request.run_path);
  return written;
}

}  // namespace

void AddBranch(NewCommand ambit) {
  auto flags = std::make_shared<BranchFlags>();
  NewCommand branch =
      ambit.AddCommand("branch", "Bring a run's commits and changes onto a new git branch");
  branch.AddArgument("name", flags->name, "The new branch").Required();
  branch.AddArgument("run", flags->run, kRunHelp);
  AddDirectoryFlag(branch, flags->directory);
  branch
      .AddFlag("--from", flags->from,
               "Of another branch of the run, or a stash (stash@{N}), only the commits")
      .Takes("REF");
  branch
      .AddFlag("--consent", flags->consents,
               "A path that the host runs or obeys by itself and may come with the branch")
      .Takes("PATH");
  branch.Does([flags] { return BringBranch(*flags); });
}

}  // namespace ambit::cli
