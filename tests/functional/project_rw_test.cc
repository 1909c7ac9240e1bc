// --project rw: the host's tree itself. What is written is there at once, belongs to its owner, and
// nothing outside of it can be written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "functional/own_mounts.h"
#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ProjectRw : public ::testing::TestWithParam<Who> {
 protected:
  ProjectRw() { person_.Write("project/file.txt", "host\n"); }

  Finished Rw(const std::string& script) { return person_.Sh(script, {"--project", "rw"}); }
  struct stat Of(const std::string& path) const {
    struct stat info{};
    EXPECT_EQ(::lstat((person_.project() + "/" + path).c_str(), &info), 0) << path;
    return info;
  }

  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, ProjectRw, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(ProjectRw, WritesArriveAtOnceAndBelongToTheProjectsOwner) {
  const struct stat owner = Of("file.txt");
  const Finished run =
      Rw("set -e; echo inside >> file.txt; mkdir -p dir/sub; echo x > dir/sub/new; "
         "mv dir moved; ln -s file.txt link; ln file.txt hard; mkfifo pipe; "
         "chmod 600 moved/sub/new; test -O moved/sub/new; stat -c %U file.txt; id -un");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(person_.Read("project/file.txt"), "host\ninside\n");
  for (const char* path : {"file.txt", "moved", "moved/sub", "moved/sub/new", "link", "hard"}) {
    EXPECT_EQ(Of(path).st_uid, owner.st_uid) << path;
    EXPECT_EQ(Of(path).st_gid, owner.st_gid) << path;
  }
  EXPECT_EQ(Of("moved/sub/new").st_mode & 07777U, 0600U);
  const std::size_t line = run.out.find('\n');
  EXPECT_EQ(run.out.substr(0, line + 1), run.out.substr(line + 1)) << "the agent owns the files";
}

TEST_P(ProjectRw, AProjectOfSomebodyElseStaysTheirs) {
  if (GetParam() == Who::kUser) {
    // There is one id: what belongs to others stays as it is.
    EXPECT_NE(Rw("echo x > /etc/passwd").exit_code, 0);
    if (::geteuid() != 0) return;  // nobody here could make a file of somebody else
    ASSERT_EQ(::chown((person_.project() + "/file.txt").c_str(), 4711, 4712), 0);
    EXPECT_NE(Rw("echo x >> file.txt").exit_code, 0);
    EXPECT_EQ(person_.Read("project/file.txt"), "host\n");
    EXPECT_EQ(Of("file.txt").st_uid, 4711U);
    return;
  }
  // Root on a user's project: the files are the user's, not root's and not of the run's own id.
  ASSERT_EQ(person_.Execute({"chown", "-R", "4711:4712", person_.project()}).exit_code, 0);
  ASSERT_EQ(Rw("echo x > new").exit_code, 0);
  EXPECT_EQ(Of("new").st_uid, 4711U);
  EXPECT_EQ(Of("new").st_gid, 4712U);
}

TEST_P(ProjectRw, NothingOutsideCanBeWritten) {
  person_.Write("beside/file", "host\n", 0666);
  const std::string before = person_.Fingerprint(person_.root() + "/beside");
  const Finished run = Rw("ln -s '" + person_.root() +
                          "/beside' out; "
                          "for f in out/file out/new ../beside/file /etc/x /usr/x; do "
                          "echo x > $f && echo \"wrote $f\"; done; echo x > own && echo done");
  EXPECT_EQ(run.out, "done\n");
  EXPECT_EQ(person_.Fingerprint(person_.root() + "/beside"), before);
}

TEST_P(ProjectRw, NoFileOfTheHostGetsASetIdBit) {
  const char* script = R"(
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
AT, CREAT, TMPFILE = -100, os.O_CREAT | os.O_WRONLY, os.O_TMPFILE | os.O_WRONLY
tries = {
  'chmod': lambda: libc.syscall(90, b'file.txt', 0o4755),
  'fchmod': lambda: libc.syscall(91, os.open('file.txt', os.O_RDONLY), 0o2755),
  'fchmodat': lambda: libc.syscall(268, AT, b'file.txt', 0o6755),
  'fchmodat2': lambda: libc.syscall(452, AT, b'file.txt', 0o4755, 0),
  'open': lambda: libc.syscall(2, b'made1', CREAT, 0o4755),
  'openat': lambda: libc.syscall(257, AT, b'made2', CREAT, 0o4755),
  'tmpfile': lambda: libc.syscall(257, AT, b'.', TMPFILE, 0o4755),
  'openat2': lambda: libc.syscall(437, AT, b'made3', (ctypes.c_ulong * 3)(CREAT, 0o4755, 0), 24),
  'creat': lambda: libc.syscall(85, b'made4', 0o4755),
  'mknod': lambda: libc.syscall(133, b'made5', 0o104755, 0),
  'mknodat': lambda: libc.syscall(259, AT, b'made6', 0o104755, 0),
}
for name, attempt in tries.items():
  if attempt() >= 0: print('worked:', name)
print('tried', len(tries))
)";
  person_.Write("project/try.py", script);
  // The control: where nothing can reach the host, the bits can be set.
  EXPECT_THAT(person_.Sh("python3 try.py; find . -perm /6000").out,
              AllOf(HasSubstr("worked: chmod"), HasSubstr("worked: openat2")));
  const Finished run = Rw("python3 try.py");
  EXPECT_EQ(run.out, "tried 11\n") << run.err;
  EXPECT_EQ(person_.Execute({"find", ".", "-perm", "/6000"}).out, "");
  EXPECT_EQ(Rw("cp -p file.txt copy && tar cf - copy | tar xf - && echo fine").out, "fine\n");
}

TEST_P(ProjectRw, SaysWhatItGivesUp) {
  const Finished run = person_.Ambit({"run", "--project", "rw", "--", "true"});
  EXPECT_THAT(run.err, AllOf(HasSubstr("no diff, no gate, no undo"),
                             HasSubstr("your machine runs by itself"), HasSubstr("Unix sockets"),
                             Not(HasSubstr("ambit diff"))));
}

TEST_P(ProjectRw, ShowsASecretFileOnlyOnPurpose) {
  person_.Write("project/.env", "TOKEN=real\n");
  const Finished refused = person_.Ambit({"run", "--project", "rw", "--", "true"});
  EXPECT_EQ(refused.exit_code, 125);
  EXPECT_THAT(refused.err, AllOf(HasSubstr(".env' holds secrets"), HasSubstr("--unmask '.env'")));
  EXPECT_EQ(person_.Sh("cat .env", {"--project", "rw", "--unmask", ".env"}).out, "TOKEN=real\n");
}

TEST_P(ProjectRw, ThereIsNothingToReview) {
  ASSERT_EQ(Rw("echo inside > file.txt").exit_code, 0);
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"diff"}, {"apply", "--yes"}, {"branch", "work"}}) {
    const Finished done = person_.Ambit(command);
    EXPECT_EQ(done.exit_code, 125) << command[0];
    EXPECT_THAT(done.err, AllOf(HasSubstr("--project rw"), HasSubstr("nothing to review")));
  }
  EXPECT_EQ(person_.Ambit({"discard", "--yes"}).exit_code, 0);
  EXPECT_EQ(person_.Read("project/file.txt"), "inside\n");
}

TEST_P(ProjectRw, WhatCannotBeTranslatedOrIsMountedBelowIsRefused) {
  person_.Write("lower/in.txt", "lower\n");
  for (const char* dir : {"upper", "work", "project/sub"}) {
    person_.Write(std::string(dir) + "/.keep", "");
  }
  const std::string run = AmbitBinary() + " run -q --project rw -- sh -c 'echo x > out.txt'";
  const Finished mounted =
      InOwnMounts(person_, "mount -t tmpfs none " + person_.project() + "/sub", run);
  EXPECT_EQ(mounted.exit_code, 125);
  EXPECT_THAT(mounted.err, AllOf(HasSubstr("another file system"), HasSubstr("--project ro")));
  EXPECT_FALSE(person_.Exists("project/out.txt"));

  const std::string root = person_.root();
  const std::string overlay = "mount -t overlay -o " +
                              std::string(::geteuid() == 0 ? "" : "userxattr,") +
                              "lowerdir=" + root + "/lower,upperdir=" + root +
                              "/upper,workdir=" + root + "/work none " + person_.project();
  const Finished over = InOwnMounts(person_, overlay, run);
  if (GetParam() == Who::kRoot) {
    EXPECT_EQ(over.exit_code, 125);
    EXPECT_THAT(over.err, AllOf(HasSubstr("idmapped"), HasSubstr("--project ro")));
    EXPECT_FALSE(person_.Exists("upper/out.txt"));
  } else {
    EXPECT_EQ(over.exit_code, 0) << over.err;
    EXPECT_TRUE(person_.Exists("upper/out.txt"));
  }
}

TEST_P(ProjectRw, CredentialsInTheRepositoryAreNotShown) {
  person_.MakeGitProject();
  ASSERT_EQ(person_
                .Execute({"git", "config", "remote.origin.url",
                          "https://ann:secret@example.invalid/p.git"})
                .exit_code,
            0);
  const Finished run = Rw("true");
  EXPECT_EQ(run.exit_code, 125);
  EXPECT_THAT(run.err, AllOf(HasSubstr("holds credentials"), HasSubstr("--project rw")));
}

TEST_P(ProjectRw, GitWorksAndItsResultIsTheHosts) {
  person_.MakeGitProject();
  const Finished run =
      Rw("echo inside > file.txt; git -c user.name=a -c user.email=a@example.org "
         "commit -qam inside && git log --oneline | wc -l");
  EXPECT_EQ(run.out, "2\n") << run.err;
  EXPECT_EQ(person_.Execute({"git", "status", "--porcelain"}).out, "");
  EXPECT_EQ(person_.Execute({"git", "log", "-1", "--format=%s"}).out, "inside\n");
}

}  // namespace
}  // namespace ambit::testing
