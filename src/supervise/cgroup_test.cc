// On the real hierarchy of this machine, with real processes. Where this process may make no cgroup
// (a user on v1), Make has to say so.
#include "supervise/cgroup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>

#include "base/fd.h"
#include "host/cgroup_facts.h"
#include "sys/file.h"
#include "sys/process.h"

namespace ambit::supervise {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using policy::Limit;
using std::chrono::milliseconds;

constexpr std::uint64_t kMiB = 1U << 20;

/// A process that does `work` once it is let go, and ends with what that returns.
class Gated {
 public:
  explicit Gated(const std::function<int()>& work) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    Fd in(ends[0]);
    go_.Reset(ends[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      go_.Reset();
      char byte = 0;
      ::_exit(::read(in.get(), &byte, 1) == 1 ? work() : 99);
    }
  }
  ~Gated() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    Wait();
  }
  Gated(const Gated&) = delete;
  Gated& operator=(const Gated&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void Go() { EXPECT_EQ(::write(go_.get(), "g", 1), 1); }
  /// The wait status; -1 when it was taken already.
  int Wait() {
    int status = -1;
    if (pid_ > 0) ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }

 private:
  Fd go_;
  pid_t pid_ = -1;
};

int TouchMemory(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 98;
  std::memset(memory, 1, bytes);
  return 0;
}

/// How many of `wanted` children could be made.
int ForkChildren(int wanted) {
  int made = 0;
  std::array<pid_t, 16> children{};
  for (int i = 0; i < wanted; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(::pause());
    if (child > 0) children.at(static_cast<std::size_t>(made++)) = child;
  }
  for (int i = 0; i < made; ++i) {
    ::kill(children.at(static_cast<std::size_t>(i)), SIGKILL);
    ::waitpid(children.at(static_cast<std::size_t>(i)), nullptr, 0);
  }
  return made;
}

/// Until this process has had that much of a processor.
int Spin(milliseconds amount) {
  timespec used{};
  do {
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  } while (used.tv_sec * 1000 + used.tv_nsec / 1'000'000 < amount.count());
  return 0;
}

/// The kernel may tell some milliseconds later: it does so by a work queue, at most 100 times a
/// second.
bool IsReadable(int fd, bool expected = false) {
  pollfd poll{.fd = fd, .events = POLLIN, .revents = 0};
  return fd >= 0 && ::poll(&poll, 1, expected ? 2000 : 0) == 1;
}

class RealCgroup : public testing::Test {
 protected:
  RealCgroup() { limits_.cgroup = host::ReadCgroupFacts().value(); }

  [[nodiscard]] bool CanMake() const {
    return limits_.cgroup.kind == host::CgroupKind::kV1 ||
           limits_.cgroup.kind == host::CgroupKind::kV2;
  }
  void Limit(Limit kind, std::uint64_t value) {
    limits_.all.push_back({.kind = kind, .value = value, .means = plan::Means::kCgroup});
  }
  std::unique_ptr<RunCgroup> Make() {
    auto made = RunCgroup::Make(limits_, run_id_);
    EXPECT_TRUE(made.has_value()) << made.error().what;
    return made ? *std::move(made) : nullptr;
  }
  /// Every directory that a run of this name has on this machine.
  [[nodiscard]] std::vector<std::string> Directories(const std::string& run_id) const {
    std::vector<std::string> tops = limits_.cgroup.directories;
    tops.push_back(limits_.cgroup.cpuacct);
    tops.push_back(limits_.cgroup.unified);
    std::vector<std::string> found;
    for (const std::string& top : tops) {
      if (top.empty()) continue;
      for (const char* level : {"", "/ambit"}) {
        const std::string path = top + level + "/ambit-" + run_id;
        if (fs::exists(path)) found.push_back(path);
      }
    }
    return found;
  }
  /// For a test that leaves some on purpose.
  void Clean() {
    const auto deadline = Clock::now() + std::chrono::seconds(5);
    while (!Directories(run_id_).empty() && Clock::now() < deadline) {
      for (const std::string& path : Directories(run_id_)) ::rmdir(path.c_str());
    }
    EXPECT_THAT(Directories(run_id_), testing::IsEmpty());
  }
  void ExpectRefusal() {
    const auto made = RunCgroup::Make(limits_, run_id_);
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().code, Errc::kUnsupported);
  }

  plan::Limits limits_;
  // Unlike that of any run: tests of this machine must not meet.
  std::string run_id_ = fmt::format("r-test{}", ::getpid());
};

/// Where v1 holds the limits v2 may be beside it, without controllers: enough to be born in.
TEST_F(RealCgroup, OfV2IsWhereAProcessIsBorn) {
  host::CgroupFacts facts = limits_.cgroup;
  if (facts.kind != host::CgroupKind::kV2) {
    EXPECT_EQ(RunCgroup::MakeAhead(facts, run_id_), nullptr);
    if (facts.unified.empty()) return;
    facts = {.kind = host::CgroupKind::kV2, .directories = {facts.unified}};
  }
  const auto cgroup = RunCgroup::MakeAhead(facts, run_id_);
  ASSERT_NE(cgroup, nullptr);
  // As init: the group is no other's child for a moment, and the root of what it is shown.
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const Fd from(ends[0]);
  Fd to(ends[1]);
  const auto child = sys::Clone(0, cgroup->BornIn());
  ASSERT_TRUE(child.has_value()) << child.error().what;
  if (child->pid == 0) {
    for (const bool own : {false, true}) {
      if (own && ::unshare(CLONE_NEWUSER | CLONE_NEWCGROUP) != 0) ::_exit(1);
      const std::string table =
          sys::ReadSmallFile(AT_FDCWD, "/proc/self/cgroup", 65536).value_or("");
      const std::size_t at = table.find("0::");
      const std::string line = table.substr(at, table.find('\n', at) - at) + "\n";
      if (::write(to.get(), line.data(), line.size()) < 0) ::_exit(1);
    }
    ::_exit(0);
  }
  to.Reset();
  EXPECT_EQ(sys::Reap(child->pidfd.get()).value_or(-1), 0);
  std::array<char, 4096> said{};
  const ssize_t n = ::read(from.get(), said.data(), said.size());
  const std::string lines(said.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  EXPECT_TRUE(lines.ends_with("/ambit-" + run_id_ + "\n0::/\n")) << lines;
  EXPECT_TRUE(cgroup->Remove().has_value());
}

TEST_F(RealCgroup, KillsAProcessThatTakesTooMuchMemoryAndNoOther) {
  if (!CanMake()) return ExpectRefusal();
  for (const bool limited : {false, true}) {
    limits_.all.clear();
    if (limited) Limit(Limit::kMemory, 32 * kMiB);
    const auto cgroup = Make();
    ASSERT_NE(cgroup, nullptr);
    Gated agent([] { return ::pause(); });
    Gated hog([] { return TouchMemory(96 * kMiB); });
    ASSERT_TRUE(cgroup->AddProcess(agent.pid()).has_value());
    ASSERT_TRUE(cgroup->AddProcess(hog.pid()).has_value());
    cgroup->Acknowledge();
    hog.Go();
    const int status = hog.Wait();
    const CgroupUsage usage = cgroup->Read();
    EXPECT_EQ(WIFSIGNALED(status), limited);
    EXPECT_EQ(usage.oom_kills.value_or(0), limited ? 1U : 0U);
    EXPECT_EQ(IsReadable(cgroup->alarm(), limited), limited);
    EXPECT_EQ(usage.memory_peak_bytes.value_or(0) <= 32 * kMiB, limited);
    cgroup->Acknowledge();
    EXPECT_FALSE(IsReadable(cgroup->alarm()));
    EXPECT_EQ(::kill(agent.pid(), 0), 0) << "the other process lives";
  }
}

TEST_F(RealCgroup, RefusesMoreProcessesThanAllowed) {
  if (!CanMake()) return ExpectRefusal();
  for (const bool limited : {false, true}) {
    limits_.all.clear();
    if (limited) Limit(Limit::kProcesses, 4);
    const auto cgroup = Make();
    ASSERT_NE(cgroup, nullptr);
    Gated parent([] { return ForkChildren(10); });
    ASSERT_TRUE(cgroup->AddProcess(parent.pid()).has_value());
    parent.Go();
    EXPECT_EQ(WEXITSTATUS(parent.Wait()), limited ? 3 : 10);
    const CgroupUsage usage = cgroup->Read();
    EXPECT_EQ(usage.refused_processes.value_or(0) > 0, limited);
    const bool told = limited && limits_.cgroup.kind == host::CgroupKind::kV2;
    EXPECT_EQ(IsReadable(cgroup->alarm(), told), told);
    if (usage.processes_peak) EXPECT_EQ(*usage.processes_peak, limited ? 4U : 11U);
  }
}

TEST_F(RealCgroup, GivesNoMoreThanItsShareOfAProcessor) {
  if (!CanMake()) return ExpectRefusal();
  std::array<milliseconds, 2> took{};
  for (const bool limited : {false, true}) {
    limits_.all.clear();
    if (limited) Limit(Limit::kCpus, 100);
    const auto cgroup = Make();
    ASSERT_NE(cgroup, nullptr);
    Gated worker([] { return Spin(milliseconds(150)); });
    ASSERT_TRUE(cgroup->AddProcess(worker.pid()).has_value());
    const auto start = Clock::now();
    worker.Go();
    EXPECT_EQ(worker.Wait(), 0);
    took.at(limited ? 1 : 0) = std::chrono::duration_cast<milliseconds>(Clock::now() - start);
    const std::uint64_t used = cgroup->Read().cpu_usec.value_or(0);
    EXPECT_GE(used, 140'000U);
    EXPECT_LE(used, 400'000U);
  }
  EXPECT_GE(took[1], milliseconds(1000));  // a tenth of a processor: 150 ms take 1.5 s
  EXPECT_LT(took[0], milliseconds(1000));
}

TEST_F(RealCgroup, CountsWhatIsInsideWithItsChildren) {
  if (!CanMake()) return ExpectRefusal();
  Limit(Limit::kMemory, 64 * kMiB);
  Limit(Limit::kProcesses, 100);
  const auto cgroup = Make();
  ASSERT_NE(cgroup, nullptr);
  EXPECT_EQ(cgroup->Read().processes, 0U);
  Gated init([] {
    if (::fork() == 0) ::_exit(::pause());
    return ::pause();
  });
  ASSERT_TRUE(cgroup->AddProcess(init.pid()).has_value());
  EXPECT_EQ(cgroup->Read().processes, 1U);
  init.Go();
  const auto deadline = Clock::now() + std::chrono::seconds(5);
  while (cgroup->Read().processes != 2U && Clock::now() < deadline) ::usleep(1000);
  EXPECT_EQ(cgroup->Read().processes, 2U);
  EXPECT_GT(cgroup->Read().memory_bytes.value_or(0), 0U);
  // Whatever ends the run: here there is no pid namespace that would do it.
  ASSERT_TRUE(cgroup->Kill().has_value()) << "this test needs cgroup.kill";
  EXPECT_EQ(WTERMSIG(init.Wait()), SIGKILL);
  EXPECT_TRUE(cgroup->Remove().has_value());
}

TEST_F(RealCgroup, FreezesAndLetsGoOn) {
  if (!CanMake()) return ExpectRefusal();
  const auto cgroup = Make();
  ASSERT_NE(cgroup, nullptr);
  Gated process([] { return 7; });
  ASSERT_TRUE(cgroup->AddProcess(process.pid()).has_value());
  ASSERT_TRUE(cgroup->Freeze(true).has_value()) << "this test needs cgroup.freeze";
  process.Go();
  ::usleep(100'000);
  int status = 0;
  EXPECT_EQ(::waitpid(process.pid(), &status, WNOHANG), 0) << "it did not go on";
  ASSERT_TRUE(cgroup->Freeze(false).has_value());
  EXPECT_EQ(WEXITSTATUS(process.Wait()), 7);
}

TEST_F(RealCgroup, LeavesNothingBehind) {
  if (!CanMake()) return ExpectRefusal();
  auto cgroup = Make();
  ASSERT_NE(cgroup, nullptr);
  EXPECT_FALSE(Directories(run_id_).empty()) << "the control";
  {
    Gated inside([] { return ::pause(); });
    ASSERT_TRUE(cgroup->AddProcess(inside.pid()).has_value());
  }
  EXPECT_TRUE(cgroup->Remove().has_value());
  EXPECT_THAT(Directories(run_id_), testing::IsEmpty());
  Make().reset();  // and the destructor
  EXPECT_THAT(Directories(run_id_), testing::IsEmpty());
}

TEST_F(RealCgroup, SaysThatItStaysWhileAProcessIsInIt) {
  if (!CanMake()) return ExpectRefusal();
  {
    const auto cgroup = Make();
    ASSERT_NE(cgroup, nullptr);
    const Gated inside([] { return ::pause(); });
    ASSERT_TRUE(cgroup->AddProcess(inside.pid()).has_value());
    const Status removed = cgroup->Remove();
    ASSERT_FALSE(removed.has_value());
    EXPECT_THAT(removed.error().what, testing::HasSubstr("remove cgroup '"));
  }
  Clean();
}

TEST_F(RealCgroup, MakesNoSecondOneOfTheSameName) {
  if (!CanMake()) return ExpectRefusal();
  const auto first = Make();
  ASSERT_NE(first, nullptr);
  const auto second = RunCgroup::Make(limits_, run_id_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().sys_errno, EEXIST);
  EXPECT_FALSE(Directories(run_id_).empty()) << "the first one is still there";
}

TEST_F(RealCgroup, RemovesWhatADeadRunLeftAndNothingOfALivingOne) {
  if (!CanMake()) return ExpectRefusal();
  const std::string theirs = run_id_ + "b";
  // A supervisor that makes its cgroup, and is killed.
  Gated supervisor([&] {
    const auto made = RunCgroup::Make(limits_, theirs);
    return made ? ::pause() : 1;
  });
  supervisor.Go();
  const auto deadline = Clock::now() + std::chrono::seconds(5);
  const std::size_t all = [&] {
    const auto mine = Make();
    return Directories(run_id_).size();
  }();
  while (Directories(theirs).size() != all && Clock::now() < deadline) ::usleep(1000);
  ::usleep(20'000);  // made is not held yet
  Make().reset();
  EXPECT_EQ(Directories(theirs).size(), all) << "it lives";
  ::kill(supervisor.pid(), SIGKILL);
  supervisor.Wait();
  EXPECT_EQ(Directories(theirs).size(), all) << "nobody has looked yet";
  Make().reset();
  EXPECT_THAT(Directories(theirs), testing::IsEmpty());
}

TEST_F(RealCgroup, ALimitWithoutItsControllerIsAnError) {
  Limit(Limit::kMemory, 32 * kMiB);
  limits_.cgroup.controllers.clear();
  limits_.cgroup.directories.clear();
  const auto made = RunCgroup::Make(limits_, run_id_);
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, Errc::kUnsupported);
}

TEST_F(RealCgroup, WhatTheKernelRefusesIsNamedAndLeavesNothing) {
  if (!CanMake()) return ExpectRefusal();
  Limit(Limit::kProcesses, 1'000'000'000'000);  // more than there are process numbers
  const auto made = RunCgroup::Make(limits_, run_id_);
  ASSERT_FALSE(made.has_value());
  EXPECT_THAT(made.error().what, testing::HasSubstr("write '1000000000000' to '"));
  EXPECT_THAT(made.error().what, testing::HasSubstr("/pids.max'"));
  EXPECT_THAT(Directories(run_id_), testing::IsEmpty());
}

/// The v2 hierarchy of this machine, though it may have no controllers.
TEST_F(RealCgroup, InV2TheLevelAboveGoesWithTheLastRun) {
  const std::string top = limits_.cgroup.kind == host::CgroupKind::kV2
                              ? limits_.cgroup.directories.at(0)
                              : limits_.cgroup.unified;
  if (top.empty()) return ExpectRefusal();
  // A place of its own: other tests make and remove the level at the same time.
  const std::string place = fmt::format("{}/ambit-place-{}", top, ::getpid());
  ASSERT_TRUE(fs::create_directory(place));
  limits_.cgroup = {};
  limits_.cgroup.kind = host::CgroupKind::kV2;
  limits_.cgroup.directories = {place};
  auto first = Make();
  ASSERT_NE(first, nullptr);
  auto second = RunCgroup::Make(limits_, run_id_ + "b");
  ASSERT_TRUE(second.has_value()) << second.error().what;
  Gated worker([] { return Spin(milliseconds(20)); });
  ASSERT_TRUE(first->AddProcess(worker.pid()).has_value());
  worker.Go();
  EXPECT_EQ(worker.Wait(), 0);
  const CgroupUsage usage = first->Read();
  EXPECT_GE(usage.cpu_usec.value_or(0), 15'000U);
  EXPECT_TRUE(usage.cpu_pressure.has_value());
  EXPECT_TRUE(first->Remove().has_value());
  EXPECT_EQ(Directories(run_id_ + "b").size(), 1U);
  second->reset();
  EXPECT_FALSE(fs::exists(place + "/ambit"));
  EXPECT_EQ(::rmdir(place.c_str()), 0);
}

}  // namespace
}  // namespace ambit::supervise
