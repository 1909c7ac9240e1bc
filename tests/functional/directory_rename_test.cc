// Directories of the project are renamed inside a run as outside, by root and by a user, whose
// overlay does not move a directory of the lower layer by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "everyday.h"

namespace ambit::testing {
namespace {

using ::testing::HasSubstr;

class DirectoryRename : public Everyday {
 protected:
  DirectoryRename() {
    // What every test may move; nothing of it is ever changed on the host.
    Outside(
        "mkdir -p dir/sub/deep other/full empty && cd dir && echo one >one && echo two >sub/two && "
        "ln one sub/again && ln -s one link && ln -s ../other/full sub/out && "
        "chmod 600 sub/two && chmod 755 one && mkfifo pipe && "
        "truncate -s 4M sparse && echo end >>sparse && "
        "echo deep >sub/deep/file && echo full >../other/full/file && "
        "chmod 2750 sub && chmod 555 sub/deep && "
        "touch -h -d '2020-02-03 04:05:06.123456789' one link sparse sub/deep/file && "
        "touch -d '2021-02-03 04:05:06.123456789' sub/deep sub .");
  }
  void Outside(const std::string& script) {
    const Finished done = person_.Execute({"/bin/sh", "-ec", script});
    ASSERT_EQ(done.exit_code, 0) << done.err;
  }
  bool user() const { return GetParam() == Who::kUser; }
};
INSTANTIATE_TEST_SUITE_P(As, DirectoryRename, ::testing::ValuesIn(Everyone()), NameOfParam);

/// Everything a rename keeps, of the tree `name`.
std::string Listing(const std::string& name) {
  return "find " + name +
         " -printf '%P %y %m %n %s %T+ %l\\n' | sed 's/^\\([^ ]* d [0-9]*\\) .* /\\1 /' | sort; "
         "find " +
         name +
         " -type d -printf '%P %T+\\n' | sort; "
         "find " +
         name +
         " -name sparse -size -64k -printf sparse; "
         "cat " +
         name + "/one " + name + "/sub/again " + name + "/sub/deep/file;";
}

TEST_P(DirectoryRename, GitMovesADirectory) {
  person_.MakeGitProject();
  const std::string out = ExpectSameInsideAndOutside(
      "git mv dir moved && git status --short && ls -A . && git diff --cached -M --stat | tail -1");
  EXPECT_THAT(out, HasSubstr("R  dir/sub/deep/file -> moved/sub/deep/file\n"));
  EXPECT_THAT(out, HasSubstr("0 insertions(+), 0 deletions(-)"));
}

TEST_P(DirectoryRename, KeepsAllThatARenameKeeps) {
  const std::string out =
      ExpectSameInsideAndOutside("exec 2>&1; mv -T dir moved && " + Listing("moved") +
                                 "ls -A .; stat -c %i moved/one moved/sub/again | uniq | wc -l");
  EXPECT_THAT(out, HasSubstr("one f 755 2 4 2020-02-03+04:05:06.1234567890 \n"));
  EXPECT_THAT(out, HasSubstr("sub/deep 2021-02-03+04:05:06.1234567890\n"));
  EXPECT_THAT(out, HasSubstr("\nempty\nmoved\nother\n1\n"));
}

TEST_P(DirectoryRename, KeepsExtendedAttributesOfDirectories) {
  person_.Write("project/x.py",
                "import os, sys\n"
                "if sys.argv[1] == 'set': os.setxattr('dir/sub', 'user.note', b'text')\n"
                "else:\n"
                "  os.rename('dir', 'moved')\n"
                "  print(os.listxattr('moved/sub'), os.getxattr('moved/sub', 'user.note'))\n");
  Outside("/usr/bin/python3 x.py set");
  EXPECT_EQ(ExpectSameInsideAndOutside("/usr/bin/python3 x.py move"), "['user.note'] b'text'\n");
}

TEST_P(DirectoryRename, PythonMovesDirectories) {
  person_.Write("project/move.py", R"(import os, shutil
os.rename('dir', 'first')
os.rename('first', 'second')
shutil.move('second', 'other')
shutil.move(os.path.abspath('other/second'), 'third/')
os.rename('third/sub', 'sub')
os.chdir('empty')
os.rename('../sub/', '../other/sub')
parent = os.open('..', os.O_RDONLY)
os.rename('other', 'last', src_dir_fd=parent, dst_dir_fd=parent)
print(sorted(os.listdir('../last')), sorted(os.listdir('..')))
print(open('../last/sub/deep/file').read(), open('../third/one').read())
)");
  EXPECT_EQ(ExpectSameInsideAndOutside("/usr/bin/python3 move.py"),
            "['full', 'sub'] ['empty', 'last', 'move.py', 'third']\ndeep\n one\n\n");
}

TEST_P(DirectoryRename, WhoWorksInsideStaysInTheRemovedDirectoryInARunByAUser) {
  const Finished run = person_.Sh("cd dir && mv -T ../dir ../moved && ls; cat ../moved/one");
  EXPECT_EQ(run.out, user() ? "one\n" : "link\none\npipe\nsparse\nsub\none\n") << run.err;
}

TEST_P(DirectoryRename, NodeMovesDirectories) {
  person_.Write("project/move.js", R"(const fs = require('fs');
fs.renameSync('dir', 'first');
fs.rename('first', 'second', (error) => {
  fs.promises.rename('second/sub', 'sub').then(() =>
    console.log(error, fs.readdirSync('.'), fs.readFileSync('sub/deep/file', 'utf8')));
});
)");
  EXPECT_THAT(ExpectSameInsideAndOutside("node move.js"), HasSubstr("'second', 'sub' ] deep"));
}

TEST_P(DirectoryRename, FailsAsTheKernelFails) {
  person_.Write("project/errors.py", R"(import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def attempt(old, new, flags=0):
    done = libc.renameat2(-100, old.encode(), -100, new.encode(), flags)
    print(old, new, flags, 'done' if done == 0 else errno.errorcode[ctypes.get_errno()])
NOREPLACE = 1
attempt('dir', 'other')
attempt('dir', 'dir/sub/inner')
attempt('dir', 'dir')
attempt('dir/.', 'x')
attempt('dir', 'dir/one')
attempt('dir', 'nowhere/x')
attempt('nowhere', 'x')
attempt('', 'x')
attempt('x' * 300, 'x')
attempt('dir', 'x' * 300)
attempt('dir', 'empty', NOREPLACE)
attempt('dir', 'x', 64)
attempt('other/full', 'other')
attempt('dir', 'empty')
attempt('empty', 'fresh', NOREPLACE)
print(sorted(os.listdir('.')), sorted(os.listdir('fresh')), os.listdir('other'))
)");
  const std::string out = ExpectSameInsideAndOutside("/usr/bin/python3 errors.py");
  EXPECT_THAT(out,
              HasSubstr("dir other 0 ENOTEMPTY\ndir dir/sub/inner 0 EINVAL\ndir dir 0 done\n"));
  EXPECT_THAT(out, HasSubstr("dir empty 1 EEXIST\n"));
  EXPECT_THAT(out, HasSubstr("dir empty 0 done\nempty fresh 1 done\n"));
}

TEST_P(DirectoryRename, AnExchangeOfDirectoriesIsLeftToTheKernel) {
  const Finished run = person_.Sh(
      "/usr/bin/python3 -c \"import ctypes\nprint(ctypes.CDLL(None).renameat2(-100, b'dir', -100, "
      "b'other', 2))\"; ls other; mkdir a b a/1 b/2; /usr/bin/python3 -c \"import ctypes\n"
      "print(ctypes.CDLL(None).renameat2(-100, b'a', -100, b'b', 2))\"; ls a");
  const std::string refused = "-1\nfull\n0\n2\n";
  const std::string done = "0\nlink\none\npipe\nsparse\nsub\n0\n2\n";
  EXPECT_EQ(run.out, user() ? refused : done) << run.err;
}

TEST_P(DirectoryRename, ADirectoryThatMayNotBeReadIsNotMovedByAUser) {
  Outside("mkdir dir/secret && echo x >dir/secret/file && chmod 300 dir/secret");
  const std::string before = person_.Fingerprint();
  const Finished run = person_.Sh(
      "/usr/bin/python3 -c \"import os\n"
      "try: os.rename('dir', 'moved'); print('moved')\n"
      "except OSError as error: print(error.strerror)\"; ls -A; chmod 700 */secret; cat "
      "*/secret/file");
  EXPECT_EQ(run.out, user() ? "Permission denied\ndir\nempty\nother\nx\n"
                            : "moved\nempty\nmoved\nother\nx\n")
      << run.err;
  EXPECT_EQ(person_.Fingerprint(), before);
}

TEST_P(DirectoryRename, ADirectoryWithAMountInsideIsNotMovedByAUser) {
  const Finished run = person_.Sh(
      "/usr/bin/python3 -c \"import os\n"
      "try: os.rename('dir', 'moved'); print('moved')\n"
      "except OSError as error: print(error.strerror)\"; cat */sub/deep/file; ls -A",
      {"--ro", person_.project() + "/dir/sub/deep"});
  EXPECT_EQ(run.out, user() ? "Invalid cross-device link\ndeep\ndir\nempty\nother\n"
                            : "moved\ndeep\nempty\nmoved\nother\n")
      << run.err;
}

TEST_P(DirectoryRename, ATreeThatIsTooDeepIsNotMovedByAUserAndNothingIsLeftOfTheAttempt) {
  Outside("mkdir -p big/$(yes d | head -n 101 | tr '\\n' /) && echo x >big/file");
  const Finished run = person_.Sh(
      "/usr/bin/python3 -c \"import os\n"
      "try: os.rename('big', 'moved'); print('moved')\n"
      "except OSError as error: print(error.strerror)\"; ls -A; cat */file");
  EXPECT_EQ(run.out, user() ? "Invalid cross-device link\nbig\ndir\nempty\nother\nx\n"
                            : "moved\ndir\nempty\nmoved\nother\nx\n")
      << run.err;
  if (user()) EXPECT_EQ(Changes(), "");
}

TEST_P(DirectoryRename, TenThousandFilesMove) {
  Outside(
      "/usr/bin/python3 -c \"import os\n"
      "for d in range(100):\n"
      "  os.makedirs(f'big/{d}')\n"
      "  for f in range(100): open(f'big/{d}/{f}', 'w').write(f'{d} {f}')\"");
  EXPECT_EQ(ExpectSameInsideAndOutside(
                "mv -T big moved && find moved -type f | wc -l && find moved -type d | wc -l && "
                "find moved -type f -exec cat {} + | md5sum | wc -c && "
                "ls -A && cat moved/99/99 moved/0/0"),
            "10000\n101\n36\ndir\nempty\nmoved\nother\n99 990 0");
}

TEST_P(DirectoryRename, EightProcessesMoveAtOnceWhileOthersSaveFiles) {
  Outside(
      "for i in 1 2 3 4 5 6 7 8; do mkdir -p p$i/a/b; for f in 1 2 3 4 5 6 7 8 9; do echo $i$f "
      ">p$i/a/b/$f; done; done");
  person_.Write("project/many.py", R"(import os, threading
from multiprocessing import Process
def move(i):
    for round in range(5):
        os.rename(f'p{i}', f'q{i}')
        os.rename(f'q{i}/a', f'q{i}/c')
        os.rename(f'q{i}/c', f'q{i}/a')
        os.rename(f'q{i}', f'p{i}')
    os.rename(f'p{i}/a/b', f'moved{i}')
def save(i):
    for round in range(300):
        with open(f'new{i}', 'w') as file: file.write(str(round))
        os.replace(f'new{i}', f'saved{i}')
work = [Process(target=f, args=(i,)) for i in range(1, 9) for f in (move, save)]
for p in work: p.start()
for p in work: p.join()
print([p.exitcode for p in work].count(0), sorted(os.listdir('.')))
print([open(f'moved{i}/9').read() for i in range(1, 9)], {len(os.listdir(f'moved{i}')) for i in range(1, 9)})
print({open(f'saved{i}').read() for i in range(1, 9)}, [os.listdir(f'p{i}') for i in range(1, 9)])
)");
  const std::string out = ExpectSameInsideAndOutside("/usr/bin/python3 many.py");
  EXPECT_EQ(out.find("16 ["), 0U) << out;
}

TEST_P(DirectoryRename, WhatOthersWriteMeanwhileComesAlong) {
  Outside("mkdir busy; for i in $(seq 500); do echo $i >busy/$i; done");
  person_.Write("project/busy.py", R"(import os, threading, time
written = []
def write():
    n = 0
    while True:
        try:
            with open(f'busy/new{n}', 'w') as file: file.write(str(n))
            with open(f'busy/save{n}', 'w') as file: file.write(f'saved {n}')
            os.rename(f'busy/save{n}', f'busy/{n + 1}')
        except FileNotFoundError: return
        written.append(n)
        n += 1
        time.sleep(0.005)
thread = threading.Thread(target=write)
thread.start()
while len(written) < 4: time.sleep(0.001)
os.rename('busy', 'calm')
thread.join()
lost = [n for n in written
        if open(f'calm/new{n}').read() != str(n) or open(f'calm/{n + 1}').read() != f'saved {n}']
print(lost, len(written) > 3, os.path.exists('busy'), [n for n in os.listdir('.') if 'ambit' in n])
)");
  EXPECT_EQ(ExpectSameInsideAndOutside("/usr/bin/python3 busy.py"), "[] True False []\n");
}

TEST_P(DirectoryRename, AProgramThatIsKilledMeanwhileLeavesTheOldNameOrTheNew) {
  Outside("mkdir big; for i in $(seq 400); do echo $i >big/$i; done");
  person_.Write("project/kill.py", R"(import os, random, signal, subprocess, sys, time
random.seed(7)
names = set()
for round in range(12):
    child = subprocess.Popen([sys.executable, '-c', 'import os, sys; os.rename(*sys.argv[1:])', 'big', 'new'])
    time.sleep(random.random() * 0.2)
    child.kill()
    child.wait()
    while any(name.startswith('.ambit') for name in os.listdir('.')): time.sleep(0.01)
    found = [name for name in ('big', 'new') if os.path.exists(name)]
    names.update(found)
    if len(found) != 1 or len(os.listdir(found[0])) != 400: print(found)
    if sum(int(open(f'{found[0]}/{i}').read()) for i in range(1, 401)) != 80200: print('content')
    if found[0] == 'new': os.rename('new', 'big')
print('whole')
)");
  EXPECT_EQ(ExpectSameInsideAndOutside("/usr/bin/python3 kill.py"), "whole\n");
}

TEST_P(DirectoryRename, ApplyBringsTheSameTreeToTheHost) {
  Outside(
      "chmod 755 dir/sub/deep && chmod g-s dir/sub && rm dir/pipe && mkdir -p ../plain && cp -a . "
      "../plain");
  const std::string script =
      "mv -T dir/sub/deep dir/deep && mv -T dir moved && echo more >>moved/sub/two && mv -T "
      "moved/sub "
      "empty && rm empty/again";
  const std::string listing =
      "find . -printf '%P %y %m %l\\n' | sed '/^ d/d' | sort; cat empty/two empty/../moved/one "
      "moved/deep/file other/full/file";
  ASSERT_EQ(person_.Execute({"/bin/sh", "-ec", script}, person_.root() + "/plain").exit_code, 0);
  const Finished plain = person_.Execute({"/bin/sh", "-ec", listing}, person_.root() + "/plain");
  const Finished run = person_.Sh(script + " && " + listing);
  EXPECT_EQ(run.out, plain.out) << run.err;
  EXPECT_THAT(Changes(), HasSubstr(user() ? "A\tmoved/deep/file\n" : "\tmoved/deep/\n"));
  const Finished applied = person_.Ambit({"apply", "--yes"});
  EXPECT_EQ(applied.exit_code, 0) << applied.out << applied.err;
  EXPECT_EQ(person_.Execute({"/bin/sh", "-ec", listing}).out, plain.out);
}

/// A run by a user whose agent ends while a directory is on its way.
class DirectoryRenameCutShort : public ::testing::TestWithParam<const char*> {
 protected:
  DirectoryRenameCutShort() {
    const Finished made =
        person_.Execute({"/usr/bin/python3", "-c",
                         "import os\n"
                         "for d in range(20):\n"
                         "  os.makedirs(f'big/{d}')\n"
                         "  for f in range(100): open(f'big/{d}/{f}', 'w').write(f'{d} {f}')\n"
                         "os.chmod('big/3', 0o550)\n"});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    // Ends when the rename that it has started stands where it is to stand, and stops there.
    person_.Write("project/cut.py", R"py(import os, signal, subprocess, sys, time
moment, end = sys.argv[1:]
child = subprocess.Popen([sys.executable, '-c', "import os; os.rename('big', 'new')"])
def parent_of(pid):
    try: return open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()[1]
    except FileNotFoundError: return ''
def ours(): return [n for n in os.listdir('.') if n.startswith('.ambit-moving-')]
while not ours(): pass
[worker] = [int(p) for p in os.listdir('/proc')
            if p.isdigit() and parent_of(p) == '1' and int(p) != os.getpid()]
def reached():
    if moment == 'filling': return len(os.listdir(ours()[0])) > 2
    return len(os.listdir('big')) < 18
while not reached(): time.sleep(0.001)
os.kill(worker, signal.SIGSTOP)
print(child.poll(), len(ours()), os.path.exists('new'), flush=True)
if end == 'killed': os.kill(os.getpid(), signal.SIGKILL)
os._exit(7)
)py");
  }
  Scratch person_{Who::kUser};
};
INSTANTIATE_TEST_SUITE_P(While, DirectoryRenameCutShort, ::testing::Values("filling", "emptying"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(DirectoryRenameCutShort, LeavesTheDirectoryAsItWasAndNothingElse) {
  const std::string before = person_.Fingerprint();
  for (const std::string end : {"exits", "killed"}) {
    const Finished run =
        person_.Ambit({"run", "-q", "--", "/usr/bin/python3", "cut.py", GetParam(), end});
    EXPECT_EQ(run.out, "None 1 False\n") << run.err;
    EXPECT_EQ(run.exit_code, end == "exits" ? 7 : 137) << run.err;
    EXPECT_EQ(person_.Ambit({"diff", "--name-status"}).out, "");
    const Finished applied = person_.Ambit({"apply", "--yes"});
    EXPECT_EQ(applied.exit_code, 0) << applied.out << applied.err;
    EXPECT_EQ(person_.Fingerprint(), before);
  }
}

/// What only an administrator can arrange for a user.
class DirectoryRenameByAUser : public ::testing::TestWithParam<Who> {
 protected:
  Scratch person_{Who::kUser};
  const Scratch administrator_{Who::kRoot};
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DirectoryRenameByAUser);
INSTANTIATE_TEST_SUITE_P(As, DirectoryRenameByAUser,
                         ::testing::ValuesIn(Everyone().size() == 2 ? std::vector{Who::kUser}
                                                                    : std::vector<Who>()),
                         NameOfParam);

TEST_P(DirectoryRenameByAUser, LeavesFilesOfAnotherOwnerOrGroupWhereTheyAre) {
  person_.Write("project/others/a/file", "file");
  person_.Write("project/groups/a/file", "file");
  ASSERT_EQ(administrator_
                .Execute({"sh", "-c", "chown 0 others/a/file && chgrp 4 groups/a/file"},
                         person_.project())
                .exit_code,
            0);
  const Finished run = person_.Sh(
      "/usr/bin/python3 -c \"import os\n"
      "for name in ('others', 'groups'):\n"
      "  try: os.rename(name, 'moved'); print('moved')\n"
      "  except OSError as error: print(error.strerror)\"; ls -A . others/a groups/a");
  EXPECT_EQ(run.out,
            "Value too large for defined data type\nValue too large for defined data type\n"
            ".:\ngroups\nothers\n\ngroups/a:\nfile\n\nothers/a:\nfile\n")
      << run.err;
}

TEST_P(DirectoryRenameByAUser, FailsForWantOfSpaceAndLeavesAllAsItWas) {
  ASSERT_EQ(person_
                .Execute({"/bin/sh", "-ec",
                          "mkdir -p dir/sub && echo one >dir/sub/one && head -c 6000000 "
                          "/dev/urandom >dir/sub/large && echo two >dir/two"})
                .exit_code,
            0);
  const std::string state = person_.root() + "/small";
  const Finished run = administrator_.Execute(
      {"unshare", "-m", "--propagation", "private", "sh", "-c",
       "mkdir -p " + state + " && mount -t tmpfs -o size=4m,mode=700 none " + state +
           " && chown --reference . " + state + " && export XDG_STATE_HOME=" + state +
           " && exec setpriv --reuid \"$(stat -c %u .)\" --regid \"$(stat -c %g .)\" "
           "--clear-groups \"$@\"",
       "sh", AmbitBinary(), "run", "-q", "--", "/bin/sh", "-c",
       "/usr/bin/python3 -c \"import os\n"
       "try: os.rename('dir', 'moved'); print('moved')\n"
       "except OSError as error: print(error.strerror)\"; ls -A . dir dir/sub; md5sum "
       "<dir/sub/large; "
       "mv -T dir/two two && mkdir d && mv -T d e && ls"},
      person_.project(), {{"HOME", person_.home()}});
  const Finished sum = person_.Execute({"/bin/sh", "-c", "md5sum <dir/sub/large"});
  EXPECT_EQ(run.out,
            "No space left on device\n.:\ndir\n\ndir:\nsub\ntwo\n\ndir/sub:\nlarge\none\n" +
                sum.out + "dir\ne\ntwo\n")
      << run.err;
}

}  // namespace
}  // namespace ambit::testing
