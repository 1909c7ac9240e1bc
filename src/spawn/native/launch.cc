#include "spawn/native/launch.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "spawn/native/identity.h"
#include "spawn/native/init.h"
#include "spawn/native/protocol.h"

namespace ambit::spawn::native {
namespace {

using host::Primitive;

Status CloneOnce(std::uint64_t flags, int cgroup = -1) {
  AMBIT_TRY(const sys::Child probe, sys::Clone(flags, cgroup));
  if (probe.pid == 0) ::_exit(0);
  (void)sys::Reap(probe.pidfd.get());
  return {};
}

/// A supervisor that hears nothing would wait for ever.
void Tell(int socket, const Message& message, int pidfd) {
  if (!Send(socket, message, pidfd)) ::_exit(125);
}

void TellFailure(int socket, Primitive primitive, const Error& error, int pidfd = -1) {
  Message message{.kind = MessageKind::kFailed,
                  .number = static_cast<std::int32_t>(primitive),
                  .error = error.sys_errno};
  message.SetText(error.what);
  Tell(socket, message, pidfd);
}

void TellWhyNoInit(const LaunchInputs& inputs, const Error& error) {
  if (inputs.born_in >= 0) {
    if (const Status in_group = CloneOnce(0, inputs.born_in); !in_group && CloneOnce(0)) {
      TellFailure(inputs.to_supervisor, Primitive::kCgroup, in_group.error());
      return;
    }
  }
  TellFailure(inputs.to_supervisor, PrimitiveOfNamespaces(error), error);
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

StageResult<void> RootOwnCgroups() {
  if (::unshare(CLONE_NEWCGROUP) == 0) return {};
  return std::unexpected(StageError{.primitive = Primitive::kNamespaces,
                                    .error = FailErrno(errno, "unshare(CLONE_NEWCGROUP)").error()});
}

void Launch(const LaunchInputs& inputs) {
  constexpr std::uint64_t kFlags =
      (kAllNamespaces & ~std::uint64_t{CLONE_NEWCGROUP}) | CLONE_PARENT;
  Result<sys::Child> init = sys::Clone(kFlags, inputs.born_in);
  if (!init) {
    TellWhyNoInit(inputs, init.error());
    return;
  }
  if (init->pid == 0) RunInit(inputs.init);
  const int pidfd = init->pidfd.get();
  if (Status mapped = WriteIdMaps(init->pid, inputs.init.foundation.identity); !mapped) {
    TellFailure(inputs.to_supervisor, Primitive::kUserNamespace, mapped.error(), pidfd);
  } else if (Status told = Send(inputs.to_init, Message{.kind = MessageKind::kGo}); !told) {
    TellFailure(inputs.to_supervisor, Primitive::kInit, told.error(), pidfd);
  } else {
    Tell(inputs.to_supervisor, Message{.kind = MessageKind::kLaunched, .number = init->pid}, pidfd);
  }
}

LaunchedInit AwaitInit(int from_launcher) {
  LaunchedInit init;
  const auto fail = [&](Primitive primitive, Error error) {
    init.status = std::unexpected(StageError{.primitive = primitive, .error = std::move(error)});
  };
  Message message;
  Status got = Receive(from_launcher, message, &init.pidfd);
  // When the launcher has ended with something unread the socket says so once, before its words.
  if (!got && got.error().sys_errno == ECONNRESET) {
    got = Receive(from_launcher, message, &init.pidfd);
  }
  if (!got) {
    fail(Primitive::kInit, got.error());
  } else if (message.kind == MessageKind::kFailed) {
    fail(static_cast<Primitive>(message.number), Error{.code = ErrcOf(message.error),
                                                       .sys_errno = message.error,
                                                       .what = std::string(message.Text()),
                                                       .remedy = {}});
  } else if (message.kind != MessageKind::kLaunched || !init.pidfd) {
    fail(Primitive::kInit, FailErrno(EPROTO, "start of init").error());
  } else {
    init.pid = message.number;
  }
  return init;
}

}  // namespace ambit::spawn::native
