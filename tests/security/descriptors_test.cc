// Which descriptors the processes of a run hold, looked at from outside.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "attempts.h"
#include "running_run.h"

namespace ambit::testing {
namespace {

class Descriptors : public ::testing::TestWithParam<Who> {
 protected:
  bool AsRoot() const { return GetParam() == Who::kRoot; }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Descriptors, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

/// What a descriptor is, without the numbers that differ from run to run.
std::string KindOf(const std::string& target, const Scratch& person) {
  if (target.starts_with("socket:")) return "socket";
  if (target.starts_with("pipe:")) return "pipe";
  if (target.starts_with("anon_inode:")) {
    return target.substr(target.find('[') + 1, target.find(']') - target.find('[') - 1);
  }
  if (target == person.root() + "/output") return "output";
  if (target.starts_with("/run/ambit/user-")) return "user lock";
  if (target.starts_with("/sys/fs/cgroup/")) return "control group";
  if (target.starts_with(person.home() + "/.local/state/ambit/roots/")) return "root tree";
  const std::string runs = person.home() + "/.local/state/ambit/runs";
  if (target == runs) return "run store";
  if (target.starts_with(runs)) {
    return target.find('/', runs.size() + 1) == std::string::npos ? "run directory" : "journal";
  }
  return target;
}

using Kinds = std::map<std::string, int>;  // kind -> how many

Kinds KindsOf(pid_t pid, const Scratch& person) {
  Kinds kinds;
  for (const OpenDescriptor& fd : DescriptorsOf(pid)) ++kinds[KindOf(fd.target, person)];
  // How many there are, each opened once, is the machine's matter.
  if (kinds.contains("control group")) kinds["control group"] = 1;
  return kinds;
}

/// Init may still have the pipe that told it of the agent's start.
void ExpectKinds(pid_t pid, const Scratch& person, const Kinds& expected) {
  Eventually([&] { return KindsOf(pid, person) == expected; });
  EXPECT_EQ(KindsOf(pid, person), expected);
}

TEST_P(Descriptors, OfTheLauncherReachNoProcessOfTheRun) {
  person_.Write("outside/leaked", "secret\n");
  const std::string leaked = person_.root() + "/outside/leaked";
  const std::string directory = person_.root() + "/outside";
  for (const char* seed : {"1", "2", "3"}) {
    const RunningRun run(person_, {"leave-children", "2", "60000"},
                         {ProbeBinary(), "leak-and-execute", leaked, directory, seed, "--"});
    ASSERT_GE(run.tree().all.size(), 4U);
    // The launcher's sockets are gone with the numbers they had: what is left is counted by
    // HaveKnownKinds; files and directories are known by their names.
    for (const pid_t pid : run.tree().all) {
      for (const OpenDescriptor& fd : DescriptorsOf(pid)) {
        EXPECT_FALSE(fd.target.starts_with(directory)) << pid << ": " << fd.number << fd.target;
      }
    }
    const RunningRun plain(person_, {"leave-children", "2", "60000"});
    for (pid_t RunTree::* role : {&RunTree::supervisor, &RunTree::egress, &RunTree::init}) {
      const auto kinds = [&](const RunningRun& of) { return KindsOf(of.tree().*role, person_); };
      Eventually([&] { return kinds(run) == kinds(plain); });
      EXPECT_EQ(kinds(run), kinds(plain));
    }
  }
}

/// The same leak does reach a program that is started without ambit.
TEST_P(Descriptors, OfALeakingLauncherReachOtherPrograms) {
  person_.Write("outside/leaked", "secret\n");
  const Finished finished =
      person_.Execute({ProbeBinary(), "leak-and-execute", person_.root() + "/outside/leaked",
                       person_.root() + "/outside", "1", "--", ProbeBinary(), "list-descriptors"});
  EXPECT_NE(finished.out.find("/outside/leaked"), std::string::npos) << finished.out;
}

TEST_P(Descriptors, OfTheAgentAreItsThreeStreams) {
  const RunningRun run(person_, {"leave-children", "2", "60000"});
  const auto numbers = [&] {
    std::vector<int> all;
    for (const OpenDescriptor& fd : DescriptorsOf(run.tree().agent)) all.push_back(fd.number);
    return all;
  };
  // The probe itself has just written a file and may not have closed it yet.
  (void)Eventually([&] { return numbers().size() == 3; });
  EXPECT_EQ(numbers(), (std::vector{0, 1, 2}));
}

/// A new kind in this list is a decision: who holds it, and what could the holder do with it?
TEST_P(Descriptors, HaveKnownKinds) {
  const RunningRun run(person_, {"leave-children", "2", "60000"});

  Kinds supervisor = {{"/dev/null", 1},
                      {"output", 2},  // its streams
                      {"run directory", 1},
                      {"journal", 2},    // and what the agent is told of denials
                      {"root tree", 1},  // held so that nobody removes it
                      // Init and egress, each also in the event loop; the same of what init saw.
                      // The last one brings the file system of the layers, where there is one.
                      {"socket", 8},
                      {"pipe", 3},   // the life line's write end; the loop's signals
                      {"pidfd", 4},  // init and egress, each also in the event loop
                      // Of the run's own mounts, to see from outside what it uses (O_PATH).
                      {"/proc", 2},  // and for the order in which the kernel kills
                      {"/dev/shm", 1},
                      {"/tmp", 1},
                      {"/var/tmp", 1},
                      {"/run", 1},
                      {"/run/ambit", 1},
                      {"eventfd", 1},
                      {"eventpoll", 1},
                      {"timerfd", 1}};
  Kinds init = {{"/dev/null", 1},
                {"output", 2},  // the agent's streams
                {"socket", 2},  // the supervisor: messages; what happens inside
                {"pipe", 1},    // the life line's read end
                {"signalfd", 1},
                {"anon_inode:seccomp notify", 1},  // hears of calls inside, lets the kernel do them
                {"eventpoll", 1},                  // the ends of processes
                {"pidfd", 1}};                     // of who was executed and lives: the agent
  const Kinds egress = {{"/dev/null", 3},
                        {"socket", 8},  // the supervisor; the capture listeners;
                                        // the kernel; four that mint
                        {"pipe", 1},    // the life line's read end
                        {"eventfd", 1},
                        {"eventpoll", 1},
                        {"timerfd", 1}};
  if (AsRoot()) {
    supervisor["user lock"] = 1;
    // Of a machine that gives root control groups: v1 and its alarm for memory.
    supervisor["control group"] = 1;
    supervisor["eventfd"] = 2;
    supervisor["eventpoll"] = 3;  // and in the event loop
    init["user lock"] = 1;
  }
  ExpectKinds(run.tree().supervisor, person_, supervisor);
  if (::geteuid() != 0) return;  // the other two are not dumpable: only root may look into them
  ExpectKinds(run.tree().init, person_, init);
  ExpectKinds(run.tree().egress, person_, egress);
}

/// A closed stream must not be filled with the next thing that ambit opens.
TEST_P(Descriptors, DoNotTakeThePlaceOfClosedStreams) {
  for (const char* closed : {"0", "1", "2", "01", "12", "02", "012"}) {
    const RunningRun run(person_, {"leave-children", "0", "60000"},
                         {ProbeBinary(), "close-and-execute", closed, "--"});
    for (const pid_t pid : {run.tree().init, run.tree().agent}) {
      for (const OpenDescriptor& fd : DescriptorsOf(pid)) {
        if (fd.number > 2) continue;
        const std::string kind = KindOf(fd.target, person_);
        EXPECT_TRUE(kind == "/dev/null" || kind == "output")
            << "closed " << closed << ": " << fd.number << " is " << fd.target;
      }
    }
  }
}

TEST_P(Descriptors, ThatAreDirectoriesAreRefusedAsStreams) {
  PutProbeInto(person_);
  const std::string under_test = AmbitBinary();
  const Finished finished = person_.Execute(
      {"sh", "-c", "exec \"$0\" run -q -- ./probe read-below-descriptor 0 etc/hostname < /",
       under_test});
  EXPECT_EQ(finished.exit_code, 125);
  EXPECT_NE(finished.err.find("directory"), std::string::npos) << finished.err;
  EXPECT_EQ(person_
                .Execute({"sh", "-c", "exec \"$0\" read-below-descriptor 0 etc/passwd < /",
                          ProbeBinary()})
                .out,
            "done\n");
}

}  // namespace
}  // namespace ambit::testing
