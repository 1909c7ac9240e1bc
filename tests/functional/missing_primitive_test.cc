// What a host can lack, really taken away: a run stops before its agent starts and says what is
// missing, what it guarantees and what to do; `ambit doctor` names the same primitive.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

using Words = std::vector<std::string>;

constexpr const char* kUserNamespace = "user namespace";
constexpr const char* kNamespaces = "mount, pid, net, ipc, uts and cgroup namespaces";
constexpr const char* kRunUser = "unprivileged host user of the run's own";
constexpr const char* kIdmapped = "idmapped mounts";
constexpr const char* kMountApi = "mount API (fsopen, open_tree, move_mount, mount_setattr)";
constexpr const char* kOverlay = "overlay file system";
constexpr const char* kProc = "fresh /proc";
constexpr const char* kNetwork = "captured network";
constexpr const char* kPrivileges = "dropping every capability, no_new_privs";
constexpr const char* kLandlock = "Landlock";
constexpr const char* kSeccomp = "seccomp-BPF filter";
constexpr const char* kNotification = "seccomp notification";
constexpr const char* kLifeLine = "life line";
constexpr const char* kInit = "init process";
constexpr const char* kStateDirectory = "state directory";

Words operator+(Words left, const Words& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

const Words kRunThatTells = {"run", "-q", "--", "/bin/echo", "the-agent-started"};

/// Executes a command line on a host from which something was taken away.
using Host = std::function<Finished(const Words&)>;

/// `without` is a command line that takes it away and executes what follows it.
Host HostWithout(const Scratch& person, const Words& without) {
  return [&person, without](const Words& command) { return person.Execute(without + command); };
}

struct Diagnosis {
  int exit_code = -1;
  std::set<std::string> missing;
  std::string text;
};

Diagnosis DiagnoseOn(const Host& host) {
  const Finished doctor = host({AmbitBinary(), "doctor", "--json"});
  Diagnosis diagnosis{.exit_code = doctor.exit_code, .missing = {}, .text = doctor.out};
  const auto parsed = nlohmann::json::parse(doctor.out, nullptr, false);
  EXPECT_TRUE(parsed.is_array()) << doctor.out << doctor.err;
  for (const auto& entry : parsed) {
    if (entry["ok"] != false) continue;
    diagnosis.missing.insert(entry["primitive"]);
    EXPECT_NE(entry["remedy"], "") << entry;
    EXPECT_NE(entry["guarantee"], "") << entry;
  }
  return diagnosis;
}

/// Run and doctor both name `primitive`; nothing of the agent is to be seen.
void ExpectBothName(const Host& host, const std::string& primitive) {
  const Finished run = host(Words{AmbitBinary()} + kRunThatTells);
  EXPECT_EQ(run.exit_code, 125) << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err.find("ambit: " + primitive + ": "), 0U) << run.err;
  EXPECT_NE(run.err.find("it guarantees that "), std::string::npos) << run.err;
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 2) << "no remedy: " << run.err;
  const Diagnosis diagnosis = DiagnoseOn(host);
  EXPECT_EQ(diagnosis.exit_code, 125);
  EXPECT_TRUE(diagnosis.missing.contains(primitive)) << diagnosis.text;
}

/// One system call that is refused, as by an old kernel or a container's filter.
struct Refusal {
  std::string call;  // as deny_syscall takes it
  std::string with;
  const char* for_root;
  const char* for_user;
};

void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << refusal.call << " " << refusal.with;
}

const std::vector<Refusal> kRefusals = {
    {"clone3", "ENOSYS", kNamespaces, kNamespaces},
    {"clone3", "EPERM", kNamespaces, kNamespaces},
    {"sethostname", "EPERM", kNamespaces, kNamespaces},
    {"fsopen", "ENOSYS", kMountApi, kMountApi},
    {"fsopen", "EPERM", kMountApi, kMountApi},
    {"open_tree", "ENOSYS", kMountApi, kMountApi},
    {"open_tree", "EPERM", kMountApi, kMountApi},
    {"move_mount", "EPERM", kMountApi, kMountApi},
    {"mount_setattr", "ENOSYS", kMountApi, kMountApi},
    {"mount_setattr", "EPERM", kMountApi, kMountApi},
    {"mount", "EPERM", kMountApi, kMountApi},
    {"pivot_root", "EPERM", kMountApi, kMountApi},
    {"umount2", "EPERM", kMountApi, kMountApi},
    {"socket:2=12", "EPERM", kNetwork, kNetwork},  // NETLINK_NETFILTER; see capture_test, too
    {"socket:0=16", "EPERM", kNetwork, kNetwork},  // AF_NETLINK
    {"setresuid", "EPERM", kPrivileges, kPrivileges},
    {"keyctl", "EPERM", kPrivileges, kPrivileges},
    {"prctl:0=38", "EINVAL", kPrivileges, kPrivileges},  // PR_SET_NO_NEW_PRIVS
    {"landlock_create_ruleset", "ENOSYS", kLandlock, kLandlock},
    {"landlock_create_ruleset", "EOPNOTSUPP", kLandlock, kLandlock},
    {"landlock_add_rule", "EPERM", kLandlock, kLandlock},
    {"landlock_restrict_self", "EPERM", kLandlock, kLandlock},
    {"seccomp", "EPERM", kSeccomp, kSeccomp},
    {"seccomp", "EINVAL", kSeccomp, kSeccomp},
    {"pipe2", "EMFILE", kLifeLine, kLifeLine},
    {"mkdirat", "EACCES", kStateDirectory, kStateDirectory},
    {"close_range", "ENOSYS", kInit, kInit},
    {"openat2", "ENOSYS", kInit, kInit},
    {"signalfd4", "ENOSYS", kInit, kInit},
    {"epoll_create1", "EMFILE", kInit, kInit},
    {"sendmsg", "EPERM", kInit, kInit},
};

class RefusedCall : public ::testing::TestWithParam<std::tuple<Who, Refusal>> {};
INSTANTIATE_TEST_SUITE_P(
    As, RefusedCall,
    ::testing::Combine(::testing::ValuesIn(Everyone()), ::testing::ValuesIn(kRefusals)),
    [](const auto& param) {
      const Refusal& refusal = std::get<1>(param.param);
      std::string name = NameOf(std::get<0>(param.param)) + "_" + refusal.call + "_" + refusal.with;
      std::ranges::replace_if(
          name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
      return name;
    });

TEST_P(RefusedCall, StopsTheRunAndIsNamedByDoctorToo) {
  const auto& [who, refusal] = GetParam();
  const Scratch person(who);
  ExpectBothName(HostWithout(person, {AMBIT_DENY_SYSCALL, refusal.call, refusal.with}),
                 who == Who::kRoot ? refusal.for_root : refusal.for_user);
}

/// What only an administrator can take away, in namespaces that end with the command.
class TakenByRoot : public ::testing::TestWithParam<Who> {
 protected:
  bool root() const { return GetParam() == Who::kRoot; }

  /// `setup` is executed by root in a mount namespace of its own; then the person goes on.
  Host AfterSetup(const std::string& setup) const {
    return Prepared({"unshare", "-m", "--propagation", "private", "sh", "-c",
                     "set -e\n" + setup + "\n" + BecomePerson(), "sh"});
  }

  /// The same in a user namespace in which every id is itself, with a mount namespace of its own.
  Host InUserNamespace(const std::string& setup) {
    // The shell that was there before the ids were mapped has lost its capabilities; what it
    // executes afterwards has them.
    person_.Write("inside.sh", "set -e\n" + setup + "\n" + BecomePerson());
    person_.Write("outside.sh",
                  "mkfifo ../go\n"
                  "unshare -U -m sh -c 'read go <../go; exec sh ../inside.sh \"$@\"' sh \"$@\" &\n"
                  "own=$(readlink /proc/$$/ns/user)\n"
                  "while [ \"$(readlink /proc/$!/ns/user)\" = \"$own\" ]; do :; done\n"
                  "echo '0 0 4294967295' >/proc/$!/uid_map\n"
                  "echo '0 0 4294967295' >/proc/$!/gid_map\n"
                  "echo go >../go\n"
                  "rm ../go\n"
                  "wait $!\n");
    return Prepared({"sh", "../outside.sh"});
  }

  Scratch person_{GetParam()};

 private:
  static std::string BecomePerson() {
    return "exec setpriv --reuid \"$(stat -c %u .)\" --regid \"$(stat -c %g .)\" --clear-groups "
           "\"$@\"";
  }
  Host Prepared(const Words& words) const {
    return [this, words](const Words& command) {
      return administrator_.Execute(words + command, person_.project(), {{"HOME", person_.home()}});
    };
  }
  Scratch administrator_{Who::kRoot};
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TakenByRoot);
INSTANTIATE_TEST_SUITE_P(As, TakenByRoot,
                         ::testing::ValuesIn(Everyone().size() == 2 ? Everyone()
                                                                    : std::vector<Who>()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(TakenByRoot, NothingIsMissingWhenTheSetUpTakesNothingAway) {
  const auto expect_start = [](const Host& host) {
    const Finished run = host(Words{AmbitBinary()} + kRunThatTells);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out, "the-agent-started\n");
  };
  expect_start(AfterSetup(":"));
  // Root of a user namespace may not idmap mounts of the file systems outside.
  if (!root()) expect_start(InUserNamespace(":"));
}

TEST_P(TakenByRoot, UserNamespacesThatTheAdministratorSwitchedOff) {
  // The limit belongs to a user namespace: in one of the test's own nobody else is hit by it.
  ExpectBothName(InUserNamespace("echo 0 >/proc/sys/user/max_user_namespaces"), kUserNamespace);
}

TEST_P(TakenByRoot, AProcWithMaskedEntriesAsInAContainer) {
  ExpectBothName(AfterSetup("mount -t tmpfs none /proc/irq"), kProc);
}

TEST_P(TakenByRoot, AStateDirectoryThatCannotHoldAnUpperLayer) {
  const std::string at = person_.root();
  ExpectBothName(AfterSetup("mkdir -p " + at + "/l " + at + "/u " + at + "/w " + at + "/state\n" +
                            "chown --reference . " + at + "/u\n" +
                            "mount -t overlay overlay -o lowerdir=" + at + "/l,upperdir=" + at +
                            "/u,workdir=" + at + "/w " + at + "/state\n" +
                            "export XDG_STATE_HOME=" + at + "/state"),
                 root() ? kIdmapped : kOverlay);
}

class Missing : public ::testing::TestWithParam<Who> {
 protected:
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Missing, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Missing, AStateDirectoryThatOthersCanWrite) {
  ExpectBothName(
      HostWithout(person_,
                  {"sh", "-c",
                   "mkdir -p \"$HOME/s/ambit/runs\" && chmod 777 \"$HOME/s/ambit/runs\" && "
                   "XDG_STATE_HOME=\"$HOME/s\" exec \"$@\"",
                   "sh"}),
      kStateDirectory);
}

TEST_P(Missing, OpenFilesUpToALimitThatSuffices) {
  bool failed = false;
  bool worked = false;
  for (int limit = 4; limit <= 64; limit += 3) {
    const Host limited = HostWithout(person_, {"prlimit", "--nofile=" + std::to_string(limit)});
    const Finished run = limited(Words{AmbitBinary()} + kRunThatTells);
    if (run.exit_code == 0) {
      worked = true;
      continue;
    }
    failed = true;
    EXPECT_EQ(run.exit_code, 125) << limit << ": " << run.err;
    EXPECT_EQ(run.out, "") << limit;
    EXPECT_NE(run.err.find("ulimit -n"), std::string::npos) << limit << ": " << run.err;
    const Finished doctor = limited({AmbitBinary(), "doctor"});
    EXPECT_EQ(doctor.exit_code, 125) << limit << ": " << doctor.out << doctor.err;
  }
  EXPECT_TRUE(failed);
  EXPECT_TRUE(worked);
}

TEST(MissingProcesses, AreNamedWithTheLimitThatIsInTheWay) {
  // Root is not bound by this limit.
  const Scratch person(Who::kUser);
  ExpectBothName(HostWithout(person, {"prlimit", "--nproc=0"}), kInit);
}

TEST(MissingNotification, StopsARunWhichIsPutOnRecordByIt) {
  // SECCOMP_FILTER_FLAG_NEW_LISTENER, as on a kernel without it and under another listener.
  for (const char* with : {"EINVAL", "EBUSY"}) {
    for (const Who who : Everyone()) {
      const Scratch person(who);
      ExpectBothName(HostWithout(person, {AMBIT_DENY_SYSCALL, "seccomp:1&8", with}), kNotification);
    }
  }
}

TEST_P(TakenByRoot, TheLocksThatKeepRunUsersApart) {
  if (!root()) return;  // an ordinary user takes none
  ExpectBothName(HostWithout(person_, {AMBIT_DENY_SYSCALL, "flock", "ENOLCK"}), kRunUser);
}

}  // namespace
}  // namespace ambit::testing
