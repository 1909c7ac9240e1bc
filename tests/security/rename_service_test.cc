// The process that makes directories movable in a run by a user: no less confined than the agent
// that makes it work, and of no use to one that stops or kills it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "support/run_ambit.h"

#include "running_run.h"

namespace ambit::testing {
namespace {

using ::testing::HasSubstr;

/// What the scripts share: `work` renames a directory in a process of its own and returns it and
/// the pid of who works for it.
constexpr const char* kHelpers = R"py(import ctypes, errno, os, signal, subprocess, sys, time
sys.stdout.reconfigure(line_buffering=True)
def status(pid):
    with open(f'/proc/{pid}/status') as file:
        return dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
def workers():
    for pid in os.listdir('/proc'):
        if not pid.isdigit() or pid == '1': continue
        try:
            if status(pid)['PPid'] == '1' and status(pid)['Name'] == 'ambit': yield int(pid)
        except (FileNotFoundError, ProcessLookupError): pass
def work(old, new):
    script = "import os, sys\ntry: os.rename(*sys.argv[1:])\nexcept OSError as e: sys.exit(e.errno)"
    child = subprocess.Popen([sys.executable, '-c', script, old, new])
    while True:
        for pid in workers(): return child, pid
        if child.poll() is not None: return child, 0  # too fast to be seen
def whole(name): return sorted(os.listdir(name)) == sorted([*map(str, range(300)), 'large'])
)py";

class RenameWorker : public ::testing::Test {
 protected:
  RenameWorker() {
    const Finished made = person_.Execute(
        {"/usr/bin/python3", "-c",
         "import os\n"
         "open('large', 'wb').write(os.urandom(1 << 20) * 32)\n"
         "for d in ('a', 'b', 'c'):\n"
         "  os.mkdir(d)\n"
         "  os.link('large', f'{d}/large')  # copied up it takes long enough to be seen\n"
         "  for f in range(300): open(f'{d}/{f}', 'w').write(f'{f}')\n"
         "os.unlink('large')\n"});
    EXPECT_EQ(made.exit_code, 0) << made.err;
  }
  Finished Inside(const std::string& script) {
    person_.Write("project/script.py", kHelpers + script);
    return person_.Sh("/usr/bin/python3 script.py");
  }
  Scratch person_{Who::kUser};
};

TEST_F(RenameWorker, IsConfinedAsTheAgentIs) {
  const Finished run = Inside(R"py(
child, worker = work('a', 'x')
os.kill(worker, signal.SIGSTOP)
theirs, ours = status(worker), status('self')
for key in ('Uid', 'Gid', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp',
            'Seccomp_filters', 'NSpid'):
    if key == 'NSpid': print(key, len(theirs[key].split()) == len(ours[key].split()))
    else: print(key, theirs[key] == ours[key], theirs[key] if 'id' not in key else '')
os.kill(worker, signal.SIGCONT)
print(child.wait(), whole('x'))
)py");
  EXPECT_EQ(run.out,
            "Uid True \nGid True \nCapInh True 0000000000000000\nCapPrm True 0000000000000000\n"
            "CapEff True 0000000000000000\nCapBnd True 0000000000000000\n"
            "CapAmb True 0000000000000000\nNoNewPrivs True 1\nSeccomp True 2\n"
            "Seccomp_filters True 1\nNSpid True\n0 True\n")
      << run.err;
}

TEST_F(RenameWorker, CannotBeLookedIntoOrTraced) {
  const Finished run = Inside(R"py(
child, worker = work('a', 'x')
os.kill(worker, signal.SIGSTOP)
for name in ('mem', 'environ', 'maps'):
    try: open(f'/proc/{worker}/{name}', 'rb').read(1); print(name, 'readable')
    except OSError as e: print(name, errno.errorcode[e.errno])
try: print(os.listdir(f'/proc/{worker}/fd'))
except OSError as e: print('fd', errno.errorcode[e.errno])
libc = ctypes.CDLL(None, use_errno=True)
print('trace', libc.ptrace(16, worker, 0, 0), errno.errorcode[ctypes.get_errno()])
pidfd = os.pidfd_open(1)
print('listener', [libc.syscall(438, pidfd, fd, 0) for fd in range(3, 20)].count(-1))
os.kill(worker, signal.SIGCONT)
print(child.wait(), whole('x'))
)py");
  EXPECT_EQ(
      run.out,
      "mem EACCES\nenviron EACCES\nmaps EACCES\nfd EACCES\ntrace -1 EPERM\nlistener 17\n0 True\n")
      << run.err;
}

TEST_F(RenameWorker, StoppedItHoldsUpDirectoriesOnly) {
  const Finished run = Inside(R"py(
child, worker = work('a', 'x')
os.kill(worker, signal.SIGSTOP)
for i in range(100):
    open('file', 'w').write(str(i))
    os.rename('file', 'saved')
print(open('saved').read(), child.poll())
try: os.kill(1, signal.SIGKILL)
except OSError as e: print(errno.errorcode[e.errno])
other = subprocess.Popen([sys.executable, '-c', "import os; os.rename('c', 'z')"])
time.sleep(0.2)
print(other.poll())
other.kill()  # waits in vain, and can be killed all the same
print(other.wait(), os.path.exists('c'))
os.kill(worker, signal.SIGCONT)
print(child.wait(), whole('x'), whole('c'), os.path.exists('a'))
)py");
  EXPECT_EQ(run.out, "99 None\nNone\n-9 True\n0 True True False\n") << run.err;
  EXPECT_EQ(run.exit_code, 0);
}

TEST_F(RenameWorker, KilledItFailsOneCallAndLeavesAllAsItWas) {
  const Finished run = Inside(R"py(
for moment in (0, 0.02, 0.05, 0.1, 0.2, 0.4):
    for name in ('a', 'b'):
        if not os.path.exists(name): continue
        child, worker = work(name, 'x')
        time.sleep(moment)
        try: worker and os.kill(worker, signal.SIGKILL)
        except ProcessLookupError: pass
        code = child.wait()
        if code == 0: os.rename('x', name); continue
        beside = [n for n in os.listdir('.') if n.startswith('.ambit-moving-')]
        print(errno.errorcode[code], whole(name), len(beside))
os.rename('c', 'z')
print(whole('z'), whole('a'), whole('b'))
)py");
  EXPECT_THAT(run.out, HasSubstr("EIO True 0\n")) << run.err;
  EXPECT_THAT(run.out, ::testing::Not(HasSubstr("EIO False")));
  EXPECT_THAT(run.out, ::testing::Not(HasSubstr("EIO True 1")));
  EXPECT_THAT(run.out, ::testing::EndsWith("True True True\n")) << run.err;
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST_F(RenameWorker, KilledEachTimeTheDirectoryIsWholeUnderOneOfTwoNames) {
  const Finished run = Inside(R"py(
child, worker = work('a', 'x')
while child.poll() is None:
    for pid in workers():
        try: os.kill(pid, signal.SIGKILL)
        except ProcessLookupError: pass
beside = [n for n in os.listdir('.') if n.startswith('.ambit-moving-')]
print(errno.errorcode[child.wait()], any(whole(n) for n in ['a'] + beside))
os.rename('c', 'z')
print(whole('z'))
)py");
  EXPECT_EQ(run.out, "EIO True\nTrue\n") << run.err;
}

TEST_F(RenameWorker, GivesAProcessNothingThatItHasDeniedItself) {
  // Landlock of its own: nothing may be changed. What it may not rename it still may not rename.
  const Finished run = Inside(R"py(
libc = ctypes.CDLL(None, use_errno=True)
class Attr(ctypes.Structure): _fields_ = [('fs', ctypes.c_uint64)]
def attempt(what):
    done = libc.rename(b'a', b'x')
    print(what, 'done' if done == 0 else errno.errorcode[ctypes.get_errno()], sorted(os.listdir('.'))[:3])
if os.fork() == 0:
    attr = Attr((1 << 13) - (1 << 4))  # all that makes and removes
    ruleset = libc.syscall(444, ctypes.byref(attr), 8, 0)
    if libc.syscall(446, ruleset, 0) != 0: sys.exit('no Landlock')
    attempt('confined')
    os._exit(0)
os.wait()
attempt('free')
print(whole('x'))
)py");
  EXPECT_EQ(run.out.find("confined EACCES ['a', 'b', 'c']\n"), 0U) << run.out << run.err;
  EXPECT_THAT(run.out, HasSubstr("free done ['b', 'c', 'script.py']\nTrue\n")) << run.err;
}

/// What a program passes is for the kernel to judge, and none of it harms init.
TEST_F(RenameWorker, TakesWhateverAProgramPasses) {
  const Finished run = Inside(R"py(
import mmap
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.argtypes = [ctypes.c_long] * 6
def attempt(what, old, new, directory=-100, number=264):
    done = libc.syscall(number, directory, old, -100, new, 0)
    print(what, 'done' if done == 0 else errno.errorcode[ctypes.get_errno()])
page = mmap.mmap(-1, 3 * 4096)
base = ctypes.addressof(ctypes.c_char.from_buffer(page))
libc.mprotect(ctypes.c_void_p(base + 4096), 4096, 0)
x = ctypes.addressof(ctypes.create_string_buffer(b'x'))
for address in (0, 1, base + 4096, (1 << 64) - 8 - (1 << 64), 1 << 47): attempt('bad', address, x)
page[0:4096] = b'y' * 4096
attempt('no end', base + 4000, x)
attempt('bad descriptor', base + 4090, x, 99)
page[4094:4096] = b'a\0'
attempt('new one bad', base + 4094, base + 4096)
attempt('at the end of a page', base + 4094, x)
print(whole('x'))
if os.fork() == 0:
    libc.prctl(4, 0, 0, 0, 0)  # not dumpable: nobody may look into it
    for old in ('b', 'script.py'):
        try: os.rename(old, 'private'); print('private done')
        except OSError as e: print('private', errno.errorcode[e.errno])
    os._exit(0)
os.wait()
)py");
  EXPECT_EQ(run.out,
            "bad EFAULT\nbad EFAULT\nbad EFAULT\nbad EFAULT\nbad EFAULT\nno end EFAULT\n"
            "bad descriptor EFAULT\nnew one bad EFAULT\nat the end of a page done\nTrue\n"
            "private EXDEV\nprivate done\n")
      << run.err;
}

TEST_F(RenameWorker, AFloodOfDirectoriesDoesNotHoldUpFiles) {
  const Finished run = Inside(R"py(
import threading
stop = False
codes = set()
def flood(i):
    while not stop:
        for old, new in (('a', f'a{i}'), (f'a{i}', 'a')):
            try: os.rename(old, new)
            except OSError as e: codes.add(errno.errorcode[e.errno])
threads = [threading.Thread(target=flood, args=(i,)) for i in range(100)]
for thread in threads: thread.start()
open('file', 'w').write('kept')
for i in range(500): os.rename('file', 'saved'); os.rename('saved', 'file')
stop = True
for thread in threads: thread.join()
left = [n for n in os.listdir('.') if n[0] == 'a']
print(open('file').read(), left[1:], whole(left[0]), codes <= {'ENOENT', 'EXDEV', 'EBUSY', 'ENOTEMPTY'})
os.rename('c', 'z')
print(whole('z'), [n for n in os.listdir('.') if 'ambit' in n])
)py");
  EXPECT_EQ(run.out, "kept [] True True\nTrue []\n") << run.err;
}

/// The agent was killed when a rename had half emptied a directory, and who takes it back is
/// stopped: what only somebody outside can do, and what a slow disk looks like.
class RenameAtTheEnd : public RenameWorker {
 protected:
  void SetUp() override {
    const Finished made =
        person_.Execute({"/usr/bin/python3", "-c",
                         "import os\n"
                         "for d in range(10):\n"
                         "  os.makedirs(f'big/{d}')\n"
                         "  for f in range(600): open(f'big/{d}/{f}', 'w').write(f'{d} {f}')\n"});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    person_.Write("project/script.py", std::string(kHelpers) + R"py(
child, worker = work('big', 'x')
while len(os.listdir('big')) > 4: time.sleep(0.001)
os.kill(worker, signal.SIGSTOP)
print('half', child.poll())
signal.pause()
)py");
    before_ = Host();
    ambit_ = StartAs(person_, {AmbitBinary(), "run", "-q", "--", "/usr/bin/python3", "script.py"});
    ASSERT_TRUE(Eventually([&] { return person_.Read("output") == "half None\n"; },
                           std::chrono::seconds(30)))
        << person_.Read("output");
    const std::vector<pid_t> earlier = LookAt(ambit_).all;
    ASSERT_EQ(::kill(LookAt(ambit_).agent, SIGKILL), 0);
    tree_ = WaitFor(ambit_, [&](const RunTree& tree) {
      return tree.agent != 0 && std::ranges::find(earlier, tree.agent) == earlier.end() &&
             ::kill(tree.agent, SIGSTOP) == 0;
    });
  }
  void TearDown() override {
    if (!ended_) ::kill(ambit_, SIGKILL);
    if (!ended_) ::waitpid(ambit_, nullptr, 0);
  }
  bool EndsWithin(std::chrono::seconds limit) {
    return Eventually([&] { return ended_ = ::waitpid(ambit_, &status_, WNOHANG) == ambit_; },
                      limit);
  }
  /// Names and modes; too many to be printed.
  std::string Host() const {
    return person_.Execute({"find", ".", "-mindepth", "1", "-printf", "%p %m %s\n"}).out;
  }
  bool HostIs(const std::string& listing) const { return Host() == listing; }
  bool IsGone() const { return std::ranges::none_of(tree_.all, IsAlive); }

  std::string before_;
  pid_t ambit_ = -1;
  RunTree tree_;
  bool ended_ = false;
  int status_ = 0;
};

TEST_F(RenameAtTheEnd, IsWaitedForTenSecondsAndThenRefusedByApply) {
  EXPECT_FALSE(EndsWithin(std::chrono::seconds(8)));
  EXPECT_TRUE(EndsWithin(std::chrono::seconds(10)));
  EXPECT_EQ(WEXITSTATUS(status_), 128 + SIGKILL);
  EXPECT_TRUE(IsGone());
  const Finished applied = person_.Ambit({"apply", "--yes"});
  EXPECT_EQ(applied.exit_code, 1) << applied.out;
  EXPECT_THAT(applied.out, HasSubstr("a rename inside was cut short"));
  EXPECT_TRUE(HostIs(before_));
}

TEST_F(RenameAtTheEnd, EndsAtOnceWithTheSupervisor) {
  EXPECT_FALSE(EndsWithin(std::chrono::seconds(1)));
  ASSERT_EQ(::kill(ambit_, SIGKILL), 0);
  EXPECT_TRUE(EndsWithin(std::chrono::seconds(1)));
  EXPECT_TRUE(Eventually([&] { return IsGone(); })) << Describe(tree_.all);
}

TEST_F(RenameAtTheEnd, GoesOnAsSoonAsItCan) {
  EXPECT_FALSE(EndsWithin(std::chrono::seconds(1)));
  ASSERT_EQ(::kill(tree_.agent, SIGCONT), 0);
  EXPECT_TRUE(EndsWithin(std::chrono::seconds(8)));
  EXPECT_EQ(WEXITSTATUS(status_), 128 + SIGKILL);
  EXPECT_EQ(person_.Ambit({"diff", "--name-status"}).out, "");
}

}  // namespace
}  // namespace ambit::testing
