#include "spawn/native/launch.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "spawn/native/identity.h"
#include "spawn/native/init.h"
#include "spawn/native/protocol.h"

namespace ambit::spawn::native {
namespace {

using host::Primitive;

constexpr std::uint64_t kNamespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
                                      CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

std::unexpected<StageError> Stage(Primitive primitive, Error error) {
  return std::unexpected(StageError{.primitive = primitive, .error = std::move(error)});
}

/// A refused user namespace and a refused other one need different remedies.
Primitive WhichNamespaceFailed() {
  Result<sys::Child> probe = sys::Clone(CLONE_NEWUSER);
  if (!probe) return Primitive::kUserNamespace;
  if (probe->pid == 0) ::_exit(0);
  (void)sys::Reap(probe->pidfd.get());
  return Primitive::kNamespaces;
}

}  // namespace

StageResult<Launched> Launch(const LaunchInputs& inputs) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return Stage(Primitive::kInit, FailErrno(errno, "socketpair").error());
  }
  Launched launched{.init = {}, .control = Fd(ends[0])};
  Fd init_end(ends[1]);
  std::vector<Fd> trees;
  if (inputs.plan.identity.started_by_root) {
    auto opened = OpenTrees(inputs.plan, inputs.run_path);
    if (!opened) return std::unexpected(opened.error());
    trees = *std::move(opened);
  }
  Result<sys::Child> child = sys::Clone(kNamespaces);
  if (!child) return Stage(WhichNamespaceFailed(), child.error());
  if (child->pid == 0) {
    RunInit({.plan = inputs.plan,
             .control = init_end.get(),
             .life_line = inputs.life_line,
             .egress = inputs.egress,
             .run_path = inputs.run_path,
             .user_lock = inputs.user_lock,
             .terminal = inputs.terminal,
             .trees = std::move(trees)});
  }
  launched.init = *std::move(child);
  init_end.Reset();
  Status mapped = WriteIdMaps(launched.init.pid, inputs.plan.identity);
  if (mapped) mapped = Send(launched.control.get(), Message{.kind = MessageKind::kGo});
  if (!mapped) {
    (void)sys::Kill(launched.init.pidfd.get(), SIGKILL);
    (void)sys::Reap(launched.init.pidfd.get());
    return Stage(Primitive::kUserNamespace, mapped.error());
  }
  return launched;
}

}  // namespace ambit::spawn::native
