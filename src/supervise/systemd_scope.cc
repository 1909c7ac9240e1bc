// A scope that the person's systemd makes around init: it sets the limits first and then moves init
// in. Delegate=yes leaves what is inside to us; with it systemd does not end the whole scope when
// the kernel kills one process for memory (OOMPolicy=continue).
// Source: org.freedesktop.systemd1(5), systemd.resource-control(5), systemd.service(5) OOMPolicy=.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/text.h"
#include "host/cgroup_files.h"
#include "supervise/bus_connection.h"
#include "supervise/cgroup_limits.h"
#include "sys/file.h"

namespace ambit::supervise {
namespace {

using proto::dbus::Message;
using proto::dbus::MessageType;
using proto::dbus::Reader;
using proto::dbus::Writer;

constexpr std::chrono::seconds kPatience{2};
constexpr std::size_t kMostTable = 16U << 20;
constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
constexpr std::string_view kJobRemovedRule =
    "type='signal',sender='org.freedesktop.systemd1',path='/org/freedesktop/systemd1',"
    "interface='org.freedesktop.systemd1.Manager',member='JobRemoved'";

/// The array a(sv) of a unit's properties.
class Properties {
 public:
  explicit Properties(Writer& out) : out_(out), begin_(out.BeginArray(8)) {}
  void Text(std::string_view name, std::string_view value) {
    Begin(name, "s");
    out_.String(value);
  }
  void Flag(std::string_view name, bool value) {
    Begin(name, "b");
    out_.Bool(value);
  }
  void Number(std::string_view name, std::uint64_t value) {
    Begin(name, "t");
    out_.Uint64(value);
  }
  void Processes(std::string_view name, pid_t pid) {
    Begin(name, "au");
    const std::size_t begin = out_.BeginArray(4);
    out_.Uint32(static_cast<std::uint32_t>(pid));
    out_.EndArray(begin);
  }
  void End() { out_.EndArray(begin_); }

 private:
  void Begin(std::string_view name, std::string_view type) {
    out_.Align(8);
    out_.String(name);
    out_.Signature(type);
  }

  Writer& out_;
  std::size_t begin_;
};

Message StartScope(const std::string& unit, const CgroupLimits& limits, pid_t pid) {
  Writer out;
  out.String(unit);
  out.String("fail");  // when there is one of this name already
  Properties properties(out);
  properties.Text("Description", "a run of ambit");
  properties.Flag("Delegate", true);
  // Else systemd remembers a scope in which something was killed.
  properties.Text("CollectMode", "inactive-or-failed");
  if (limits.memory) {
    properties.Number("MemoryMax", *limits.memory);
    properties.Number("MemorySwapMax", 0);
  }
  if (limits.processes) properties.Number("TasksMax", *limits.processes);
  if (limits.cpus) properties.Number("CPUQuotaPerSecUSec", *limits.cpus * 1000);
  properties.Processes("PIDs", pid);
  properties.End();
  out.EndArray(out.BeginArray(8));  // no further units
  return {.path = kManagerPath,
          .interface = kManager,
          .member = "StartTransientUnit",
          .destination = kService,
          .signature = "ssa(sv)a(sa(sv))",
          .body = std::move(out).Take()};
}

struct JobEnd {
  std::string job;
  std::string result;
};

JobEnd ReadJobEnd(const Message& signal) {
  Reader in(signal.body);
  in.Uint32();
  JobEnd end{.job = in.String(), .result = {}};
  in.String();  // the unit
  end.result = in.String();
  return in.failed() ? JobEnd{} : end;
}

/// Until the job that `call` has started is done.
Status AwaitJob(BusConnection& bus, std::uint32_t call, BusConnection::Deadline deadline) {
  std::string job;
  std::vector<JobEnd> ended;  // one may end before its call is answered
  for (;;) {
    AMBIT_TRY(const Message message, bus.Receive(deadline));
    const bool answers = message.reply_serial == call;
    if (message.type == MessageType::kError) {
      const std::string text = Reader(message.body).String();
      return Fail(Errc::kDenied, fmt::format("start a systemd scope: {}: {}",
                                             Printable(message.error_name), Printable(text)));
    }
    if (answers && message.type == MessageType::kReply) job = Reader(message.body).String();
    if (message.type == MessageType::kSignal && message.member == "JobRemoved") {
      ended.push_back(ReadJobEnd(message));
    }
    const auto own = std::ranges::find(ended, job, &JobEnd::job);
    if (job.empty() || own == ended.end()) continue;
    if (own->result == "done") return {};
    return Fail(Errc::kIo, "start a systemd scope: its job ended as " + Printable(own->result));
  }
}

/// Where a process is in v2, by the name its cgroup has on this machine.
Result<std::string> DirectoryOfProcess(pid_t pid) {
  const std::string table = fmt::format("/proc/{}/cgroup", pid);
  AMBIT_TRY(const std::string own, sys::ReadSmallFile(AT_FDCWD, table.c_str(), kMostTable));
  AMBIT_TRY(const std::string mountinfo,
            sys::ReadSmallFile(AT_FDCWD, "/proc/self/mountinfo", kMostTable));
  for (const host::OwnCgroup& cgroup : host::ParseOwnCgroups(own)) {
    if (!cgroup.controllers.empty()) continue;
    for (const host::CgroupMount& mount : host::ParseCgroupMounts(mountinfo)) {
      if (!mount.unified) continue;
      std::string directory = host::DirectoryOf(mount, cgroup.path);
      if (!directory.empty()) return directory;
    }
  }
  return Fail(Errc::kNotFound, "find the systemd scope: its cgroup is not mounted here");
}

/// systemd writes to its log alone that it could not set a limit.
Status RequireAtMost(const CgroupDirectory& scope, const char* file, std::uint64_t most) {
  const auto value = scope.Number(file);
  if (value && *value <= most) return {};
  return Fail(Errc::kUnsupported, fmt::format("systemd did not set '{}' in '{}/{}'", most,
                                              Printable(scope.path()), file));
}

Status RequireLimits(const CgroupDirectory& scope, const CgroupLimits& limits) {
  if (limits.memory) AMBIT_CHECK(RequireAtMost(scope, "memory.max", *limits.memory));
  if (limits.memory && scope.Has("memory.swap.max")) {
    AMBIT_CHECK(RequireAtMost(scope, "memory.swap.max", 0));
  }
  if (limits.processes) AMBIT_CHECK(RequireAtMost(scope, "pids.max", *limits.processes));
  // The period is systemd's: at most a second.
  if (limits.cpus) AMBIT_CHECK(RequireAtMost(scope, "cpu.max", *limits.cpus * 1000));
  return {};
}

class SystemdScope final : public RunCgroup {
 public:
  SystemdScope(BusConnection bus, CgroupLimits limits, std::string unit)
      : bus_(std::move(bus)), limits_(limits), unit_(std::move(unit)) {}

  /// Before AddProcess, which asks for them.
  Status Hold(const CgroupLimits& limits) override {
    limits_ = limits;
    return {};
  }

  Status AddProcess(pid_t pid) override {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    AMBIT_CHECK(Subscribe());
    AMBIT_TRY(const std::uint32_t call, bus_.Send(StartScope(unit_, limits_, pid)));
    AMBIT_CHECK(AwaitJob(bus_, call, deadline));
    AMBIT_TRY(const std::string path, DirectoryOfProcess(pid));
    if (!path.ends_with("/" + unit_)) {
      return Fail(Errc::kIo, fmt::format("start a systemd scope: the process is in '{}' instead",
                                         Printable(path)));
    }
    AMBIT_TRY(CgroupDirectory scope, CgroupDirectory::Adopt(path));
    scope_.emplace(std::move(scope));
    AMBIT_CHECK(RequireLimits(*scope_, limits_));
    alarm_.WatchFile(path + "/memory.events");
    alarm_.WatchFile(path + "/pids.events");
    return {};
  }

  [[nodiscard]] CgroupUsage Read() const override {
    return scope_ ? ReadV2(*scope_) : CgroupUsage{};
  }
  Status Freeze(bool frozen) override { return Write("cgroup.freeze", frozen ? "1" : "0"); }
  Status Kill() override { return Write("cgroup.kill", "1"); }
  /// Whichever of us comes first: systemd removes it as well.
  Status Remove() override { return scope_ ? scope_->Remove() : Status(); }

 private:
  /// Without it systemd sends no signals.
  Status Subscribe() {
    Writer rule;
    rule.String(kJobRemovedRule);
    AMBIT_CHECK(bus_.Send({.path = "/org/freedesktop/DBus",
                           .interface = "org.freedesktop.DBus",
                           .member = "AddMatch",
                           .destination = "org.freedesktop.DBus",
                           .signature = "s",
                           .body = std::move(rule).Take()}));
    AMBIT_CHECK(bus_.Send({.path = kManagerPath,
                           .interface = kManager,
                           .member = "Subscribe",
                           .destination = kService}));
    return {};
  }
  Status Write(const char* file, std::string_view value) const {
    if (scope_) return scope_->Write(file, value);
    return Fail(Errc::kNotFound, "the run's systemd scope has not been made");
  }

  BusConnection bus_;
  CgroupLimits limits_;
  std::string unit_;
  std::optional<CgroupDirectory> scope_;
};

}  // namespace

Result<std::unique_ptr<RunCgroup>> MakeScope(const host::CgroupFacts& facts,
                                             const CgroupLimits& limits, const std::string& name) {
  AMBIT_TRY(BusConnection bus,
            BusConnection::Open(facts.bus, std::chrono::steady_clock::now() + kPatience));
  return std::make_unique<SystemdScope>(std::move(bus), limits, name + ".scope");
}

}  // namespace ambit::supervise
