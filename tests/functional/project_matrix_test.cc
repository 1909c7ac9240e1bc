// Where a project may lie and what it may be made of: each case works, or is refused with the way
// out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "functional/own_mounts.h"
#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ProjectMatrix : public ::testing::TestWithParam<Who> {
 protected:
  bool AsRoot() const { return person_.who() == Who::kRoot; }

  /// `ambit run -q FLAGS -- sh -c SCRIPT` in `cwd`.
  Finished ShIn(const std::string& cwd, const std::string& script,
                std::vector<std::string> flags = {},
                std::map<std::string, std::string> environment = {}) const {
    std::vector<std::string> arguments = {"run", "-q"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    for (const std::string& word :
         {std::string("--"), std::string("sh"), std::string("-c"), script})
      arguments.push_back(word);
    return person_.Ambit(std::move(arguments), cwd, std::move(environment));
  }

  void ExpectRefused(const Finished& run, const std::string& named, const std::string& remedy) {
    EXPECT_EQ(run.exit_code, 125) << run.err;
    EXPECT_THAT(run.err, AllOf(HasSubstr(named), HasSubstr(remedy)));
    EXPECT_EQ(run.out, "");
  }

  /// A run reads, writes and is reviewed in `dir`, which is made; the host's tree stays as it is.
  void ExpectWorksIn(const std::string& dir) {
    ASSERT_EQ(
        person_.Execute({"sh", "-c", "mkdir -p \"$1\" && echo old >\"$1/in.txt\"", "sh", dir}, "/")
            .exit_code,
        0);
    const std::string before = person_.Fingerprint(dir);
    const Finished run =
        ShIn(dir, "cat in.txt && echo new > out.txt && echo more >> in.txt && pwd");
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out, "old\n" + fs::canonical(dir).string() + "\n");
    EXPECT_EQ(person_.Fingerprint(dir), before);
    const Finished diff = person_.Ambit({"diff", "--name-status"}, dir);
    EXPECT_EQ(diff.exit_code, 0) << diff.err;
    EXPECT_THAT(diff.out, AllOf(HasSubstr("A\tout.txt"), HasSubstr("M\tin.txt")));
  }

  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, ProjectMatrix, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(ProjectMatrix, WorksWithAnyCharacterInItsPath) {
  for (const char* name :
       {"sp ace", "com,ma", "co:lon", "back\\slash", "new\nline", "not\xff\xfeutf8", "quo'te\"",
        "{brace}%s$HOME`id`", "-dash", "\xc3\xbc\xe2\x82\xac", " ", "a=b"}) {
    SCOPED_TRACE(name);
    ExpectWorksIn(person_.root() + "/" + name + "/p");
  }
}

TEST_P(ProjectMatrix, WorksBelowTmp) {
  const std::string dir =
      (GetParam() == Who::kRoot ? "/tmp/ambit-test-root-" : "/tmp/ambit-test-user-") +
      std::to_string(::getpid());
  ExpectWorksIn(dir + "/p");
  EXPECT_EQ(ShIn(dir + "/p", "ls /tmp").out, fs::path(dir).filename().string() + "\n");
  fs::remove_all(dir);
}

TEST_P(ProjectMatrix, KeepsTheSpellingOfAPathThroughSymlinks) {
  person_.Write("project/in.txt", "old\n");
  const std::string root = person_.root();
  ASSERT_EQ(person_
                .Execute({"sh", "-ec",
                          "ln -s project \"$1/relative\"; ln -s \"$1/relative\" \"$1/twice\"; "
                          "mkdir \"$1/dir\"; ln -s ../twice \"$1/dir/up\"",
                          "sh", root},
                         "/")
                .exit_code,
            0);
  for (const char* link : {"/relative", "/twice", "/dir/up", "/dir/../twice"}) {
    SCOPED_TRACE(link);
    const std::string logical = root + link;
    const std::vector<std::string> command = {
        "run", "-q", "--", "sh", "-c", "cd \"$1\" && cat in.txt && pwd -P", "sh", logical};
    // The control: without the shell's spelling only the real path is there.
    EXPECT_NE(person_.Ambit(command, logical).exit_code, 0);
    const Finished passed = person_.Ambit(command, logical, {{"PWD", logical}});
    EXPECT_EQ(passed.exit_code, 0) << passed.err;
    EXPECT_EQ(passed.out, "old\n" + root + "/project\n");
  }
}

TEST_P(ProjectMatrix, StartsInTheDirectoryTheUserIsIn) {
  person_.Write("project/src/deep/file.txt", "deep\n");
  person_.MakeGitProject();
  const Finished run = ShIn(person_.project() + "/src/deep", "pwd; cat file.txt; ls -d ../../.git");
  EXPECT_EQ(run.out, person_.project() + "/src/deep\ndeep\n../../.git\n") << run.err;
}

TEST_P(ProjectMatrix, TakesTheDirectoryThatIsNamed) {
  person_.Write("project/src/file.txt", "x");
  person_.MakeGitProject();
  const Finished run = ShIn(person_.home(), "pwd; ls -A ..", {"-C", person_.project() + "/src"});
  EXPECT_EQ(run.out, person_.project() + "/src\nsrc\n") << run.err;
}

TEST_P(ProjectMatrix, RefusesWhatIsNoProject) {
  for (const std::string& dir :
       {std::string("/"), person_.home(), person_.root(), std::string("/usr/share"),
        std::string("/etc"), std::string("/tmp"), std::string("/proc")}) {
    SCOPED_TRACE(dir);
    ExpectRefused(ShIn("/", "echo started", {"-C", dir}), "'" + dir + "'", "-C DIR");
  }
  EXPECT_EQ(ShIn("/", "echo started", {"-C", person_.root() + "/nowhere"}).exit_code, 125);
}

TEST_P(ProjectMatrix, RefusesARootThatHoldsTheStateDirectory) {
  person_.Write("project/f", "");
  const Finished run = ShIn(person_.project(), "echo started", {},
                            {{"XDG_STATE_HOME", person_.project() + "/state"}});
  ExpectRefused(run, "state directory", "-C DIR");
  EXPECT_FALSE(person_.Exists("project/state"));
}

TEST_P(ProjectMatrix, WorksAsAChildOfTheHome) {
  person_.Write("home/.secret", "host");
  ExpectWorksIn(person_.home() + "/code/p");
  EXPECT_EQ(ShIn(person_.home() + "/code/p", "ls -A ~").out, "code\n");
}

TEST_P(ProjectMatrix, WarnsAboutAHomeBelowTmpAndWorks) {
  const std::string home =
      "/tmp/ambit-test-home-" + NameOf(GetParam()) + std::to_string(::getpid());
  ASSERT_EQ(person_.Execute({"mkdir", home}).exit_code, 0);
  const Finished run = person_.Ambit({"run", "--", "sh", "-c", "echo $HOME; touch ~/x && ls ~"}, {},
                                     {{"HOME", home}});
  // An overlay's work directory has mode 0: its owner cannot list it before chmod.
  person_.Execute({"sh", "-c", "chmod -R u+rwX \"$1\"; rm -rf \"$1\"", "sh", home}, "/");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, home + "\nx\n");
  EXPECT_THAT(run.err, AllOf(HasSubstr(home), HasSubstr("/tmp")));
}

TEST_P(ProjectMatrix, RefusesAFileSystemMountedBelowIt) {
  person_.Write("project/node_modules/.keep", "");
  const std::string point = person_.project() + "/node_modules";
  const std::string run = AmbitBinary() + " run -q ";
  const std::string set_up = "mount -t tmpfs none '" + point + "'; touch '" + point + "/mounted'";
  const Finished refused = InOwnMounts(person_, set_up, run + "-- echo started");
  ExpectRefused(refused, "'" + point + "'", "--project ro");

  const Finished shown = InOwnMounts(person_, set_up, run + "--project ro -- ls node_modules");
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_EQ(shown.out, "mounted\n");

  const Finished control = InOwnMounts(person_, "true", run + "-- echo started");
  EXPECT_EQ(control.out, "started\n") << control.err;
}

TEST_P(ProjectMatrix, OnAnOverlayWorksForAUserAndIsRefusedForRoot) {
  person_.Write("lower/in.txt", "lower\n");
  for (const char* dir : {"upper", "work"}) person_.Write(std::string(dir) + "/.keep", "");
  const std::string root = person_.root();
  const std::string set_up = "mount -t overlay -o " +
                             std::string(::geteuid() == 0 ? "" : "userxattr,") +
                             "lowerdir=" + root + "/lower,upperdir=" + root +
                             "/upper,workdir=" + root + "/work none " + person_.project();
  const std::string run = AmbitBinary() + " run -q ";
  const Finished changed =
      InOwnMounts(person_, set_up, run + "-- sh -c 'cat in.txt && echo x > out.txt && ls'");
  if (AsRoot()) {
    ExpectRefused(changed, "idmapped", "--project ro");
  } else {
    EXPECT_EQ(changed.exit_code, 0) << changed.err;
    EXPECT_EQ(changed.out, "lower\nin.txt\nout.txt\n");
    EXPECT_FALSE(person_.Exists("upper/out.txt"));
  }
  const Finished read_only = InOwnMounts(person_, set_up, run + "--project ro -- cat in.txt");
  EXPECT_EQ(read_only.exit_code, 0) << read_only.err;
  EXPECT_EQ(read_only.out, "lower\n");
}

TEST_P(ProjectMatrix, WithTheStateOnAnOverlayIsRefusedWithTheRemedy) {
  for (const char* dir : {"lower", "upper", "work", "state"}) {
    person_.Write(std::string(dir) + "/.keep", "");
  }
  const std::string root = person_.root();
  const Finished run =
      InOwnMounts(person_,
                  "mount -t overlay -o " + std::string(::geteuid() == 0 ? "" : "userxattr,") +
                      "lowerdir=" + root + "/lower,upperdir=" + root + "/upper,workdir=" + root +
                      "/work none " + root + "/state",
                  "XDG_STATE_HOME=" + root + "/state " + AmbitBinary() + " run -q -- echo started");
  ExpectRefused(run, AsRoot() ? "idmapped" : "overlay", AsRoot() ? "state" : "XDG_STATE_HOME");
}

TEST_P(ProjectMatrix, UnderAMaskedProcIsRefusedWithTheRemedy) {
  const std::string run = AmbitBinary() + " run -q -- echo started";
  const Finished masked = InOwnMounts(person_, "mount -t tmpfs none /proc/acpi", run);
  ExpectRefused(masked, "fresh /proc", "systempaths=unconfined");
  EXPECT_EQ(InOwnMounts(person_, "true", run).out, "started\n");
}

TEST_P(ProjectMatrix, RootOfAUserNamespaceIsToldThatItIsNone) {
  const Finished run = person_.Execute({"unshare", "--user", "--map-root-user", AmbitBinary(),
                                        "run", "-q", "--", "echo", "started"});
  ExpectRefused(run, "not the machine's", "ordinary user");
}

TEST_P(ProjectMatrix, OnAReadOnlyMountIsStillWritableInside) {
  person_.Write("project/in.txt", "old\n");
  const std::string dir = person_.project();
  const Finished run =
      InOwnMounts(person_, "mount --bind " + dir + " " + dir + "; mount -o remount,bind,ro " + dir,
                  "cd " + dir + "; touch x 2>/dev/null && echo host-writable; " + AmbitBinary() +
                      " run -q -- sh -c 'echo new > in.txt && cat in.txt'");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "new\n");
  EXPECT_EQ(person_.Read("project/in.txt"), "old\n");
}

TEST_P(ProjectMatrix, ReadOnlyIsReadOnlyAndReadable) {
  person_.Write("project/private.txt", "mine\n", 0600);
  const Finished run = person_.Sh("cat private.txt; touch x; echo y >> private.txt; stat -c %U .",
                                  {"--project", "ro"});
  EXPECT_THAT(run.out, HasSubstr("mine\n"));
  EXPECT_THAT(run.out, Not(HasSubstr("nobody")));
  EXPECT_THAT(run.err, HasSubstr("Read-only file system"));
  EXPECT_EQ(person_.Read("project/private.txt"), "mine\n");
}

TEST_P(ProjectMatrix, IsNeverWalked) {
  person_.MakeGitProject();
  const auto count_calls = [&](const std::string& command) {
    const Finished run = person_.Execute(
        {"sh", "-c",
         "exec strace -f -qq -e trace=getdents64,getdents,openat,openat2,newfstatat,statx -o "
         "../trace \"$1\" run -q -- " +
             command,
         "sh", AmbitBinary()});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    const std::string trace = person_.Read("trace");
    return std::count(trace.begin(), trace.end(), '\n');
  };
  (void)count_calls("true");  // the first run makes its root tree
  const auto few = count_calls("true");
  ASSERT_GT(few, 10);
  ASSERT_EQ(
      person_
          .Execute({"sh", "-ec",
                    "for d in $(seq 100); do mkdir d$d; cd d$d; seq 100 | xargs touch; cd ..; "
                    "done"})
          .exit_code,
      0);
  const auto many = count_calls("true");
  // A walk would make three hundred more at least; the slack is for lines that strace splits in
  // two, and for the looks at control groups of other runs and at what this one uses.
  EXPECT_NEAR(static_cast<double>(many), static_cast<double>(few), 100);
  EXPECT_GT(count_calls("find . -name none"), many + 200);  // the control: a walk is seen
}

TEST_P(ProjectMatrix, SocketsOfTheHostInItAreNotReachable) {
  const std::string connect =
      "python3 -c \"import socket; s = socket.socket(socket.AF_UNIX); s.connect('s.sock'); "
      "print('reached')\"";
  person_.Write("serve.py",
                "import socket, time\n"
                "s = socket.socket(socket.AF_UNIX)\ns.bind('s.sock')\ns.listen(8)\n"
                "open('ready', 'w').close()\n"
                "time.sleep(60)\n");
  const std::string script =
      "PATH=/usr/bin:$PATH; python3 ../serve.py & server=$!; "
      "until test -e ready; do sleep 0.05; done; " +
      connect + "; " + AmbitBinary() + " run -q -- sh -c '" +
      "ls s.sock; PATH=/usr/bin python3 -c \"import socket; s = "
      "socket.socket(socket.AF_UNIX); s.connect(\\\"s.sock\\\"); "
      "print(\\\"reached\\\")\"'; kill $server";
  const Finished run = person_.Execute({"sh", "-c", script});
  EXPECT_EQ(run.out, "reached\ns.sock\n") << run.err;  // once outside, never inside
  EXPECT_THAT(run.err, HasSubstr("ConnectionRefusedError"));
}

/// Files of several owners can only be made by root.
class SeveralOwners : public ProjectMatrix {
 protected:
  static constexpr uid_t kOther = 4242;
  void Give(const std::string& path, uid_t owner, mode_t mode) {
    const std::string full = person_.root() + "/" + path;
    ASSERT_EQ(::chown(full.c_str(), owner, owner), 0);
    ASSERT_EQ(::chmod(full.c_str(), mode), 0);
  }
};
INSTANTIATE_TEST_SUITE_P(As, SeveralOwners,
                         ::testing::ValuesIn(::geteuid() == 0 ? Everyone() : std::vector<Who>{}),
                         [](const auto& param) { return NameOf(param.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SeveralOwners);

TEST_P(SeveralOwners, StayApart) {
  for (const char* name : {"own", "other", "roots", "thousand", "secret"}) {
    person_.Write(std::string("project/") + name, "text\n");
  }
  Give("project/other", kOther, 0644);
  Give("project/roots", 0, 0644);
  Give("project/thousand", 1000, 0644);
  Give("project/secret", kOther, 0600);
  if (AsRoot()) {
    // The project belongs to somebody who is not root, as a checkout in a service's directory.
    for (const char* mine : {"project", "project/own"}) {
      ASSERT_EQ(::chown((person_.root() + "/" + mine).c_str(), 7777, 7777), 0);
    }
  }
  const std::string before = person_.Fingerprint();
  const Finished run = person_.Sh(
      "id -u; stat -c '%n %u' own other roots thousand secret; for f in own other roots thousand; "
      "do "
      "cat $f >/dev/null && echo read $f; (echo x >> $f) 2>/dev/null && echo wrote $f; done; "
      "cat secret 2>/dev/null && echo leaked; rm -f other && echo removed; echo again > other && "
      "stat -c '%n %u' other");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const std::string self = run.out.substr(0, run.out.find('\n'));
  EXPECT_THAT(run.out, HasSubstr("\nown " + self + "\n"));
  if (AsRoot()) {
    EXPECT_THAT(run.out, AllOf(HasSubstr("\nother 4242\n"), HasSubstr("\nroots 0\n")));
    EXPECT_THAT(run.out, Not(HasSubstr("\nthousand 1000\n")));  // the agent's id inside
  } else {
    EXPECT_THAT(run.out, AllOf(HasSubstr("\nother 65534\n"), HasSubstr("\nroots 65534\n")));
  }
  EXPECT_THAT(run.out, AllOf(HasSubstr("wrote own"), HasSubstr("read other"), HasSubstr("removed"),
                             HasSubstr("\nother " + self + "\n")));
  for (const char* refused : {"wrote other", "wrote roots", "wrote thousand", "leaked"}) {
    EXPECT_THAT(run.out, Not(HasSubstr(refused)));
  }
  EXPECT_EQ(person_.Fingerprint(), before);
}

TEST_P(SeveralOwners, AProjectOfSomebodyElse) {
  person_.Write("project/f", "text\n");
  Give("project/f", kOther, 0644);
  Give("project", kOther, 0755);
  const std::string before = person_.Fingerprint();
  if (!AsRoot()) EXPECT_NE(person_.Execute({"touch", "made"}).exit_code, 0);
  const Finished run = person_.Sh("cat f; echo x > made && cat made; echo y >> f");
  // The layer's top directory belongs to the run, so work can be put beside what may only be read.
  EXPECT_THAT(run.out, ::testing::StartsWith("text\nx\n")) << run.err;
  EXPECT_EQ(run.exit_code == 0, AsRoot()) << run.err;  // root gives the agent the owner's rights
  EXPECT_EQ(person_.Fingerprint(), before);
}

}  // namespace
}  // namespace ambit::testing
