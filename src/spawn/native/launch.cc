#include "spawn/native/launch.h"

#include <errno.h>
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

std::unexpected<StageError> Stage(Primitive primitive, Error error) {
  return std::unexpected(StageError{.primitive = primitive, .error = std::move(error)});
}

Status CloneOnce(std::uint64_t flags) {
  AMBIT_TRY(const sys::Child probe, sys::Clone(flags));
  if (probe.pid == 0) ::_exit(0);
  (void)sys::Reap(probe.pidfd.get());
  return {};
}

/// A failure of init itself comes on the control socket and is the better story: only what goes
/// wrong here is reported here.
StageResult<void> OpenTreesForInit(const LaunchInputs& inputs, const Launched& launched) {
  const auto trees = OpenTrees(inputs.plan, inputs.run_path);
  if (!trees) return std::unexpected(trees.error());
  (void)SendTrees(launched.control.get(), *trees);
  return {};
}

}  // namespace

Primitive PrimitiveOfClone(const Error& error) {
  return error.code == Errc::kLimit ? Primitive::kInit : Primitive::kNamespaces;
}

Primitive PrimitiveOfNamespaces(const Error& error) {
  if (Status plain = CloneOnce(0); !plain) return PrimitiveOfClone(plain.error());
  // ENOSPC is the limit on the number of user namespaces (user.max_user_namespaces).
  if (error.code == Errc::kLimit && error.sys_errno != ENOSPC) return Primitive::kInit;
  return CloneOnce(CLONE_NEWUSER) ? Primitive::kNamespaces : Primitive::kUserNamespace;
}

StageResult<Launched> Launch(const LaunchInputs& inputs) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return Stage(Primitive::kInit, FailErrno(errno, "socketpair").error());
  }
  Launched launched{.init = {}, .control = Fd(ends[0])};
  Fd init_end(ends[1]);
  Result<sys::Child> child = sys::Clone(kAllNamespaces);
  if (!child) return Stage(PrimitiveOfNamespaces(child.error()), child.error());
  if (child->pid == 0) {
    RunInit({.plan = inputs.plan,
             .control = init_end.get(),
             .life_line = inputs.life_line,
             .egress = inputs.egress,
             .run_path = inputs.run_path,
             .user_lock = inputs.user_lock,
             .terminal = inputs.terminal});
  }
  launched.init = *std::move(child);
  init_end.Reset();
  StageResult<void> done;
  if (Status mapped = WriteIdMaps(launched.init.pid, inputs.plan.identity); !mapped) {
    done = Stage(Primitive::kUserNamespace, mapped.error());
  } else if (Status told = Send(launched.control.get(), Message{.kind = MessageKind::kGo}); !told) {
    done = Stage(Primitive::kInit, told.error());
  }
  if (done && inputs.plan.identity.started_by_root) done = OpenTreesForInit(inputs, launched);
  if (!done) {
    (void)sys::Kill(launched.init.pidfd.get(), SIGKILL);
    (void)sys::Reap(launched.init.pidfd.get());
    return std::unexpected(done.error());
  }
  return launched;
}

}  // namespace ambit::spawn::native
