#include "supervise/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <utility>
#include <vector>

#include "spawn/native/handover.h"
#include "spawn/native/launch.h"
#include "spawn/native/protocol.h"
#include "supervise/start_egress.h"
#include "sys/process.h"

namespace ambit::supervise {
namespace {

namespace native = spawn::native;
using host::Primitive;
using native::StageResult;

std::unexpected<native::StageError> Stage(Primitive primitive, Error error) {
  return std::unexpected(native::StageError{.primitive = primitive, .error = std::move(error)});
}

}  // namespace

Processes::Processes(Inputs inputs)
    : host_names_(inputs.foundation.network),
      cgroup_(std::move(inputs.cgroup)),
      init_is_in_(cgroup_ != nullptr),
      started_(Start(inputs)) {}

Processes::~Processes() {
  Kill();
  Reap();
}

StageResult<void> Processes::Start(Inputs& inputs) {
  std::array<int, 2> line{};
  if (::pipe2(line.data(), O_CLOEXEC) != 0) {
    return Stage(Primitive::kLifeLine, FailErrno(errno, "pipe2").error());
  }
  const Fd life_line_read(line[0]);
  life_line_ = Fd(line[1]);
  Result<sys::SeqpacketPair> egress = sys::MakeSeqpacketPair();
  if (!egress) return Stage(Primitive::kEgress, egress.error());
  for (sys::SeqpacketPair* pair : {&control_, &trees_}) {
    Result<sys::SeqpacketPair> made = sys::MakeSeqpacketPair();
    if (!made) return Stage(Primitive::kCgroup, made.error());
    *pair = *std::move(made);
  }
  Result<sys::StreamPair> witness = sys::MakeStreamPair();
  if (!witness) return Stage(Primitive::kInit, witness.error());
  witness_ = *std::move(witness);
  egress_channel_ = std::move(egress->first);
  const auto launch_init = [&, egress_end = egress->second.get()] {
    life_line_.Reset();  // or it would outlive the supervisor here
    native::Launch({.init = {.foundation = inputs.foundation,
                             .control = control_.second.get(),
                             .trees = trees_.second.get(),
                             .life_line = life_line_read.get(),
                             .egress = egress_channel_.get(),
                             .witness = witness_.second.get(),
                             .user_lock = inputs.user_lock,
                             .terminal = inputs.terminal},
                    .to_init = control_.first.get(),
                    .to_supervisor = egress_end,
                    .born_in = cgroup_ ? cgroup_->BornIn() : -1});
  };
  Result<sys::Child> child = StartEgress({.foundation = inputs.foundation,
                                          .life_line = life_line_read.get(),
                                          .control = std::move(egress->second),
                                          .published = std::move(inputs.published),
                                          .before = launch_init});
  if (!child) return Stage(native::PrimitiveOfClone(child.error()), child.error());
  egress_ = std::move(child->pidfd);
  control_.second.Reset();
  trees_.second.Reset();
  witness_.second.Reset();
  return {};
}

StageResult<void> Processes::HandOver(const plan::LaunchPlan& plan, const native::Places& places,
                                      std::string_view run_id) {
  if (!started_) return started_;
  if (const Status ready = MakeReady(plan.limits, run_id); !ready) {
    return Stage(Primitive::kCgroup, ready.error());
  }
  const Result<Fd> handover = native::WriteHandover(plan, places);
  if (!handover) return Stage(Primitive::kInit, handover.error());
  native::LaunchedInit launched = native::AwaitInit(egress_channel_.get());
  init_awaited_ = true;
  init_ = std::move(launched.pidfd);
  init_pid_ = launched.pid;
  if (!launched.status) return launched.status;
  // Nothing of the run exists yet but init, which waits for the plan: all that it starts is in.
  if (cgroup_ && !init_is_in_) {
    if (const Status in = PutInitIntoCgroup(); !in) return Stage(Primitive::kCgroup, in.error());
  }
  // What cannot be sent was not wanted: init has failed, and tells why on its control socket.
  (void)native::SendHandover(control_.first.get(), *handover);
  if (!plan.identity.started_by_root) {
    (void)native::SendHandover(trees_.first.get(), *handover);
    return {};
  }
  auto trees = native::OpenTrees(plan, places);
  if (!trees) return std::unexpected(trees.error());
  (void)native::SendTrees(trees_.first.get(), *trees);
  backing_ = std::move(trees->backing);
  return {};
}

/// The control group with its limits, where one of them needs it.
Status Processes::MakeReady(const plan::Limits& limits, std::string_view run_id) {
  if (!IsHeldByCgroup(limits)) return {};
  if (cgroup_) return cgroup_->SetLimits(limits);
  AMBIT_TRY(cgroup_, RunCgroup::Make(limits, run_id));
  return {};
}

Status Processes::PutInitIntoCgroup() {
  AMBIT_TRY(const std::vector<Fd> doors, cgroup_->Doors());
  if (doors.empty()) return cgroup_->AddProcess(init_pid_);
  for (const Fd& door : doors) {
    (void)native::Send(control_.first.get(), {.kind = native::MessageKind::kCgroup}, door.get());
  }
  return {};
}

Fd Processes::TakeBacking() {
  if (backing_ || !trees_.first) return std::move(backing_);
  // In a run by a user it was sent while the walls were built, or there is none.
  native::Message message;
  Fd backing;
  const int flags = ::fcntl(trees_.first.get(), F_GETFL);
  ::fcntl(trees_.first.get(), F_SETFL, flags | O_NONBLOCK);
  if (!native::Receive(trees_.first.get(), message, &backing)) return {};
  return message.kind == native::MessageKind::kBacking ? std::move(backing) : Fd();
}

void Processes::Kill() {
  // Init may be in the making, and nobody but egress could say so.
  if (started_ && egress_ && !init_awaited_) {
    init_ = native::AwaitInit(egress_channel_.get()).pidfd;
    init_awaited_ = true;
  }
  for (const Fd* process : {&init_, &egress_}) {
    if (*process) (void)sys::Kill(process->get(), SIGKILL);
  }
  // Once more, where the kernel has a way: the end of init ends the same processes.
  if (cgroup_) (void)cgroup_->Kill();
  life_line_.Reset();
}

void Processes::Reap() {
  if (std::exchange(reaped_, true)) return;
  const bool init_has_no_name = !init_;
  for (Fd* process : {&init_, &egress_}) {
    if (*process) (void)sys::Reap(process->get());
    process->Reset();
  }
  // Its launcher may have been ended before it could name it. Then it dies when nobody is left who
  // could say anything to it.
  backing_ = TakeBacking();
  control_.first.Reset();
  trees_.first.Reset();
  while (init_has_no_name && (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR)) {
  }
  if (cgroup_) (void)cgroup_->Remove();  // what stays is tidied by the next run
  cgroup_.reset();
}

}  // namespace ambit::supervise
