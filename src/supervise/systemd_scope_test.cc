// Against a real dbus-daemon, with a stand-in for systemd on it that makes the scope's cgroup in
// the real v2 hierarchy where this process may.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "supervise/bus_connection.h"
#include "supervise/cgroup.h"
#include "supervise/cgroup_limits.h"

namespace ambit::supervise {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using proto::dbus::Message;
using proto::dbus::MessageType;
using proto::dbus::Reader;
using proto::dbus::Writer;
using testing::HasSubstr;

enum class Manner : std::uint8_t { kDone, kJobFails, kSilent, kRefuses, kMovesNothing };

pid_t Start(const std::function<int()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(work());
  return pid;
}

void End(pid_t pid) {
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

/// What StartTransientUnit was asked for, as lines "name type value" for people and tests.
struct Asked {
  std::string unit;
  std::string lines;
  std::uint32_t pid = 0;
};

Asked ReadAsked(const Message& call) {
  Reader in(call.body);
  Asked asked{.unit = in.String(), .lines = in.String() + "\n"};
  const std::size_t end = in.BeginArray(8);
  while (!in.failed() && in.at() < end) {
    in.Align(8);
    const std::string name = in.String();
    const std::string type = in.Signature();
    std::string value;
    if (type == "s") value = in.String();
    if (type == "b") value = in.Uint32() == 1 ? "true" : "false";
    if (type == "t") value = fmt::to_string(in.Uint64());
    if (type == "au") {
      in.BeginArray(4);
      asked.pid = in.Uint32();
      value = "(pid)";
    }
    asked.lines += fmt::format("{} {} {}\n", name, type, value);
  }
  in.BeginArray(8);
  if (in.failed() || in.at() != call.body.size()) asked.lines = "broken";
  return asked;
}

/// Answers as systemd does, for ever.
int ActAsSystemd(const std::string& bus_path, const std::string& top, const std::string& record,
                 Manner manner) {
  const auto far = Clock::now() + std::chrono::hours(1);
  auto bus = BusConnection::Open(bus_path, far);
  if (!bus) return 1;
  Writer name;
  name.String("org.freedesktop.systemd1");
  name.Uint32(0);
  (void)bus->Send({.path = "/org/freedesktop/DBus",
                   .interface = "org.freedesktop.DBus",
                   .member = "RequestName",
                   .destination = "org.freedesktop.DBus",
                   .signature = "su",
                   .body = std::move(name).Take()});
  for (;;) {
    const auto call = bus->Receive(far);
    if (!call) return 1;
    if (call->type == MessageType::kSignal && call->member == "NameAcquired") {
      std::ofstream(record + ".ready") << "ready";
    }
    if (call->type != MessageType::kCall || manner == Manner::kSilent) continue;
    Message reply{
        .type = MessageType::kReply, .reply_serial = call->serial, .destination = call->sender};
    if (call->member != "StartTransientUnit") {
      (void)bus->Send(reply);
      continue;
    }
    const Asked asked = ReadAsked(*call);
    std::ofstream(record) << asked.lines;
    Writer body;
    if (manner == Manner::kRefuses) {
      body.String("no such property");
      reply.type = MessageType::kError;
      reply.error_name = "org.freedesktop.DBus.Error.PropertyReadOnly";
      reply.signature = "s";
      reply.body = std::move(body).Take();
      (void)bus->Send(reply);
      continue;
    }
    if (manner == Manner::kDone) {
      ::mkdir((top + "/" + asked.unit).c_str(), 0755);
      std::ofstream(top + "/" + asked.unit + "/cgroup.procs") << asked.pid;
    }
    // The job's end first: it may overtake the answer.
    Writer end;
    end.Uint32(5);
    end.String("/org/freedesktop/systemd1/job/5");
    end.String(asked.unit);
    end.String(manner == Manner::kJobFails ? "failed" : "done");
    (void)bus->Send({.type = MessageType::kSignal,
                     .path = "/org/freedesktop/systemd1",
                     .interface = "org.freedesktop.systemd1.Manager",
                     .member = "JobRemoved",
                     .signature = "uoss",
                     .body = std::move(end).Take()});
    body.String("/org/freedesktop/systemd1/job/5");
    reply.signature = "o";
    reply.body = std::move(body).Take();
    (void)bus->Send(reply);
  }
}

class SystemdScope : public testing::Test {
 protected:
  SystemdScope() {
    std::string name = "/tmp/ambit-bus-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    daemon_ = Start([&] {
      const std::string address = "--address=unix:path=" + directory_ + "/bus";
      ::execlp("dbus-daemon", "dbus-daemon", "--session", "--nofork", "--nopidfile",
               address.c_str(), nullptr);
      return 127;
    });
    AwaitBus();
    const host::CgroupFacts here = host::ReadCgroupFacts().value();
    top_ = here.kind == host::CgroupKind::kV2 ? here.directories.at(0) : here.unified;
    limits_.cgroup.kind = host::CgroupKind::kSystemd;
    limits_.cgroup.bus = directory_ + "/bus";
    limits_.cgroup.controllers = {host::Controller::kMemory, host::Controller::kPids,
                                  host::Controller::kCpu};
    init_ = Start([] { return ::pause(); });
  }
  ~SystemdScope() override {
    for (const pid_t pid : {init_, systemd_, daemon_}) {
      if (pid > 0) End(pid);
    }
    fs::remove_all(directory_);
    if (!top_.empty()) ::rmdir(Scope().c_str());
  }

  void AwaitFile(const std::string& name) const {
    const auto deadline = Clock::now() + std::chrono::seconds(20);
    while (!fs::exists(directory_ + name) && Clock::now() < deadline) ::usleep(1000);
    ASSERT_TRUE(fs::exists(directory_ + name)) << name;
  }
  /// The socket is there a moment before anybody listens.
  void AwaitBus() const {
    const auto deadline = Clock::now() + std::chrono::seconds(20);
    while (!BusConnection::Open(directory_ + "/bus", deadline) && Clock::now() < deadline) {
      ::usleep(1000);
    }
    ASSERT_LT(Clock::now(), deadline) << "is dbus-daemon installed?";
  }
  void StartSystemd(Manner manner) {
    systemd_ = Start(
        [&] { return ActAsSystemd(directory_ + "/bus", top_, directory_ + "/asked", manner); });
    AwaitFile("/asked.ready");
  }
  Status AddInit() {
    AMBIT_TRY(cgroup_, RunCgroup::Make(limits_, run_id_));
    return cgroup_->AddProcess(init_);
  }
  void Limit(policy::Limit kind, std::uint64_t value) {
    limits_.all.push_back({.kind = kind, .value = value, .means = plan::Means::kCgroup});
  }
  [[nodiscard]] std::string Scope() const { return top_ + "/ambit-" + run_id_ + ".scope"; }
  [[nodiscard]] std::string Recorded() const {
    std::ostringstream text;
    text << std::ifstream(directory_ + "/asked").rdbuf();
    return text.str();
  }

  std::string directory_;
  std::string top_;  // a v2 place for the scope; empty where this process has none
  std::string run_id_ = fmt::format("r-scope{}", ::getpid());
  plan::Limits limits_;
  std::unique_ptr<RunCgroup> cgroup_;
  pid_t daemon_ = -1;
  pid_t systemd_ = -1;
  pid_t init_ = -1;
};

TEST_F(SystemdScope, IsAskedForWithAllLimitsInOneCall) {
  StartSystemd(Manner::kJobFails);
  Limit(policy::Limit::kMemory, 1'000'000'000);
  Limit(policy::Limit::kProcesses, 200);
  Limit(policy::Limit::kCpus, 1500);
  const Status added = AddInit();
  ASSERT_FALSE(added.has_value());
  EXPECT_THAT(added.error().what, HasSubstr("its job ended as failed"));
  EXPECT_EQ(Recorded(),
            "fail\n"
            "Description s a run of ambit\n"
            "Delegate b true\n"
            "CollectMode s inactive-or-failed\n"
            "MemoryMax t 1000000000\n"
            "MemorySwapMax t 0\n"
            "TasksMax t 200\n"
            "CPUQuotaPerSecUSec t 1500000\n"
            "PIDs au (pid)\n");
}

TEST_F(SystemdScope, HoldsInitIsReadAndGoesWithTheRun) {
  StartSystemd(Manner::kDone);
  const Status added = AddInit();
  if (top_.empty()) {  // nothing could be made: and that is seen
    EXPECT_FALSE(added.has_value());
    return;
  }
  ASSERT_TRUE(added.has_value()) << added.error().what;
  EXPECT_TRUE(cgroup_->Read().cpu_usec.has_value());
  ASSERT_TRUE(cgroup_->Kill().has_value());
  int status = 0;
  ASSERT_EQ(::waitpid(init_, &status, 0), init_);
  init_ = -1;
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_TRUE(fs::exists(Scope()));
  EXPECT_TRUE(cgroup_->Remove().has_value());
  EXPECT_FALSE(fs::exists(Scope()));
}

TEST_F(SystemdScope, ALimitThatWasNotSetIsAnError) {
  StartSystemd(Manner::kDone);  // which sets none
  Limit(policy::Limit::kMemory, 1'000'000'000);
  const Status added = AddInit();
  ASSERT_FALSE(added.has_value());
  if (!top_.empty()) EXPECT_THAT(added.error().what, HasSubstr("systemd did not set '1000000000'"));
}

TEST_F(SystemdScope, AProcessThatWasNotMovedIsAnError) {
  StartSystemd(Manner::kMovesNothing);
  const Status added = AddInit();
  ASSERT_FALSE(added.has_value());
  EXPECT_THAT(added.error().what, HasSubstr("systemd scope"));
}

TEST_F(SystemdScope, ARefusalIsToldInItsWords) {
  StartSystemd(Manner::kRefuses);
  const Status added = AddInit();
  ASSERT_FALSE(added.has_value());
  EXPECT_THAT(added.error().what, HasSubstr("PropertyReadOnly: no such property"));
}

TEST_F(SystemdScope, WhenNobodyAnswersTheWaitEndsAfterTwoSeconds) {
  StartSystemd(Manner::kSilent);
  const auto start = Clock::now();
  const Status added = AddInit();
  ASSERT_FALSE(added.has_value());
  EXPECT_EQ(added.error().code, Errc::kLimit);
  EXPECT_GE(Clock::now() - start, std::chrono::milliseconds(1900));
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));
}

TEST_F(SystemdScope, WithoutSystemdOnTheBusItIsAnErrorAtOnce) {
  const Status added = AddInit();
  ASSERT_FALSE(added.has_value());
  EXPECT_THAT(added.error().what, HasSubstr("start a systemd scope"));
  limits_.cgroup.bus = directory_ + "/none";
  EXPECT_FALSE(RunCgroup::Make(limits_, run_id_).has_value());
}

}  // namespace
}  // namespace ambit::supervise
