#include "supervise/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <initializer_list>
#include <vector>

#include "egress/report.h"
#include "plan/plan.h"
#include "spawn/native/confine.h"
#include "spawn/native/identity.h"
#include "spawn/native/init.h"
#include "spawn/native/launch.h"
#include "spawn/native/network.h"
#include "spawn/native/protocol.h"
#include "spawn/native/root_builder.h"
#include "supervise/cgroup.h"
#include "supervise/start_egress.h"
#include "sys/fd_passing.h"
#include "sys/file.h"
#include "sys/mount.h"
#include "sys/process.h"
#include "workspace/root_tree.h"

namespace ambit::supervise {
namespace {

namespace native = spawn::native;
using host::Primitive;
using native::Message;
using native::MessageKind;
using native::StageError;
using native::StageResult;
using MountKind = plan::Mount::Kind;
using Body = std::function<StageResult<void>()>;

constexpr int kPatienceMs = 5000;  // for a process that has nothing to wait for

std::unexpected<StageError> Stage(Primitive primitive, Error error) {
  return std::unexpected(StageError{.primitive = primitive, .error = std::move(error)});
}

StageResult<void> At(Primitive primitive, const Status& status) {
  if (status) return {};
  return Stage(primitive, status.error());
}

/// `told`: what the body leaves there travels back.
[[noreturn]] void PerformInChild(int control, bool mapped_by_parent, const Body& body,
                                 const std::int32_t* told) {
  if (!sys::DieWithParent()) ::_exit(125);
  Message message;
  if (mapped_by_parent &&
      (!native::Receive(control, message) || message.kind != MessageKind::kGo)) {
    ::_exit(125);
  }
  const StageResult<void> done = body();
  message = {.kind = MessageKind::kReady, .number = told != nullptr ? *told : 0};
  if (!done) {
    message = {.kind = MessageKind::kFailed,
               .number = static_cast<std::int32_t>(done.error().primitive),
               .error = done.error().error.sys_errno};
    message.SetText(done.error().error.what);
  }
  (void)native::Send(control, message);
  ::_exit(0);
}

StageResult<void> Listen(int control, std::int32_t* told) {
  Message message;
  if (Status got = native::Receive(control, message); !got) {
    return Stage(Primitive::kInit, got.error());
  }
  if (message.kind == MessageKind::kReady) {
    if (told != nullptr) *told = message.number;
    return {};
  }
  return Stage(static_cast<Primitive>(message.number), Error{.code = ErrcOf(message.error),
                                                             .sys_errno = message.error,
                                                             .what = std::string(message.Text()),
                                                             .remedy = {}});
}

/// Performs `body` in a child with the new namespaces of `flags`, mapped as a run's are.
StageResult<void> InChild(std::uint64_t flags, const plan::Identity& identity, const Body& body,
                          std::int32_t* told = nullptr) {
  Result<sys::SeqpacketPair> pair = sys::MakeSeqpacketPair();
  if (!pair) return Stage(Primitive::kInit, pair.error());
  Result<sys::Child> child = sys::Clone(flags);
  if (!child) {
    return Stage(flags == 0 ? native::PrimitiveOfClone(child.error())
                            : native::PrimitiveOfNamespaces(child.error()),
                 child.error());
  }
  if (child->pid == 0) {
    pair->first.Reset();
    PerformInChild(pair->second.get(), flags != 0, body, told);
  }
  pair->second.Reset();
  StageResult<void> done;
  if (flags != 0) {
    done = At(Primitive::kUserNamespace, native::WriteIdMaps(child->pid, identity));
    if (done) {
      done =
          At(Primitive::kInit, native::Send(pair->first.get(), Message{.kind = MessageKind::kGo}));
    }
    if (!done) (void)sys::Kill(child->pidfd.get(), SIGKILL);
  }
  if (done) done = Listen(pair->first.get(), told);
  (void)sys::Reap(child->pidfd.get());
  return done;
}

StageResult<void> BecomeInsideUser(const plan::Identity& identity) {
  return At(Primitive::kPrivileges, sys::BecomeUser(identity.inside_uid, identity.inside_gid));
}

StageResult<void> InsideNamespaces(const ProbeInputs& inputs, const Body& body,
                                   std::int32_t* told = nullptr) {
  const plan::Identity& identity = inputs.plan.identity;
  if (!inputs.namespaces) return InChild(0, identity, body, told);
  return InChild(
      native::kAllNamespaces, identity,
      [&]() -> StageResult<void> {
        if (auto done = BecomeInsideUser(identity); !done) return done;
        if (auto done = At(Primitive::kMountApi, sys::MakeMountsPrivate()); !done) return done;
        return body();
      },
      told);
}

/// The plan with no mounts but those of `kinds`.
plan::LaunchPlan WithMountsOnly(const plan::LaunchPlan& plan,
                                std::initializer_list<MountKind> kinds) {
  plan::LaunchPlan part = plan;
  std::erase_if(part.mounts, [&](const plan::Mount& mount) {
    return std::find(kinds.begin(), kinds.end(), mount.kind) == kinds.end();
  });
  return part;
}

/// As root trees are opened outside, as a user inside: see spawn/native/trees.h.
StageResult<void> OpenTreesOf(const ProbeInputs& inputs, std::initializer_list<MountKind> kinds) {
  const plan::LaunchPlan part = WithMountsOnly(inputs.plan, kinds);
  const Body open = [&]() -> StageResult<void> {
    auto trees = native::OpenTrees(part, inputs.places);
    if (!trees) return std::unexpected(trees.error());
    return {};
  };
  if (part.identity.started_by_root) return InChild(0, part.identity, open);
  return InsideNamespaces(inputs, open);
}

/// A root with nothing of the host in it.
StageResult<void> BuildRootOf(const ProbeInputs& inputs, std::initializer_list<MountKind> kinds) {
  const plan::LaunchPlan part = WithMountsOnly(inputs.plan, kinds);
  return InsideNamespaces(inputs, [&] {
    return native::BuildRoot(part, [&]() -> StageResult<native::Trees> {
      // The real one may lie where only the supervisor gets to.
      Result<Fd> root = sys::NewFilesystem("tmpfs", {}, 0);
      if (!root) return Stage(Primitive::kMountApi, root.error());
      if (Status filled = workspace::FillRoot(root->get(), part); !filled) {
        return Stage(Primitive::kMountApi, filled.error());
      }
      return native::Trees{.root = *std::move(root), .mounts = std::vector<Fd>(part.mounts.size())};
    });
  });
}

StageResult<void> ProbeLandlock(const ProbeInputs& inputs) {
  plan::LaunchPlan part = inputs.plan;
  std::erase_if(part.landlock, [](const plan::LandlockRule& rule) { return rule.inside != "/"; });
  return InsideNamespaces(inputs, [&]() -> StageResult<void> {
    if (auto done = native::GiveUpPrivileges(); !done) return done;
    return native::RestateFileSystem(part);
  });
}

StageResult<void> ProbeSeccomp(const ProbeInputs& inputs) {
  // Behind the filter the child can still write its answer and leave: init does no more.
  return InsideNamespaces(inputs, [&]() -> StageResult<void> {
    if (auto done = native::GiveUpPrivileges(); !done) return done;
    const StageResult<Fd> listener = native::CloseSystemCalls(inputs.plan);
    if (!listener) return std::unexpected(listener.error());
    return {};
  });
}

struct LifeLine {
  Fd read;
  Fd write;
};

Result<LifeLine> MakeLifeLine() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno(errno, "pipe2");
  return LifeLine{.read = Fd(ends[0]), .write = Fd(ends[1])};
}

/// A real init that is never told to go must end when the life line does.
StageResult<void> ProbeLifeLine(const ProbeInputs& inputs) {
  Result<LifeLine> line = MakeLifeLine();
  if (!line) return Stage(Primitive::kLifeLine, line.error());
  const Result<sys::SeqpacketPair> pair = sys::MakeSeqpacketPair();
  if (!pair) return Stage(Primitive::kInit, pair.error());
  const Result<sys::Child> init = sys::Clone(0);
  if (!init) return Stage(native::PrimitiveOfClone(init.error()), init.error());
  if (init->pid == 0) {
    native::RunInit({.foundation = plan::FoundationOf(inputs.plan),
                     .control = pair->second.get(),
                     .trees = -1,
                     .life_line = line->read.get(),
                     .egress = -1});
  }
  line->write.Reset();
  pollfd ended{.fd = init->pidfd.get(), .events = POLLIN, .revents = 0};
  const bool died = ::poll(&ended, 1, kPatienceMs) == 1;
  if (!died) (void)sys::Kill(init->pidfd.get(), SIGKILL);
  (void)sys::Reap(init->pidfd.get());
  if (died) return {};
  return Stage(Primitive::kLifeLine,
               Fail(Errc::kUnsupported, "init outlived its life line").error());
}

/// Egress raises its walls and then asks for listeners; being told that none will come, it says so.
StageResult<void> ProbeEgress(const ProbeInputs& inputs) {
  Result<LifeLine> line = MakeLifeLine();
  if (!line) return Stage(Primitive::kLifeLine, line.error());
  Result<sys::SeqpacketPair> pair = sys::MakeSeqpacketPair();
  if (!pair) return Stage(Primitive::kEgress, pair.error());
  const plan::Foundation foundation = plan::FoundationOf(inputs.plan);
  const Result<sys::Child> relay = StartEgress({.foundation = foundation,
                                                .life_line = line->read.get(),
                                                .control = std::move(pair->second)});
  if (!relay) return Stage(native::PrimitiveOfClone(relay.error()), relay.error());
  pair->second.Reset();
  ::shutdown(pair->first.get(), SHUT_WR);
  std::array<std::byte, sizeof(egress::EgressReport)> buffer{};
  pollfd said{.fd = pair->first.get(), .events = POLLIN, .revents = 0};
  Result<egress::EgressReport> report = Fail(Errc::kInternal, "egress said nothing");
  if (::poll(&said, 1, kPatienceMs) == 1) {
    const auto got = sys::ReceiveFds(pair->first.get(), buffer, {});
    if (got) report = egress::DecodeReport(std::span(buffer).first(got->bytes));
  }
  (void)sys::Kill(relay->pidfd.get(), SIGKILL);
  (void)sys::Reap(relay->pidfd.get());
  if (!report) return Stage(Primitive::kEgress, report.error());
  if (report->kind == egress::ReportKind::kFailed && report->stage == egress::Stage::kListeners &&
      report->error == ENOTCONN) {
    return {};
  }
  return Stage(PrimitiveOf(report->stage), ErrorOf(*report));
}

StageResult<void> ProbeCgroup(const ProbeInputs& inputs) {
  if (!IsHeldByCgroup(inputs.plan.limits)) return {};
  const auto made = RunCgroup::Make(inputs.plan.limits, fmt::format("probe-{}", ::getpid()));
  if (!made) return Stage(Primitive::kCgroup, made.error());
  return {};
}

}  // namespace

StageResult<void> Probe(Primitive primitive, const ProbeInputs& inputs) {
  const plan::Identity& identity = inputs.plan.identity;
  switch (primitive) {
    case Primitive::kUserNamespace:
      return InChild(CLONE_NEWUSER, identity, [&] { return BecomeInsideUser(identity); });
    case Primitive::kNamespaces:
      return InChild(native::kAllNamespaces, identity, [] { return native::RootOwnCgroups(); });
    case Primitive::kIdmappedMounts:
      if (!identity.started_by_root) return {};
      return OpenTreesOf(inputs, {MountKind::kHome});
    case Primitive::kHostPath:
      return OpenTreesOf(inputs, {MountKind::kBind});
    case Primitive::kOverlay:
      return OpenTreesOf(inputs, {MountKind::kLayer});
    case Primitive::kMountApi:
      return BuildRootOf(inputs, {MountKind::kTmpfs});
    case Primitive::kProc:
      return BuildRootOf(inputs, {MountKind::kTmpfs, MountKind::kProc});
    case Primitive::kDevpts:
      return BuildRootOf(inputs, {MountKind::kTmpfs, MountKind::kDevpts});
    case Primitive::kNetwork:
      if (auto capture = ProbeCapture(inputs); !capture) return std::unexpected(capture.error());
      return {};
    case Primitive::kPrivileges:
      return InsideNamespaces(inputs, [] { return native::GiveUpPrivileges(); });
    case Primitive::kLandlock:
      return ProbeLandlock(inputs);
    case Primitive::kSeccomp:
    case Primitive::kNotification:
      return ProbeSeccomp(inputs);
    case Primitive::kLifeLine:
      return ProbeLifeLine(inputs);
    case Primitive::kEgress:
      return ProbeEgress(inputs);
    case Primitive::kInit:
    case Primitive::kRunUser:
    case Primitive::kStateDirectory:
      break;
    case Primitive::kCgroup:
      return ProbeCgroup(inputs);
  }
  return {};
}

StageResult<policy::Capture> ProbeCapture(const ProbeInputs& inputs) {
  std::int32_t told = 0;
  const auto build = [&]() -> StageResult<void> {
    const Result<Fd> proc = sys::OpenAt(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY);
    if (!proc) return Stage(Primitive::kProc, proc.error());
    const auto sockets = spawn::BuildNetwork(inputs.plan.network, proc->get());
    if (!sockets) return Stage(Primitive::kNetwork, sockets.error());
    told = static_cast<std::int32_t>(sockets->capture);
    return {};
  };
  if (auto built = InsideNamespaces(inputs, build, &told); !built) {
    return std::unexpected(built.error());
  }
  const auto capture = plan::BuiltCapture(static_cast<std::byte>(told));
  if (!capture) return Stage(Primitive::kInit, Fail(Errc::kInternal, "no such capture").error());
  return *capture;
}

std::string DescribeCapture(policy::Capture capture) {
  switch (capture) {
    case policy::Capture::kAuto:
      break;
    case policy::Capture::kTproxy:
      return "nf_tables with tproxy";
    case policy::Capture::kRedirect:
      return "redirect (address translation: the run's kernel remembers each connection)";
    case policy::Capture::kPorts:
      return "ports (no nf_tables: no server inside can have a port that a rule of the network "
             "names, and ping answers for every address)";
  }
  return {};
}

}  // namespace ambit::supervise
