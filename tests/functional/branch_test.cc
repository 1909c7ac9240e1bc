// `ambit branch`: a run's commits and what it left uncommitted, on a new branch and nowhere else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Branch : public ::testing::TestWithParam<Who> {
 protected:
  Branch() {
    person_.Write("home/.gitconfig", "[user]\n\tname = Ada\n\temail = ada@example.invalid\n");
    person_.Write("project/a.txt", "one\n");
    person_.Write("project/dir/b.txt", "b\n");
    person_.Write("project/.gitignore", "*.log\n/build/\n");
    person_.MakeGitProject();
  }

  std::string Git(const std::string& arguments, const std::string& cwd = {}) {
    const Finished done = person_.Execute({"sh", "-c", "git " + arguments + " 2>&1"}, cwd);
    return done.out;
  }

  /// Every file of the project and its repository but objects and what `feat` consists of; the
  /// index, HEAD, configuration, hooks and every other ref among them.
  std::string HostState(const std::string& dir = {}) {
    const Finished listing = person_.Execute(
        {"sh", "-c",
         "cd \"$1\" && find . -path '*/objects/*' -prune -o -path '*/refs/heads/feat' -prune -o "
         "-path '*/logs/refs/heads/feat' -prune -o ! -type d -printf '%p %y %m %U:%G %s %T@ %l\\n' "
         "| LC_ALL=C sort; find . -path '*/objects/[0-9a-f]*' -prune -o -path '*/objects/pack' "
         "-prune -o -path '*/refs/heads/feat' -prune -o -path '*/logs/refs/heads/feat' -prune -o "
         "-type f -exec sha1sum {} + | LC_ALL=C sort",
         "sh", dir.empty() ? person_.project() : dir},
        "/");
    EXPECT_EQ(listing.exit_code, 0) << listing.err;
    return listing.out;
  }

  std::string Objects() {
    return person_.Execute({"sh", "-c", "find .git/objects -type f | LC_ALL=C sort"}).out;
  }

  void Inside(const std::string& script) {
    const Finished run = person_.Sh("set -e; " + script);
    ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  }

  Finished Bring(std::vector<std::string> more = {}, const std::string& cwd = {}) {
    more.insert(more.begin(), {"branch", "feat"});
    return person_.Ambit(std::move(more), cwd);
  }

  void ExpectBrought(std::vector<std::string> more = {}) {
    const std::string before = HostState();
    const Finished brought = Bring(std::move(more));
    EXPECT_EQ(brought.exit_code, 0) << brought.err;
    EXPECT_EQ(HostState(), before);
    EXPECT_EQ(Git("fsck --strict --no-dangling"), "");
  }

  /// Nothing at all arrives: no ref, no object, no file left behind.
  void ExpectRefused(const std::string& named, std::vector<std::string> more = {}) {
    const std::string before = HostState();
    const std::string objects = Objects();
    const Finished refused = Bring(std::move(more));
    EXPECT_EQ(refused.exit_code, 125) << refused.out;
    EXPECT_THAT(refused.err, HasSubstr(named));
    EXPECT_EQ(HostState(), before);
    EXPECT_EQ(Objects(), objects);
    EXPECT_FALSE(person_.Exists("project/.git/refs/heads/feat"));
    EXPECT_EQ(person_.Execute({"sh", "-c", "find ../home -name 'ambit-branch-*'"}).out, "");
  }

  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Branch, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Branch, TwoCommitsAndAnEditArriveAndTheHostStaysAsItWas) {
  person_.Write("project/mine.txt", "the host's own, not committed\n");
  Inside(
      "echo two >>a.txt; git commit -qam second; echo c >c.txt; git add c.txt; git commit -qm "
      "third;"
      "echo three >>a.txt; echo new >new.txt; echo x >x.log; mkdir build; echo y >build/y; rm "
      "dir/b.txt; ln -s a.txt link; chmod +x c.txt");
  ExpectBrought();
  EXPECT_EQ(Git("log --format='%an <%ae> %s' feat | sed 's/r-[0-9a-z]*/RUN/'"),
            "Ada <ada@example.invalid> Changes of ambit run RUN\n"
            "Ada <ada@example.invalid> third\nAda <ada@example.invalid> second\n"
            "T <t@example.invalid> start\n");
  EXPECT_EQ(Git("ls-tree -r --format='%(objectmode) %(path)' feat"),
            "100644 .gitignore\n100644 a.txt\n100755 c.txt\n120000 link\n100644 new.txt\n");
  EXPECT_EQ(Git("show feat:a.txt"), "one\ntwo\nthree\n");
  EXPECT_EQ(Git("show feat:link"), "a.txt");
  EXPECT_EQ(Git("show feat~1:a.txt"), "one\ntwo\n");
  EXPECT_EQ(Git("status --porcelain"), "?? mine.txt\n");
  EXPECT_EQ(Git("branch --show-current"), "main\n");
  EXPECT_EQ(Git("for-each-ref --format='%(refname)'"), "refs/heads/feat\nrefs/heads/main\n");
}

TEST_P(Branch, ARunWithoutCommitsBringsOneAndARunWithoutEditsBringsTheAgents) {
  Inside("echo two >>a.txt");
  ExpectBrought();
  EXPECT_EQ(Git("rev-list --count main..feat"), "1\n");
  Inside("echo three >>a.txt; git commit -qam mine");
  const Finished brought = person_.Ambit({"branch", "feat2"});
  EXPECT_EQ(brought.exit_code, 0) << brought.err;
  EXPECT_EQ(Git("log --format=%s main..feat2"), "mine\n");
}

TEST_P(Branch, WhatTheAgentTookBackIsTakenBackOnTheBranchToo) {
  Inside(
      "echo two >>a.txt; echo c >c.txt; git add -A; git commit -qm second; echo one >a.txt; rm "
      "c.txt");
  ExpectBrought();
  EXPECT_EQ(Git("diff --stat main feat"), "");
  EXPECT_EQ(Git("show feat~1:a.txt"), "one\ntwo\n");
  // A second branch of the same run is the same.
  ASSERT_EQ(person_.Ambit({"branch", "feat2"}).exit_code, 0);
  EXPECT_EQ(Git("diff --stat main feat2"), "");
  EXPECT_EQ(Git("rev-list --count main..feat2"), "2\n");
}

TEST_P(Branch, EditsStandOnTheCommitTheHostWasOnWhenTheRunBegan) {
  const std::string then = Git("rev-parse main");
  Inside("echo two >>a.txt");
  person_.Write("project/a.txt", "the host's\n");
  person_.Write("project/later.txt", "later\n");
  ASSERT_EQ(
      Git("add -A; GIT_COMMITTER_DATE=\"@$(($(date +%s) + 100)) +0000\" git commit -qm later"), "");
  ExpectBrought();
  EXPECT_EQ(Git("rev-parse feat~1"), then);
  EXPECT_EQ(Git("diff --name-only feat~1 feat"), "a.txt\n");
  EXPECT_EQ(Git("show feat:a.txt"), "one\ntwo\n");
}

TEST_P(Branch, MergesRebasesPackedRefsAndRepackedObjectsArrive) {
  Inside(
      "git switch -q -c side; echo s >s; git add s; git commit -qm side; git switch -q main; echo "
      "m "
      ">m; git add m; git commit -qm m; git merge -q --no-edit side; git switch -q -c other; mkdir "
      "moved; "
      "git mv dir/b.txt moved/b.txt; git commit -qm moved; git pack-refs --all; git gc -q "
      "--prune=now");
  ExpectBrought();
  EXPECT_EQ(Git("log --merges --format=%s feat"), "Merge branch 'side'\n");
  EXPECT_EQ(Git("ls-tree -r --name-only feat"), ".gitignore\na.txt\nm\nmoved/b.txt\ns\n");
}

TEST_P(Branch, ADirectoryThatMovedArrivesInItsNewPlace) {
  Inside("mv dir moved; echo more >>moved/b.txt; mv a.txt z.txt");
  ExpectBrought();
  EXPECT_EQ(Git("ls-tree -r --name-only feat"), ".gitignore\nmoved/b.txt\nz.txt\n");
  EXPECT_EQ(Git("show feat:moved/b.txt"), "b\nmore\n");
}

TEST_P(Branch, NamesOfAnyBytesArrive) {
  Inside(R"sh(printf 1 >'a"b\c'; printf 2 >"$(printf 'n\nl')"; printf 3 >':(top)x'
printf 4 >"$(printf '\377')"; printf 5 >'#x'; printf 6 >' -x '; printf 7 >'*')sh");
  ExpectBrought();
  EXPECT_EQ(Git("diff --name-only -z main feat | tr '\\0' '|'"),
            " -x |#x|*|:(top)x|a\"b\\c|n\nl|\xff|");
  EXPECT_EQ(Git("show 'feat: -x '"), "6");
}

TEST_P(Branch, NothingOfTheRunsRepositoryIsExecutedOrObeyed) {
  const std::string mark = person_.home() + "/pwned";
  const std::string evil = "touch " + mark + "; cat";
  person_.Write("project/.git/hooks/reference-transaction", "#!/bin/sh\n" + evil + "\n", 0755);
  Git("branch control");
  EXPECT_TRUE(person_.Exists("home/pwned"));  // the control: git itself runs it
  ASSERT_EQ(person_.Execute({"rm", mark}).exit_code, 0);
  const std::string config = person_.Read("project/.git/config");
  Inside("echo two >>a.txt; git commit -qam second; E='" + evil + R"(';
for h in pre-commit post-checkout post-commit reference-transaction post-index-change pre-push update; do
  printf '#!/bin/sh\n%s\n' "$E" >.git/hooks/$h; chmod +x .git/hooks/$h; done
echo three >>a.txt; echo x >new.c
git config alias.branch "!$E"; git config core.fsmonitor "$E"; git config core.sshCommand "$E"
git config core.hooksPath .git/hooks; git config core.pager "$E"; git config core.editor "$E"
git config filter.x.clean "$E"; git config filter.x.smudge "$E"; git config filter.x.process "$E"
git config diff.x.textconv "$E"; git config diff.x.command "$E"; git config diff.external "$E"
git config gpg.program "$E"; git config commit.gpgSign true; git config credential.helper "!$E"
git config url.evil:.insteadOf https:; git config core.worktree /tmp; git config core.excludesFile a.txt
echo '* filter=x diff=x text eol=crlf working-tree-encoding=UTF-16' >.git/info/attributes
echo '*' >.git/info/exclude
printf garbage >.git/index)");
  ExpectBrought();
  EXPECT_FALSE(person_.Exists("home/pwned"));
  EXPECT_EQ(person_.Read("project/.git/config"), config);
  EXPECT_EQ(Git("show feat:a.txt"), "one\ntwo\nthree\n");
  EXPECT_EQ(Git("show feat:new.c"), "x\n");
}

TEST_P(Branch, MovedAndDeletedRefsStayInTheRun) {
  Git("tag v1");
  Git("branch keep");
  const std::string refs = Git("for-each-ref");
  Inside(
      "git tag -d v1; git branch -D keep; git switch -q --orphan lost; git commit -q --allow-empty "
      "-m lost;"
      "git update-ref refs/heads/main HEAD; git update-ref refs/heads/evil HEAD; git reflog expire "
      "--expire=now --all; git gc -q --prune=now; git switch -q --detach; git checkout -q -f HEAD");
  ExpectBrought();
  EXPECT_EQ(Git("for-each-ref | grep -v heads/feat"), refs);
  EXPECT_THAT(Git("log --format=%s feat"), HasSubstr("lost"));
}

TEST_P(Branch, ReplacementsAndGraftsChangeNothing) {
  Inside(
      "echo two >>a.txt; git commit -qam second; real=$(git rev-parse HEAD); echo fake >f; git add "
      "f; "
      "git commit -qm fake; git replace $real HEAD; git reset -q --hard $real; echo $real "
      ">.git/info/grafts; "
      "echo $real >.git/shallow");
  ExpectBrought();
  EXPECT_EQ(Git("log --format=%s feat~1"), "second\nstart\n");
  EXPECT_EQ(Git("replace"), "");
  EXPECT_FALSE(person_.Exists("project/.git/shallow"));
}

TEST_P(Branch, ObjectsOutOfAnAlternateAreMissing) {
  Inside(
      "git init -q --bare /tmp/alt; echo two >>a.txt; git add a.txt; "
      "GIT_OBJECT_DIRECTORY=/tmp/alt/objects GIT_ALTERNATE_OBJECT_DIRECTORIES=$PWD/.git/objects "
      "git "
      "commit -qm elsewhere; echo /tmp/alt/objects >.git/objects/info/alternates; git log -1 "
      ">/dev/null");
  ExpectRefused("not a commit");
  EXPECT_FALSE(person_.Exists("project/.git/objects/info/alternates"));
}

TEST_P(Branch, ObjectsThatAreMissingOrAreNotWhatTheirNamesSayAreRefused) {
  Inside(
      "echo two >>a.txt; git commit -qam second; b=$(git rev-parse HEAD:a.txt); "
      "f=.git/objects/$(echo "
      "$b | cut -c1-2)/$(echo $b | cut -c3-); rm -f $f");
  ExpectRefused("git rev-list");
  Inside(
      "echo two >>a.txt; git commit -qam second; b=$(git rev-parse HEAD:a.txt); o=$(echo other | "
      "git "
      "hash-object -w --stdin); p() { echo .git/objects/$(echo $1 | cut -c1-2)/$(echo $1 | cut "
      "-c3-); }; cp -f $(p $o) $(p $b)");
  ExpectRefused("git ");
}

TEST_P(Branch, ACommitOfTheHostWithOtherContentInTheRunStaysTheHosts) {
  Inside(
      "base=$(git rev-parse HEAD); echo evil >e; git add e; git commit -qm evil; evil=$(git "
      "rev-parse "
      "HEAD); git reset -q --hard $base; p() { echo .git/objects/$(echo $1 | cut -c1-2)/$(echo $1 "
      "| "
      "cut -c3-); }; cp -f $(p $evil) $(p $base); echo ok >ok");
  ExpectBrought();
  EXPECT_EQ(Git("log --format=%s feat~1"), "start\n");
  EXPECT_EQ(Git("diff --name-only main feat"), "ok\n");
  EXPECT_EQ(Git("log --format=%s main"), "start\n");
  EXPECT_EQ(Git("ls-tree -r --name-only main"), ".gitignore\na.txt\ndir/b.txt\n");
  EXPECT_EQ(Git("fsck --strict --no-dangling"), "");
}

TEST_P(Branch, TreesThatWriteBelowGitAreRefused) {
  for (const char* name : {".git", ".GIT", "git~1", ".g\\342\\200\\214it", ".."}) {
    Inside(std::string(
               "b=$(echo x | git hash-object -w --stdin); t=$(printf '100644 blob %s\\thook\\0' $b "
               "| git mktree -z); r=$(printf '040000 tree %s\\t") +
           name +
           "\\0' $t | git mktree -z); git update-ref HEAD $(git commit-tree -p HEAD -m x $r)");
    ExpectRefused("git index-pack");
  }
}

TEST_P(Branch, AHeadThatIsNoBranchIsRefused) {
  Inside("printf 'ref: refs/heads/../../../../etc/passwd\\n' >.git/HEAD");
  ExpectRefused("is not a branch");
  Inside("rm .git/HEAD; ln -s /etc/passwd .git/HEAD");
  ExpectRefused("not a plain file");
  Inside("rm .git/HEAD; mkfifo .git/HEAD");
  ExpectRefused("not a plain file");
  Inside("b=$(git rev-parse HEAD:a.txt); echo $b >.git/HEAD");
  ExpectRefused("not a commit");
  Inside(
      "git symbolic-ref refs/heads/x refs/heads/y; git symbolic-ref refs/heads/y refs/heads/x; "
      "printf 'ref: refs/heads/x\\n' >.git/HEAD");
  ExpectRefused("without end");
  Inside("rm -rf .git/objects; ln -s /tmp .git/objects");
  ExpectRefused("in the place of");
}

TEST_P(Branch, AHeldPathInAnyCommitAsksForTheWholeBranch) {
  Inside(
      "echo run >.envrc; mkdir -p .github/workflows; echo on >.github/workflows/ci.yml; git add "
      "-A; "
      "git commit -qm planted; git rm -q .envrc; git commit -qm hidden");
  ExpectRefused(".envrc");
  ExpectRefused(".github/workflows/ci.yml", {"--consent", ".envrc"});
  ExpectBrought({"--consent", ".envrc", "--consent", ".github/workflows/ci.yml"});
}

TEST_P(Branch, WhatOnlyAMergeBringsIsHeldAndWhatItTakesFromTheHostIsNot) {
  person_.Write("project/.envrc", "the host's\n");
  Git("switch -q -c envs && git add .envrc && git commit -qm envs && git switch -q main");
  const std::string merge =
      "echo m >m; git add m; git commit -qm m; git merge -q --no-commit envs; ";
  Inside(merge + "git commit -qm merge");
  ExpectBrought();
  EXPECT_EQ(Git("show feat:.envrc"), "the host's\n");
  ASSERT_EQ(Git("branch -q -D feat"), "");
  Inside(merge +
         "echo evil >>.envrc; mkdir .vscode; echo x >.vscode/tasks.json; git add -A; git commit "
         "-qm merge");
  ExpectRefused(".envrc");
  ExpectRefused(".vscode/tasks.json");
}

TEST_P(Branch, LinksOutLifecycleScriptsAndSubmodulesAreHeldAndOrdinaryOnesAreNot) {
  Inside("ln -s ../../etc/passwd dir/out");
  ExpectRefused("dir/out");
  Inside(R"(echo '{"scripts":{"postinstall":"x"}}' >package.json)");
  ExpectRefused("package.json");
  Inside("git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),sub; git commit -qm sub");
  ExpectRefused("sub: it names a commit of a submodule");
  Inside(
      "git config -f .gitmodules submodule.x.path x; git config -f .gitmodules submodule.x.url u");
  ExpectRefused(".gitmodules");
  Inside(
      "git config -f .gitmodules submodule.x.update '!touch x'; git add -A; git commit -qm evil");
  ExpectRefused("gitmodules");
  Inside(R"(ln -s ../a.txt dir/in; echo '{"scripts":{"test":"x"}}' >package.json)");
  ExpectBrought();
}

TEST_P(Branch, BombsAndHugeFilesAreTooLargeInTime) {
  const auto began = std::chrono::steady_clock::now();
  const std::string bomb =
      "t=$(printf '100644 blob %s\\tf\\n' $(echo x | git hash-object -w --stdin) | git mktree); "
      "for d "
      "in 1 2 3 4 5 6 7 8 9 10; do t=$(for n in 0 1 2 3 4 5 6 7 8 9; do printf '040000 tree "
      "%s\\td%s\\n' "
      "$t $n; done | git mktree); done; git update-ref HEAD $(git commit-tree -p HEAD -m bomb "
      "$t); ";
  Inside(bomb);
  ExpectRefused("too large");
  Inside(bomb + "git update-ref HEAD $(git commit-tree -p HEAD -m innocent HEAD~1^{tree})");
  ExpectRefused("too large");
  Inside("truncate -s 5G huge");
  ExpectRefused("too large");
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(120));
}

TEST_P(Branch, AHugeBlobOfACommitIsTooLarge) {
  const Finished run = person_.Sh(
      "truncate -s 1100M huge; git -c core.compression=1 add huge; git commit -qm huge; rm huge",
      {}, std::chrono::seconds(120));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  ExpectRefused("too large");
}

TEST_P(Branch, NamesThatExistOrAreNoneAreRefused) {
  Inside("echo two >>a.txt");
  Git("branch taken");
  for (const char* name : {"taken", "main", "taken/x"}) {
    EXPECT_THAT(person_.Ambit({"branch", name}).err, HasSubstr("already")) << name;
  }
  for (const char* name : {"a..b", "a b", "x.lock", "/x", "x/", "HEAD", "@{-1}", "a\nb"}) {
    const Finished refused = person_.Ambit({"branch", name});
    EXPECT_EQ(refused.exit_code, 125) << name;
    EXPECT_THAT(refused.err, HasSubstr("no name for a branch")) << name;
  }
  EXPECT_EQ(Git("for-each-ref --format='%(refname)'"), "refs/heads/main\nrefs/heads/taken\n");
}

TEST_P(Branch, ARunThatMadeNothingBringsNothing) {
  Inside("true");
  ExpectRefused("made nothing");
}

TEST_P(Branch, ARunThatStillRunsIsRefused) {
  const pid_t pid = person_.Start({"run", "-q", "--", "sh", "-c", "echo x >x; sleep 60"}, "out");
  std::string said;
  for (int tries = 0; tries < 100 && !said.contains("still runs"); ++tries) {
    said = Bring().err;
    ::usleep(50'000);
  }
  ::kill(pid, SIGTERM);
  ::waitpid(pid, nullptr, 0);
  EXPECT_THAT(said, HasSubstr("still runs"));
}

TEST_P(Branch, ARepositoryBelowTheProjectIsLeftOutAndNamed) {
  Inside("git init -q sub; echo s >sub/s; echo n >n");
  const Finished brought = Bring();
  EXPECT_EQ(brought.exit_code, 0) << brought.err;
  EXPECT_THAT(brought.err, HasSubstr("left out: 1 files in repositories below"));
  EXPECT_EQ(Git("diff --name-only main feat"), "n\n");
}

TEST_P(Branch, WithoutARepositoryOnTheHostThereIsNoBranch) {
  ASSERT_EQ(person_.Execute({"rm", "-rf", ".git"}).exit_code, 0);
  Inside("git init -q; git add -A; git commit -qm mine");
  const Finished refused = Bring();
  EXPECT_EQ(refused.exit_code, 125);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("no git repository"), HasSubstr("ambit apply")));
}

TEST_P(Branch, ALinkedWorktreesCommitsArriveInItsRepository) {
  const std::string tree = person_.root() + "/tree";
  Git("worktree add -q -b wt " + tree);
  const std::string before = HostState();
  const std::string before_tree = HostState(tree);
  const Finished run = person_.Ambit(
      {"run", "-q", "--", "sh", "-c",
       "set -e; echo two >>a.txt; git commit -qam second; echo three >>a.txt; git config "
       "core.editor "
       "evil; echo x >../project/.git/hooks/post-commit; git branch other; git update-ref "
       "refs/heads/main HEAD"},
      tree);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Finished brought = Bring({}, tree);
  EXPECT_EQ(brought.exit_code, 0) << brought.err;
  EXPECT_EQ(HostState(), before);
  EXPECT_EQ(HostState(tree), before_tree);
  EXPECT_EQ(Git("show feat:a.txt"), "one\ntwo\nthree\n");
  EXPECT_EQ(Git("rev-list --count main..feat"), "2\n");
}

TEST_P(Branch, ASubmodulesCommitsArriveInItsRepository) {
  const std::string outer = person_.root() + "/outer";
  ASSERT_EQ(person_
                .Execute({"sh", "-c",
                          "git init -q -b main $1 && cd $1 && git -c protocol.file.allow=always "
                          "submodule -q add $2 sub && git commit -qm sub",
                          "sh", outer, person_.project()})
                .exit_code,
            0);
  const std::string before = HostState(outer);
  const Finished run = person_.Ambit(
      {"run", "-q", "--", "sh", "-c", "echo two >>a.txt; git commit -qam second; echo n >n"},
      outer + "/sub");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Finished brought = Bring({}, outer + "/sub");
  EXPECT_EQ(brought.exit_code, 0) << brought.err;
  EXPECT_EQ(HostState(outer), before);
  EXPECT_EQ(Git("rev-list --count main..feat", outer + "/sub"), "2\n");
}

TEST_P(Branch, ARepositoryWithSha256NamesIsServed) {
  ASSERT_EQ(person_
                .Execute({"sh", "-c",
                          "rm -rf .git; git init -q -b main --object-format=sha256 . && git add -A "
                          "&& git commit -qm start"})
                .exit_code,
            0);
  Inside("echo two >>a.txt; git commit -qam second; echo n >n");
  ExpectBrought();
  EXPECT_EQ(Git("rev-list --count main..feat"), "2\n");
  EXPECT_EQ(Git("rev-parse feat").size(), 65U);
}

TEST_P(Branch, WhatRootBringsBelongsToTheRepositorysOwner) {
  if (GetParam() != Who::kRoot) return;  // only root acts for others
  const std::string owner = "1234:1234";
  ASSERT_EQ(person_.Execute({"chown", "-R", owner, person_.project()}).exit_code, 0);
  person_.Write("home/.gitconfig",
                "[user]\n\tname = Ada\n\temail = ada@example.invalid\n[safe]\n\tdirectory = *\n");
  Inside(
      "git config --global safe.directory '*'; echo two >>a.txt; git commit -qam second; echo n "
      ">n");
  ExpectBrought();
  EXPECT_EQ(Git("rev-list --count main..feat"), "2\n");
  EXPECT_EQ(person_.Execute({"sh", "-c", "find . ! -uid 1234 -o ! -gid 1234"}).out, "");
}

}  // namespace
}  // namespace ambit::testing
