// --ro and --cow: more of the host, read-only or copy-on-write.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Layers : public ::testing::TestWithParam<Who> {
 protected:
  Layers() {
    person_.Write("data/file.txt", "host\n");
    person_.Write("data/private.txt", "mine\n", 0600);
    person_.Write("data/deep/er.txt", "deep\n");
  }
  std::string Data() const { return person_.root() + "/data"; }
  void ExpectRefused(const Finished& run, const std::string& named) {
    EXPECT_EQ(run.exit_code, 125) << run.out;
    EXPECT_THAT(run.err, HasSubstr(named));
    EXPECT_EQ(run.out, "");
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Layers, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Layers, ADirectoryIsShownReadOnly) {
  const std::string before = person_.Fingerprint(Data());
  EXPECT_EQ(person_.Sh("ls " + Data()).exit_code, 2);  // the control
  const Finished run = person_.Sh("cd " + Data() +
                                      " && cat file.txt private.txt deep/er.txt; touch "
                                      "file.txt new; rm -f file.txt; chmod 777 file.txt; true",
                                  {"--ro", Data()});
  EXPECT_EQ(run.out, "host\nmine\ndeep\n") << run.err;
  EXPECT_THAT(run.err, HasSubstr("Read-only file system"));
  EXPECT_EQ(person_.Fingerprint(Data()), before);
}

TEST_P(Layers, AFileIsShownReadOnlyAndAlone) {
  const Finished run = person_.Sh(
      "cat " + Data() + "/file.txt; ls -A " + Data() + "; echo x >> " + Data() + "/file.txt",
      {"--ro", Data() + "/file.txt"});
  EXPECT_EQ(run.out, "host\nfile.txt\n");
  EXPECT_THAT(run.err, HasSubstr("Read-only file system"));
  EXPECT_EQ(person_.Read("data/file.txt"), "host\n");
}

TEST_P(Layers, ADirectoryIsShownCopyOnWrite) {
  const std::string before = person_.Fingerprint(Data());
  const Finished run = person_.Sh("cd " + Data() +
                                      " && echo more >> file.txt && cat file.txt && rm "
                                      "deep/er.txt && ls -A",
                                  {"--cow", Data()});
  EXPECT_EQ(run.out, "host\nmore\ndeep\nfile.txt\nprivate.txt\n") << run.err;
  EXPECT_EQ(person_.Fingerprint(Data()), before);
}

TEST_P(Layers, APathBelowHomeIsShownInAnOtherwiseEmptyHome) {
  person_.Write("home/.tool/config", "setting\n");
  person_.Write("home/.netrc", "secret\n");
  person_.Write("home/.profile", "profile\n");
  const Finished run =
      person_.Sh("cat ~/.tool/config ~/.profile; ls -A ~; touch ~/mine && echo writable",
                 {"--ro", person_.home() + "/.tool", "--ro", person_.home() + "/.profile"});
  EXPECT_EQ(run.out, "setting\nprofile\n.profile\n.tool\nwritable\n") << run.err;
}

TEST_P(Layers, APathBelowTmpIsShownInAnOtherwiseEmptyTmp) {
  const std::string dir = "/tmp/ambit-test-ro-" + NameOf(GetParam()) + std::to_string(::getpid());
  ASSERT_EQ(person_.Execute({"sh", "-c", "mkdir $1 && echo t > $1/f", "sh", dir}).exit_code, 0);
  const Finished run = person_.Sh(
      "cat " + dir + "/f; ls /tmp | wc -l; touch /tmp/x && echo writable", {"--ro", dir});
  const Finished cow = person_.Sh("echo new > " + dir + "/f; cat " + dir + "/f", {"--cow", dir});
  const Finished control = person_.Execute({"cat", dir + "/f"});
  fs::remove_all(dir);
  EXPECT_EQ(run.out, "t\n1\nwritable\n") << run.err;
  EXPECT_EQ(cow.out, "new\n") << cow.err;
  EXPECT_EQ(control.out, "t\n");
}

TEST_P(Layers, PartsOfTheProjectCanBeReadOnly) {
  person_.Write("project/vendor/lib.c", "vendor\n");
  person_.Write("project/lock.json", "lock\n");
  person_.MakeGitProject();
  const Finished run = person_.Sh(
      "cat vendor/lib.c lock.json; echo x >> vendor/lib.c; echo x >> lock.json; echo y > other && "
      "echo "
      "writable; true",
      {"--ro", person_.project() + "/vendor", "--ro", person_.project() + "/lock.json"});
  EXPECT_EQ(run.out, "vendor\nlock\nwritable\n") << run.err;
  EXPECT_THAT(run.err, HasSubstr("vendor/lib.c: Read-only file system"));
  EXPECT_THAT(run.err, HasSubstr("lock.json: Read-only file system"));
  // Nothing was copied up on the way.
  EXPECT_EQ(person_.Ambit({"diff", "--name-status"}).out, "A\tother\n");
}

TEST_P(Layers, OfTwoAtOnePlaceReadOnlyWins) {
  const Finished run = person_.Sh("echo x >> " + Data() + "/file.txt; touch made",
                                  {"--cow", Data(), "--ro", Data(), "--ro", person_.project()});
  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.err, AllOf(HasSubstr("file.txt: Read-only"), HasSubstr("'made': Read-only")));
}

TEST_P(Layers, NestedPathsKeepTheirOwnRule) {
  const Finished run = person_.Sh("cd " + Data() +
                                      "; echo x > deep/er.txt && cat deep/er.txt; echo x > "
                                      "file.txt",
                                  {"--ro", Data(), "--cow", Data() + "/deep"});
  EXPECT_EQ(run.out, "x\n") << run.err;
  EXPECT_THAT(run.err, HasSubstr("file.txt: Read-only file system"));
  EXPECT_EQ(person_.Read("data/deep/er.txt"), "deep\n");
}

TEST_P(Layers, ASymlinkIsShownAsItsTargetUnderBothNames) {
  ASSERT_EQ(person_.Execute({"ln", "-s", "data", person_.root() + "/link"}).exit_code, 0);
  const Finished run =
      person_.Sh("cat " + person_.root() + "/link/file.txt " + Data() + "/file.txt",
                 {"--ro", person_.root() + "/link"});
  EXPECT_EQ(run.out, "host\nhost\n") << run.err;
}

TEST_P(Layers, RefusesWhatCannotBeShown) {
  for (const char* flag : {"--ro", "--cow"}) {
    ExpectRefused(person_.Sh("echo started", {flag, Data() + "/nowhere"}), "nowhere");
    for (const char* path : {"/proc", "/dev/null", "/etc/shadow", "/"}) {
      ExpectRefused(person_.Sh("echo started", {flag, path}), path);
    }
  }
  ExpectRefused(person_.Sh("echo started", {"--cow", Data() + "/file.txt"}), "not a directory");
  ASSERT_EQ(person_.Execute({"mkfifo", Data() + "/pipe"}).exit_code, 0);
  ExpectRefused(person_.Sh("echo started", {"--ro", Data() + "/pipe"}), "neither a directory");
}

}  // namespace
}  // namespace ambit::testing
