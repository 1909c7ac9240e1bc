// `ambit branch`: what needs a consent before any of it arrives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "branch_for_test.h"

namespace ambit::testing {
namespace {

using ::testing::HasSubstr;

class BranchGate : public BranchTest {};
INSTANTIATE_TEST_SUITE_P(As, BranchGate, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(BranchGate, AHeldPathInAnyCommitAsksForTheWholeBranch) {
  Inside(
      "echo run >.envrc; mkdir -p .github/workflows; echo on >.github/workflows/ci.yml; git add "
      "-A; "
      "git commit -qm planted; git rm -q .envrc; git commit -qm hidden");
  ExpectRefused(".envrc");
  ExpectRefused(".github/workflows/ci.yml", {"--consent", ".envrc"});
  ExpectBrought({"--consent", ".envrc", "--consent", ".github/workflows/ci.yml"});
}

TEST_P(BranchGate, WhatACommitDoesToASecretFileIsSaid) {
  person_.Write("project/server.pem", "not to be seen\n");
  person_.Write("project/.env", "A=real\n");
  Git("add -f server.pem .env");
  Git("commit -qm secrets");
  Inside("echo more >> a.txt; git commit -qam all; git rev-parse --short=12 HEAD > commit.log");
  const Finished diff = person_.Ambit({"diff", "--", "commit.log"});
  const std::size_t added = diff.out.rfind("\n+") + 2;
  const std::string commit = diff.out.substr(added, 12);
  const std::string pem =
      "server.pem: it was hidden from the run, so git took it for deleted (commit " + commit +
      " deletes it)";
  const std::string env =
      ".env: the run saw it masked: it may hold placeholders for your values (commit " + commit +
      " changes it)";
  ExpectRefused(pem);
  ExpectRefused(env);
  ExpectRefused("shows what is left of it in the files; then say --consent PATH");
  ExpectRefused(pem, {"--consent", ".env"});
  ExpectBrought({"--consent", ".env", "--consent", "server.pem"});
}

TEST_P(BranchGate, ACommitOfTheFilesThatAreAddedLeavesSecretOnesAlone) {
  person_.Write("project/server.pem", "not to be seen\n");
  person_.Write("project/.env", "A=real\n");
  Git("add -f server.pem .env");
  Git("commit -qm secrets");
  Inside("echo more >> a.txt; git add a.txt; git commit -qm one");
  ExpectBrought();
  EXPECT_EQ(Git("diff --name-only main feat"), "a.txt\n");
}

TEST_P(BranchGate, AConsentToAGatedDirectoryStandsForAllInItAsInApply) {
  Inside(
      "mkdir -p .vscode/sub x; echo 1 >.vscode/tasks.json; echo 2 >.vscode/sub/b; echo 3 "
      ">x/.envrc; "
      "git add -A; git commit -qm planted; git init -q --bare fixture.git; touch "
      "fixture.git/refs/x fixture.git/objects/x; git add -A; "
      "git commit -qm bare");
  ExpectRefused("x/.envrc", {"--consent", ".vscode", "--consent", "fixture.git"});
  ExpectRefused("x/.envrc", {"--consent", ".vscode", "--consent", "fixture.git", "--consent", "x"});
  ExpectRefused("fixture.git/config", {"--consent", ".vscode", "--consent", "x/.envrc"});
  ExpectBrought({"--consent", ".vscode/", "--consent", "./fixture.git", "--consent",
                 person_.project() + "/x/.envrc"});
}

TEST_P(BranchGate, AStricterPolicyOfNowCounts) {
  Inside("echo run >.envrc; git add -A; git commit -qm planted");
  person_.Write("home/.config/ambit/config.toml", "[apply]\nauto_exec = \"deny\"\n");
  ExpectRefused("the policy lets nothing of the kind through", {"--consent", ".envrc"});
  ASSERT_EQ(person_.Execute({"rm", person_.home() + "/.config/ambit/config.toml"}).exit_code, 0);
  ExpectBrought({"--consent", ".envrc"});
}

TEST_P(BranchGate, AConsentThatNamesNothingOfTheBranchIsAnError) {
  Inside("echo run >.envrc; git add -A; git commit -qm planted");
  ExpectRefused("no commit of the branch changes anything at '.envr'",
                {"--consent", ".envrc", "--consent", ".envr"});
  ExpectRefused("is not in the project", {"--consent", "../.envrc"});
  ExpectBrought({"--consent", ".envrc"});  // the control
}

TEST_P(BranchGate, WhatOnlyAMergeBringsIsHeld) {
  Git("branch side");
  Inside(
      "echo m >m; git add m; git commit -qm m; git switch -q side; echo s >s; git add s; git "
      "commit "
      "-qm s; git switch -q main; git merge -q --no-commit side; echo evil >.envrc; mkdir .vscode; "
      "echo x >.vscode/tasks.json; git add -A; git commit -qm merge");
  ExpectRefused(".envrc");
  ExpectRefused(".vscode/tasks.json");
}

TEST_P(BranchGate, WhatTheRunTakesFromAnotherBranchOfTheHostIsHeldToo) {
  person_.Write("project/.envrc", "of a branch nobody has looked at\n");
  Git("switch -q -c envs && git add .envrc && git commit -qm envs && git switch -q main");
  Inside("git reset -q --hard envs");
  ExpectRefused(".envrc");
  Inside("git merge -q envs; echo more >m");
  ExpectRefused(".envrc");
  Inside("echo m >m; git add m; git commit -qm m; git merge -q --no-edit envs");
  ExpectRefused(".envrc");
  ExpectBrought({"--consent", ".envrc"});
  EXPECT_EQ(Git("show feat:.envrc"), "of a branch nobody has looked at\n");
}

TEST_P(BranchGate, WithoutACommitAtTheStartAllOfTheResultIsLookedAt) {
  ASSERT_EQ(person_.Execute({"sh", "-c", "rm -rf .git && git init -q -b main ."}).exit_code, 0);
  Inside(
      "echo x >.envrc; git add -A; git commit -qm first; git rm -q .envrc; git commit -qm hidden");
  ExpectRefused(".envrc");
  Inside("git add a.txt; git commit -qm first");
  const Finished brought = Bring();
  EXPECT_EQ(brought.exit_code, 0) << brought.err;
  EXPECT_EQ(Git("log --format=%s feat"), "first\n");
}

TEST_P(BranchGate, WhatLiesInABareRepositoryIsHeld) {
  ASSERT_EQ(person_
                .Execute({"sh", "-c",
                          "git init -q --bare mine.git && git init -q --bare t.git "
                          "&& git add -A && git commit -qm fixtures"})
                .exit_code,
            0);
  ASSERT_EQ(person_.Execute({"sh", "-c", "git init -q --bare untracked.git"}).exit_code, 0);
  Inside("printf '#!/bin/sh\n' >mine.git/hooks/helper; git add -A; git commit -qm hook");
  ExpectRefused("mine.git/hooks/helper: lies in a git repository");
  Inside("git config -f t.git/config core.fsmonitor x");
  ExpectRefused("t.git/config: lies in a git repository");
  Inside("mkdir -p untracked.git/hooks; echo >untracked.git/hooks/helper");
  ExpectRefused("untracked.git/hooks/helper: lies in a git repository");
  Inside(
      "rm t.git/HEAD; mkdir new.git new.git/objects new.git/refs; cp mine.git/HEAD new.git; echo "
      ">new.git/config; echo >new.git/objects/x; echo >new.git/refs/x");
  ExpectRefused("new.git/config: lies in a git repository");
  Inside("mkdir plain; echo x >plain/config; mkdir plain/hooks; echo x >plain/hooks/x");
  ExpectBrought();  // the control
}

TEST_P(BranchGate, APackageJsonByAnotherSpellingIsOne) {
  Inside(R"(echo '{"scripts":{"postinstall":"x"}}' >"Package.json.")");
  ExpectRefused("its lifecycle scripts changed");
}

TEST_P(BranchGate, LinksOutLifecycleScriptsAndSubmodulesAreHeldAndOrdinaryOnesAreNot) {
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

}  // namespace
}  // namespace ambit::testing
