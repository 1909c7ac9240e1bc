// What a run's root is made of: exactly what is listed, and nothing else of the host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::set<std::string> Lines(const std::string& text) {
  std::set<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.insert(line);
  return lines;
}

class RootShape : public ::testing::TestWithParam<Who> {
 protected:
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, RootShape, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(RootShape, HoldsExactlyTheNamedDirectories) {
  std::set<std::string> expected = {"dev", "etc", "proc", "run", "tmp", "usr", "var"};
  for (const char* kin : {"bin", "sbin", "lib", "lib32", "lib64", "libx32", "opt", "nix"}) {
    if (fs::exists(fs::symlink_status("/" + std::string(kin)))) expected.insert(kin);
  }
  EXPECT_EQ(Lines(person_.Sh("ls -A /").out), expected);
}

TEST_P(RootShape, SystemDirectoriesAreReadOnly) {
  const Finished run = person_.Sh(
      "for d in / /usr /usr/bin /etc /etc/alternatives /var /dev; do touch $d/x 2>&1; rm -f "
      "$d/hostname; done; "
      "echo x 2>&1 >> /etc/passwd; chmod 777 /usr 2>&1; ls /x /usr/x /etc/x 2>/dev/null; cat "
      "/etc/hostname");
  EXPECT_THAT(run.out, HasSubstr("touch: cannot touch '/usr/x': Read-only file system"));
  EXPECT_THAT(run.out, ::testing::EndsWith("\nambit\n"));
  for (const char* made : {"\n/x\n", "\n/usr/x\n", "\n/etc/x\n"}) {
    EXPECT_THAT(run.out, Not(HasSubstr(made)));
  }
}

TEST_P(RootShape, NamesOnlyTheRunsUsers) {
  const Finished run = person_.Sh(
      "cut -d: -f1 /etc/passwd; ls /etc/shadow /etc/gshadow /etc/sudoers /etc/ssh /etc/machine-id "
      "/etc/fstab 2>/dev/null; cat /etc/resolv.conf /etc/hosts");
  std::istringstream lines(run.out);
  std::vector<std::string> users(3);
  for (std::string& user : users) std::getline(lines, user);
  EXPECT_EQ(users.front(), "root");
  EXPECT_EQ(users.back(), "nobody");
  EXPECT_THAT(run.out, AllOf(HasSubstr("\nnameserver 127.0.0.1\n"), HasSubstr("localhost ambit")));
  for (const char* foreign : {"daemon", "www-data", "/etc/", "search", "domain"}) {
    EXPECT_THAT(run.out, Not(HasSubstr(foreign)));
  }
}

TEST_P(RootShape, CallsItselfAmbit) {
  EXPECT_EQ(person_.Sh("uname -n; hostname; cat /proc/sys/kernel/hostname").out,
            "ambit\nambit\nambit\n");
}

TEST_P(RootShape, ScratchDirectoriesAreEmptyWritableAndExecutable) {
  person_.Write("project/main.c",
                "#include <stdio.h>\nint main(void) { return puts(\"ran\") < 0; }\n");
  const Finished run = person_.Sh(
      "cc -o built main.c || exit 9; for d in /tmp /var/tmp /dev/shm /run; do ls -A $d; cp built "
      "$d/prog && $d/prog; done");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  // The scratch project itself lies below /var/tmp, what was refused in /run/ambit.
  EXPECT_EQ(run.out,
            "ran\n" + fs::path(person_.root()).filename().string() + "\nran\nran\nambit\nran\n");
}

TEST_P(RootShape, HomeIsEmptyWritableAndWhereItWas) {
  person_.Write("home/.ssh/id_ed25519", "private");
  const Finished run =
      person_.Sh("echo $HOME; ls -A ~; echo kept > ~/f && cat ~/f; stat -c '%a' ~");
  EXPECT_EQ(run.out, person_.home() + "\nkept\n700\n") << run.err;
  EXPECT_FALSE(person_.Exists("home/f"));
}

TEST_P(RootShape, NothingElseOfTheHostIsVisible) {
  person_.Write("beside/secret", "x");
  const Finished run = person_.Sh(
      "ls -A .. /var/lib /var/log /var/cache; for p in /home /mnt /media /srv /boot /root /sys "
      "/lost+found /usr/../etc/shadow /run/docker.sock /run/dbus /run/systemd; do test -e $p && "
      "echo "
      "visible $p; done; true");
  EXPECT_THAT(run.out, Not(HasSubstr("beside")));
  EXPECT_THAT(run.out, Not(HasSubstr("visible")));
  EXPECT_EQ(run.out, "..:\nhome\nproject\n\n/var/cache:\n\n/var/lib:\n\n/var/log:\n") << run.err;
}

TEST_P(RootShape, DevHoldsExactlyTheList) {
  EXPECT_EQ(Lines(person_.Sh("ls -A /dev").out),
            (std::set<std::string>{"fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr",
                                   "stdin", "stdout", "tty", "urandom", "zero"}));
  const Finished run = person_.Sh(
      "echo x > /dev/null && head -c4 /dev/zero | wc -c; head -c4 /dev/urandom | wc -c; ls -A "
      "/dev/pts; mknod /tmp/sda b 8 0 2>&1; head -c9 /dev/zero > /dev/full");
  EXPECT_THAT(run.out, StartsWith("4\n4\nptmx\n"));
  EXPECT_THAT(run.out, HasSubstr("mknod: /tmp/sda: Operation not permitted"));
  EXPECT_THAT(run.err, HasSubstr("No space left"));
}

TEST_P(RootShape, ProcShowsTheRunsProcessesOnly) {
  const std::string marker = "31536" + std::to_string(::getpid());
  const pid_t outside = ::fork();
  if (outside == 0) {
    ::execlp("sleep", "sleep", marker.c_str(), nullptr);
    ::_exit(1);
  }
  const std::string look = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '";
  EXPECT_THAT(person_.Execute({"sh", "-c", look}).out, HasSubstr("sleep " + marker));
  const Finished run =
      person_.Sh(look + "; echo; ls /proc | grep -c '^[0-9]'; readlink /proc/1/exe");
  EXPECT_THAT(run.out, Not(HasSubstr(marker)));
  const std::size_t pids = std::stoul(run.out.substr(run.out.find('\n') + 1));
  EXPECT_LE(pids, 5U) << run.out;
  ::kill(outside, SIGKILL);
  ::waitpid(outside, nullptr, 0);
}

TEST_P(RootShape, KnobsOfTheMachineAreClosed) {
  const Finished run = person_.Sh(
      "for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sys/vm/drop_caches "
      "/proc/sysrq-trigger /proc/irq/default_smp_affinity; do (echo 1 > $f) 2>/dev/null && echo "
      "wrote $f; done; for f in acpi asound kcore key-users keys kmsg latency_stats sched_debug "
      "scsi "
      "timer_list; do test -e /proc/$f || continue; if test -d /proc/$f; then ls -A /proc/$f; else "
      "cat /proc/$f; fi; done; echo done");
  EXPECT_EQ(run.out, "done\n") << run.err;
  // The control: outside these exist.
  EXPECT_EQ(::access("/proc/sys/kernel/core_pattern", F_OK), 0);
  EXPECT_EQ(::access("/proc/keys", F_OK), 0);
}

TEST_P(RootShape, MountsAreQuietAndNameOnlyWhatIsShown) {
  const Finished run = person_.Sh("cat /proc/self/mountinfo");
  ASSERT_EQ(run.exit_code, 0);
  for (const std::string& line : Lines(run.out)) {
    std::istringstream in(line);
    std::string id, parent, device, source, point, options;
    in >> id >> parent >> device >> source >> point >> options;
    EXPECT_THAT(options, HasSubstr("nosuid")) << line;
    if (!point.starts_with("/dev/") && !point.starts_with("/proc/")) {
      EXPECT_THAT(options, HasSubstr("nodev")) << line;
    }
    // What a mount tells of the host: the path it has there too, or ambit's own directories.
    if (point == person_.home()) {
      EXPECT_THAT(source, ::testing::EndsWith("/home")) << line;
    } else if (point == "/run/ambit/denials") {
      EXPECT_THAT(source, ::testing::EndsWith("/denials")) << line;
    } else if (point == "/") {
      EXPECT_THAT(source, ::testing::EndsWith("/tree")) << line;
    } else {
      // The covers of /proc come from an empty file and an empty directory of the run's own.
      EXPECT_THAT(source, AnyOf("/", point, point.substr(point.rfind('/')), "/file", "/directory"))
          << line;
    }
    EXPECT_THAT(line.substr(line.find(" - ")), Not(HasSubstr(person_.root()))) << line;
  }
}

}  // namespace
}  // namespace ambit::testing
