// ambit apply: what stays inside, or needs a consent of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "apply_for_test.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ApplyGate : public ApplyTest {};
INSTANTIATE_TEST_SUITE_P(As, ApplyGate, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(ApplyGate, WhatTheHostWouldRunNeedsAConsentOfItsOwn) {
  person_.Write("project/package.json", R"({"scripts":{"test":"true"},"version":"1"})");
  Run("mkdir -p deep/.vscode .github/workflows src; echo t > deep/.vscode/tasks.json; "
      "echo x > .envrc; echo w > .github/workflows/ci.yml; echo s > src/s; ln -s ../src "
      "deep/.husky;"
      "echo '{\"scripts\":{\"test\":\"true\",\"postinstall\":\"x\"},\"version\":\"1\"}' > "
      "package.json");
  const Finished applied = ApplyYes();
  EXPECT_EQ(applied.exit_code, 1) << applied.out;
  EXPECT_THAT(applied.out,
              AllOf(HasSubstr("held .envrc: "), HasSubstr("A src/s\n"),
                    HasSubstr("held deep/.vscode/tasks.json: "), HasSubstr("held deep/.husky: "),
                    HasSubstr("held .github/workflows/ci.yml: "),
                    HasSubstr("held package.json: its lifecycle scripts changed\n")));
  EXPECT_EQ(Host("find . -type f | sort").out, "./package.json\n./src/s\n");
  EXPECT_EQ(person_.Read("project/package.json").find("postinstall"), std::string::npos);
  const Finished broad = ApplyYes({"--consent", "deep"});
  EXPECT_THAT(broad.out, HasSubstr("held deep/.vscode/tasks.json: "));
  const Finished some =
      ApplyYes({"--consent", "deep/.vscode", "--consent", ".envrc", "--consent", "package.json"});
  EXPECT_EQ(some.exit_code, 1) << some.out;
  EXPECT_EQ(person_.Read("project/deep/.vscode/tasks.json"), "t\n");
  EXPECT_EQ(person_.Read("project/.envrc"), "x\n");
  EXPECT_THAT(person_.Read("project/package.json"), HasSubstr("postinstall"));
  EXPECT_FALSE(person_.Exists("project/.github"));
  EXPECT_FALSE(person_.Exists("project/deep/.husky"));
}

TEST_P(ApplyGate, WhatARenameLeftThatWasCutShortStaysInside) {
  person_.Write("project/big/one", "1\n");
  person_.Write("project/big/inner/two", "2\n");
  Run("mkdir -p .ambit-moving-0123456789abcdef big2 && mv big/one .ambit-moving-0123456789abcdef/ "
      "&& chmod 700 big/inner && echo x > fine");
  const Finished applied = ApplyYes();
  EXPECT_EQ(applied.exit_code, 1) << applied.out;
  EXPECT_THAT(applied.out, AllOf(HasSubstr("refused .ambit-moving-0123456789abcdef/one: "),
                                 HasSubstr("conflict big/one: "),
                                 HasSubstr("conflict big/inner/: "), HasSubstr("A fine\n")));
  EXPECT_EQ(person_.Read("project/big/one"), "1\n");
  EXPECT_EQ(Host("stat -c %a big/inner").out, "755\n");
}

TEST_P(ApplyGate, AManifestWhoseScriptsStayComesByItself) {
  person_.Write("project/package.json", R"({"scripts":{"test":"true"},"version":"1"})");
  Run("sed -i s/1/2/ package.json");
  EXPECT_EQ(ApplyYes().exit_code, 0);
  EXPECT_THAT(person_.Read("project/package.json"), HasSubstr(R"("version":"2")"));
}

TEST_P(ApplyGate, NothingBelowAnyGitEverComes) {
  person_.Write("project/file", "x\n");
  person_.MakeGitProject();
  ASSERT_EQ(Host("mkdir -p nested && cd nested && git init -q . && echo n > n").exit_code, 0);
  const std::string before = person_.Fingerprint(Project(".git"));
  const std::string nested = person_.Fingerprint(Project("nested/.git"));
  Run("for d in .git/hooks nested/.git/hooks a/.git/hooks a/b/c/.git/hooks .GIT/hooks a/.Git/hooks "
      "'a/.git /hooks' 'a/.git./hooks'; do mkdir -p \"$d\"; printf '#!/bin/sh\\n' > "
      "\"$d/post-checkout\"; chmod 755 \"$d/post-checkout\"; done; git config alias.x '!x'; "
      "echo y >> file; mkdir sub; echo 'gitdir: ../a' > sub/.git; ln -s .git/hooks hooks; "
      "echo z > a/ordinary");
  const Finished applied = ApplyYes({"--consent", "file"});
  EXPECT_EQ(applied.exit_code, 1) << applied.out << applied.err;
  EXPECT_EQ(Host("find . -path ./.git -prune -o -path ./nested/.git -prune -o "
                 "-iname '*git*' -print; find . -name post-checkout")
                .out,
            "");
  EXPECT_EQ(person_.Fingerprint(Project(".git")), before);
  EXPECT_EQ(person_.Fingerprint(Project("nested/.git")), nested);
  EXPECT_THAT(applied.out, AllOf(HasSubstr("refused a/.git/: "), HasSubstr("refused .GIT/: "),
                                 HasSubstr("refused hooks: "), HasSubstr("A a/ordinary\n"),
                                 HasSubstr("M file\n")));
  EXPECT_THAT(applied.err, HasSubstr("stay inside"));
  EXPECT_EQ(person_.Read("project/file"), "x\ny\n");
}

TEST_P(ApplyGate, ADirectoryMovedAwayFromItsRepositoryLeavesIt) {
  person_.Write("project/sub/file", "x\n");
  ASSERT_EQ(Host("cd sub && git init -q .").exit_code, 0);
  const std::string git = person_.Fingerprint(Project("sub/.git"));
  Run("mv sub moved");
  EXPECT_EQ(ApplyYes().exit_code, 1);
  EXPECT_EQ(person_.Fingerprint(Project("sub/.git")), git);
  EXPECT_EQ(person_.Read("project/moved/file"), "x\n");
  EXPECT_FALSE(person_.Exists("project/moved/.git"));
}

TEST_P(ApplyGate, HostileThingsStayInside) {
  person_.Write("project/file.txt", "mine\n");
  person_.Write("project/dir/inner.txt", "mine\n");
  person_.Write("outside/file.txt", "outside\n");
  const std::string outside = person_.Fingerprint(person_.root() + "/outside");
  Run("mkfifo pipe; cp /bin/true suid; chmod 6755 suid; mkdir sticky; chmod 3777 sticky; "
      "rm file.txt; ln -s ../outside/file.txt file.txt; rm -r dir; ln -s " +
      person_.root() +
      "/outside dir; mkdir -p p/q; ln -s ../../p/../../outside p/q/up; ln -s ../../../x p/q/out; "
      "ln -s ../r p/q/in; python3 -c 'import socket; "
      "socket.socket(socket.AF_UNIX).bind(\"sock\")'");
  const auto begin = std::chrono::steady_clock::now();
  const Finished applied = ApplyYes();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  EXPECT_EQ(applied.exit_code, 1) << applied.out << applied.err;
  EXPECT_THAT(applied.out,
              AllOf(HasSubstr("refused pipe: a FIFO stays inside\n"), HasSubstr("refused p/q/up: "),
                    HasSubstr("refused sock: a socket stays inside\n"),
                    HasSubstr("refused p/q/out: "), HasSubstr("A p/q/in\n"),
                    HasSubstr("refused file.txt: a symbolic link that leaves the project\n"),
                    HasSubstr("refused dir: a symbolic link with an absolute target\n"),
                    HasSubstr("A suid (without its setuid, setgid and sticky bits)\n")));
  EXPECT_EQ(ModeOf("suid") & 07777U, 0755U);
  EXPECT_EQ(ModeOf("sticky") & 07777U, 0777U);
  EXPECT_EQ(person_.Read("project/file.txt"), "mine\n");
  EXPECT_EQ(Host("find . ! -type f ! -type d ! -type l; find . -perm /7000; "
                 "find . -type l | sort")
                .out,
            "./p/q/in\n");
  EXPECT_EQ(person_.Fingerprint(person_.root() + "/outside"), outside);
}

TEST_P(ApplyGate, WhatLiesInABareRepositoryIsHeld) {
  ASSERT_EQ(Host("git init -q --bare b/x.git").exit_code, 0);
  const std::string before = person_.Fingerprint(Project("b"));
  Run("git config -f b/x.git/config core.fsmonitor evil; printf '#!/bin/sh\\n' > "
      "b/x.git/hooks/helper; git init -q --bare new.git; mkdir plain; echo x > plain/config");
  const Finished shown = person_.Ambit({"diff"});
  EXPECT_THAT(shown.err + shown.out, HasSubstr("b/x.git/config"));
  const Finished applied = ApplyYes();
  EXPECT_EQ(applied.exit_code, 1) << applied.out << applied.err;
  EXPECT_THAT(applied.out,
              AllOf(HasSubstr("held b/x.git/config: lies in a git repository"),
                    HasSubstr("held b/x.git/hooks/helper: lies in a git repository"),
                    HasSubstr("held new.git/config: "), HasSubstr("A plain/config\n")));
  EXPECT_EQ(person_.Fingerprint(Project("b")), before);
  EXPECT_FALSE(person_.Exists("project/new.git"));
  const Finished agreed = ApplyYes({"--consent", "b/x.git"});
  EXPECT_THAT(agreed.out, HasSubstr("M b/x.git/config (lies in a git repository"));
  EXPECT_THAT(person_.Read("project/b/x.git/config"), HasSubstr("evil"));
  EXPECT_FALSE(person_.Exists("project/new.git"));
}

TEST_P(ApplyGate, APackageJsonByAnotherSpellingIsOne) {
  Run(R"(echo '{"scripts":{"postinstall":"x"}}' > Package.json.)");
  EXPECT_EQ(ApplyYes().out, "held Package.json.: its lifecycle scripts changed\n");
}

TEST_P(ApplyGate, ThePolicyOfTheRunSaysWhetherAConsentCounts) {
  const auto run_with = [&](const std::string& choice) {
    person_.Write("home/.config/ambit/config.toml", "[apply]\nauto_exec = \"" + choice + "\"\n");
    Run("mkdir -p .vscode; echo " + choice + " > .vscode/tasks.json; echo x > plain-" + choice);
  };
  run_with("deny");
  const Finished denied = ApplyYes({"--consent", ".vscode"});
  EXPECT_EQ(denied.exit_code, 1);
  EXPECT_THAT(denied.out, AllOf(HasSubstr("A plain-deny"), HasSubstr("refused .vscode/tasks.json"),
                                HasSubstr("policy lets nothing of the kind through")));
  EXPECT_FALSE(person_.Exists("project/.vscode/tasks.json"));
  run_with("allow");
  EXPECT_EQ(ApplyYes().exit_code, 0);
  EXPECT_EQ(person_.Read("project/.vscode/tasks.json"), "allow\n");
}

TEST_P(ApplyGate, ThePolicyOfNowCountsWhereItIsStricterThanTheRuns) {
  const auto user_says = [&](const std::string& choice) {
    person_.Write("home/.config/ambit/config.toml", "[apply]\nauto_exec = \"" + choice + "\"\n");
  };
  user_says("allow");
  Run("mkdir -p .vscode; echo x > .vscode/tasks.json");
  person_.Write("project/ambit.toml", "[apply]\nauto_exec = \"deny\"\n");  // tightens untrusted
  Finished refused = ApplyYes({"--consent", ".vscode"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.out, HasSubstr("refused .vscode/tasks.json"));
  EXPECT_THAT(refused.err, AllOf(HasSubstr("apply.auto_exec is 'deny' now"),
                                 HasSubstr("ambit.toml:2"), HasSubstr("the run's 'allow'")));
  person_.Write("project/ambit.toml", "[apply]\nauto_exec = \"often\"\n");
  refused = ApplyYes();
  EXPECT_EQ(refused.exit_code, 125);  // what cannot be read could be stricter
  EXPECT_THAT(refused.err, HasSubstr("ambit.toml:2"));
  ASSERT_EQ(Host("rm ambit.toml").exit_code, 0);
  user_says("ask");
  EXPECT_THAT(ApplyYes().out, HasSubstr("held .vscode/tasks.json"));
  EXPECT_FALSE(person_.Exists("project/.vscode"));
  EXPECT_EQ(ApplyYes({"--consent", ".vscode"}).exit_code, 0);

  Run("echo y > .vscode/tasks.json");
  user_says("allow");  // opened since: the run's own holds
  const Finished held = ApplyYes();
  EXPECT_THAT(held.out, HasSubstr("held .vscode/tasks.json"));
  EXPECT_THAT(held.err, Not(HasSubstr("auto_exec")));
}

}  // namespace
}  // namespace ambit::testing
