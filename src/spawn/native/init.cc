#include "spawn/native/init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>

#include "host/primitives.h"
#include "spawn/native/agent.h"
#include "spawn/native/confine.h"
#include "spawn/native/handover.h"
#include "spawn/native/launch.h"
#include "spawn/native/network.h"
#include "spawn/native/protocol.h"
#include "spawn/native/rename_service.h"
#include "spawn/native/root_builder.h"
#include "spawn/native/walls.h"
#include "spawn/native/witness.h"
#include "sys/fd_passing.h"
#include "sys/file.h"
#include "sys/mount.h"
#include "sys/process.h"
#include "sys/seccomp.h"

namespace ambit::spawn::native {
namespace {

using host::Primitive;

/// For the directory that was being made movable when the agent ended (rename_service.h). Taking it
/// back only unlinks, which is quick; nobody should have to wait longer for a prompt.
constexpr std::chrono::seconds kLongestTakingBack{10};

struct Terminal {
  Fd master;
  Fd agent_side;
};

[[noreturn]] void FailRun(int control, Primitive primitive, const Error& error) {
  Message message{.kind = MessageKind::kFailed,
                  .number = static_cast<std::int32_t>(primitive),
                  .error = error.sys_errno};
  message.SetText(error.what);
  (void)Send(control, message);
  ::_exit(125);
}

StageResult<void> At(Primitive primitive, const Status& status) {
  if (status) return {};
  return std::unexpected(StageError{.primitive = primitive, .error = status.error()});
}

/// Blocks until the identity is mapped. The supervisor's end is the end of init.
void AwaitGo(const InitInputs& inputs) {
  std::array<pollfd, 2> sources = {pollfd{.fd = inputs.control, .events = POLLIN, .revents = 0},
                                   pollfd{.fd = inputs.life_line, .events = POLLIN, .revents = 0}};
  while (::poll(sources.data(), sources.size(), -1) < 0 && errno == EINTR) {
  }
  if (sources[1].revents != 0 && Stands(Wall::kLifeLine)) ::_exit(125);
  Message message;
  if (!Receive(inputs.control, message) || message.kind != MessageKind::kGo) ::_exit(125);
}

/// What init has besides its inputs once the walls stand.
struct Built {
  plan::LaunchPlan plan;
  Terminal terminal;
  Fd listener;  // of the filter; empty: it tells of nothing
  policy::Capture capture = policy::Capture::kTproxy;
};

StageResult<void> BecomeRunUser(const plan::Identity& identity) {
  if (auto done =
          At(Primitive::kPrivileges, sys::BecomeUser(identity.inside_uid, identity.inside_gid));
      !done) {
    return done;
  }
  return At(Primitive::kLifeLine, Stands(Wall::kLifeLine) ? sys::DieWithParent() : Status{});
}

/// How connections are captured from then on.
StageResult<policy::Capture> SetUpNetwork(const InitInputs& inputs) {
  const auto fail = [](Primitive primitive, const Error& error) {
    return std::unexpected(StageError{.primitive = primitive, .error = error});
  };
  Result<Fd> proc = sys::OpenAt(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY);
  if (!proc) return fail(Primitive::kProc, proc.error());
  Result<NetworkSockets> sockets = BuildNetwork(inputs.foundation.network, proc->get());
  if (!sockets) return fail(Primitive::kNetwork, sockets.error());
  if (Status sent = SendListeners(inputs.egress, *sockets); !sent) {
    return fail(Primitive::kEgress, sent.error());
  }
  return sockets->capture;
}

/// A second process in init's namespaces that opens the mounts of the host while init does the
/// rest.
struct TreeHelper {
  Fd channel;
  Fd pidfd;
};

[[noreturn]] void OpenAndSendTrees(const InitInputs& inputs, int channel) {
  const StageResult<Handover> handover = ReceiveHandover(inputs.trees);
  if (!handover) FailRun(channel, handover.error().primitive, handover.error().error);
  const StageResult<Trees> trees = OpenTrees(handover->plan, handover->places);
  if (!trees) FailRun(channel, trees.error().primitive, trees.error().error);
  // Before the trees: when init stands, the supervisor has it.
  if (trees->backing &&
      !Send(inputs.trees, Message{.kind = MessageKind::kBacking}, trees->backing.get())) {
    ::_exit(125);
  }
  ::_exit(SendTrees(channel, *trees) ? 0 : 125);
}

StageResult<TreeHelper> StartTreeHelper(const InitInputs& inputs) {
  Result<sys::SeqpacketPair> pair = sys::MakeSeqpacketPair();
  if (!pair)
    return std::unexpected(StageError{.primitive = Primitive::kInit, .error = pair.error()});
  Result<sys::Child> child = sys::Clone(0);
  if (!child)
    return std::unexpected(StageError{.primitive = Primitive::kInit, .error = child.error()});
  if (child->pid == 0) OpenAndSendTrees(inputs, pair->second.get());
  return TreeHelper{.channel = std::move(pair->first), .pidfd = std::move(child->pidfd)};
}

StageResult<Terminal> MakeTerminal(bool wanted) {
  Terminal terminal;
  if (!wanted) return terminal;
  const auto fail = [](const char* what) {
    return std::unexpected(
        StageError{.primitive = Primitive::kDevpts, .error = FailErrno(errno, what).error()});
  };
  terminal.master = Fd(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.master) return fail("open '/dev/ptmx'");
  int unlock = 0;
  if (::ioctl(terminal.master.get(), TIOCSPTLCK, &unlock) != 0) return fail("unlock pty");
  terminal.agent_side =
      Fd(::ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.agent_side) return fail("open pty");
  // Init leads the session, so that the agent's process group has a parent in it and is one that
  // can be stopped. No signal of the terminal does anything to pid 1.
  if (::ioctl(terminal.agent_side.get(), TIOCSCTTY, 0) != 0) return fail("take pty");
  return terminal;
}

/// All that can be done before the plan is there.
StageResult<void> LayFoundation(const InitInputs& inputs) {
  const plan::Foundation& foundation = inputs.foundation;
  if (auto done = BecomeRunUser(foundation.identity); !done) return done;
  if (::sethostname(foundation.hostname.c_str(), foundation.hostname.size()) != 0) {
    return At(Primitive::kNamespaces, FailErrno(errno, "sethostname"));
  }
  return At(Primitive::kMountApi, sys::MakeMountsPrivate());
}

StageResult<Built> BuildWalls(const InitInputs& inputs) {
  if (auto done = LayFoundation(inputs); !done) return std::unexpected(done.error());
  // As root the supervisor sends the mounts of the host.
  int trees = inputs.trees;
  std::optional<TreeHelper> helper;
  if (!inputs.foundation.identity.started_by_root) {
    StageResult<TreeHelper> started = StartTreeHelper(inputs);
    if (!started) return std::unexpected(started.error());
    helper = *std::move(started);
    trees = helper->channel.get();
  }
  const StageResult<policy::Capture> capture = SetUpNetwork(inputs);
  if (!capture) return std::unexpected(capture.error());
  StageResult<Handover> handover = ReceiveHandover(inputs.control);
  if (!handover) return std::unexpected(handover.error());
  // Init is in its control groups by now.
  if (auto done = RootOwnCgroups(); !done) return std::unexpected(done.error());
  Built built{
      .plan = std::move(handover->plan), .terminal = {}, .listener = {}, .capture = *capture};
  const plan::LaunchPlan& plan = built.plan;
  if (auto done = BuildRoot(plan, [&] { return ReceiveTrees(trees, plan); }); !done) {
    return std::unexpected(done.error());
  }
  if (helper) {
    if (auto reaped = sys::Reap(helper->pidfd.get()); !reaped) {
      return std::unexpected(StageError{.primitive = Primitive::kInit, .error = reaped.error()});
    }
  }
  ::close(inputs.egress);
  ::close(inputs.trees);
  auto terminal = MakeTerminal(inputs.terminal);
  if (!terminal) return std::unexpected(terminal.error());
  built.terminal = *std::move(terminal);
  auto listener = Confine(plan);
  if (!listener) return std::unexpected(listener.error());
  built.listener = *std::move(listener);
  return built;
}

/// Signals that init itself waits for; blocked before the agent can exist.
Fd WatchChildren() {
  sigset_t children;
  ::sigemptyset(&children);
  ::sigaddset(&children, SIGCHLD);
  ::sigprocmask(SIG_SETMASK, &children, nullptr);
  return Fd(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
}

/// All that hears of calls inside.
struct Listening {
  int listener;  // -1: the filter tells of nothing
  bool help_renames;
  Witness witness;
  RenameService renames;

  /// Takes one call that waits.
  void Take() {
    const std::optional<seccomp_notif> asked = sys::ReceiveNotification(listener);
    if (!asked) return;
    if (renames.IsWorker(asked->pid)) {
      sys::LetTheKernelDoIt(listener, asked->id);
      return;
    }
    witness.Heard(*asked);
    if (help_renames) {
      renames.Take(*asked);
    } else {
      sys::LetTheKernelDoIt(listener, asked->id);
    }
  }
};

/// Reaps whatever has ended; the agent's wait status when it is among them. Its stop is reported.
std::optional<int> ReapChildren(int control, int watch, pid_t agent, Listening& inside) {
  signalfd_siginfo ignored{};
  while (::read(watch, &ignored, sizeof ignored) > 0) {
  }
  inside.witness.TakeEnds();
  std::optional<int> end;
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0;) {
    if (WIFSTOPPED(status)) {
      if (pid == agent) (void)Send(control, Message{.kind = MessageKind::kStopped});
      continue;
    }
    inside.renames.Ended(pid, status);
    inside.witness.Reaped(pid, status);
    if (pid == agent) end = status;
  }
  return end;
}

/// Everything inside ends now and not with init, so that nobody can disturb, and a directory that
/// was being made movable is taken back. A copy that is under way is not waited for.
void LeaveNothingHalfMoved(const InitInputs& inputs, int watch, Listening& inside) {
  using std::chrono::steady_clock;
  const steady_clock::time_point latest = steady_clock::now() + kLongestTakingBack;
  inside.renames.TakeBackOnly();
  ::kill(-1, SIGKILL);
  std::array<pollfd, 3> sources = {pollfd{.fd = inputs.life_line, .events = POLLIN, .revents = 0},
                                   pollfd{.fd = watch, .events = POLLIN, .revents = 0},
                                   pollfd{.fd = inside.listener, .events = POLLIN, .revents = 0}};
  while (inside.renames.Busy()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(latest - steady_clock::now());
    if (left.count() <= 0) return;
    const int ready = ::poll(sources.data(), sources.size(), static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return;
    if (sources[0].revents != 0 && Stands(Wall::kLifeLine)) ::_exit(125);
    if (ready <= 0) continue;
    (void)ReapChildren(inputs.control, watch, 0, inside);
    if ((sources[2].revents & POLLIN) != 0) inside.Take();
  }
}

/// The agent has ended with `status`, and the run with it.
[[noreturn]] void EndRun(const InitInputs& inputs, int watch, int status, Listening& inside) {
  if (inside.renames.Busy()) LeaveNothingHalfMoved(inputs, watch, inside);
  // Before the listener goes with init: a call that nobody hears any more fails with ENOSYS, and a
  // shell that is as good as dead would still say so.
  ::kill(-1, SIGKILL);
  inside.witness.Finish();
  (void)Send(inputs.control, Message{.kind = MessageKind::kExited, .number = status});
  ::_exit(0);
}

/// A signal meant for the agent: what a terminal sends goes to its whole process group.
void Forward(int signal, pid_t agent, bool everything) {
  if (agent <= 0 || signal <= 0 || signal >= NSIG) return;
  const bool to_group = everything || signal == SIGINT || signal == SIGQUIT || signal == SIGHUP ||
                        signal == SIGTSTP || signal == SIGCONT || signal == SIGWINCH;
  ::kill(to_group ? -agent : agent, signal);
  if (signal == SIGTSTP) return;
  ::kill(to_group ? -agent : agent, SIGCONT);  // a stopped process would never hear of it
}

pid_t Start(const InitInputs& inputs, Built& built, Listening& inside) {
  Fd& terminal = built.terminal.agent_side;
  Result<pid_t> agent =
      StartAgent(built.plan, terminal ? terminal.get() : -1,
                 {.listener = inside.listener,
                  .forked = [&](pid_t child) { inside.witness.ExpectAgent(child); },
                  .told = [&] { inside.Take(); }});
  terminal.Reset();
  if (agent) return *agent;
  Message message{.kind = MessageKind::kNotStarted, .error = agent.error().sys_errno};
  message.SetText(agent.error().what);
  (void)Send(inputs.control, message);
  ::_exit(0);
}

}  // namespace

void RunInit(const InitInputs& inputs) {
  std::vector<int> keep = {inputs.control, inputs.trees, inputs.life_line, inputs.egress};
  if (inputs.witness >= 0) keep.push_back(inputs.witness);
  if (inputs.user_lock >= 0) keep.push_back(inputs.user_lock);
  if (auto closed = sys::CloseAllBut(keep); !closed) {
    FailRun(inputs.control, Primitive::kInit, closed.error());
  }
  if (Stands(Wall::kLifeLine) && !sys::DieWithParent()) ::_exit(125);
  ::setsid();
  AwaitGo(inputs);
  StageResult<Built> built = BuildWalls(inputs);
  if (!built) FailRun(inputs.control, built.error().primitive, built.error().error);
  const Fd watch = WatchChildren();
  if (!watch) FailRun(inputs.control, Primitive::kInit, FailErrno(errno, "signalfd").error());
  Fd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!Send(inputs.control, Message{.kind = MessageKind::kRoot}, root.get())) ::_exit(125);
  root.Reset();
  const Message ready{.kind = MessageKind::kReady,
                      .number = static_cast<std::int32_t>(built->capture)};
  if (!Send(inputs.control, ready, built->terminal.master.get())) ::_exit(125);
  built->terminal.master.Reset();

  const int listener = built->listener.get();
  const bool help_renames = listener >= 0 && !built->plan.identity.started_by_root;
  Listening inside{.listener = listener,
                   .help_renames = help_renames,
                   .witness = Witness(Fd(inputs.witness), built->plan),
                   .renames = RenameService(help_renames ? listener : -1)};
  pid_t agent = 0;
  std::array<pollfd, 6> sources = {
      pollfd{.fd = inputs.life_line, .events = POLLIN, .revents = 0},
      pollfd{.fd = inputs.control, .events = POLLIN, .revents = 0},
      pollfd{.fd = watch.get(), .events = POLLIN, .revents = 0},
      pollfd{.fd = listener, .events = POLLIN, .revents = 0},
      pollfd{.fd = inside.witness.ends(), .events = POLLIN, .revents = 0},
      pollfd{.fd = -1, .events = POLLOUT, .revents = 0}};
  for (;;) {
    sources[5].fd = inside.witness.full_socket();
    if (::poll(sources.data(), sources.size(), inside.witness.TimeoutMs()) < 0) {
      if (errno != EINTR) ::_exit(125);  // blind: better no run than one that nobody can end
      continue;
    }
    if (sources[0].revents != 0 && Stands(Wall::kLifeLine)) ::_exit(125);
    if (sources[1].revents != 0) {
      Message message;
      if (!Receive(inputs.control, message)) {
        if (Stands(Wall::kLifeLine)) ::_exit(125);
        sources[1].fd = -1;
      } else if (message.kind == MessageKind::kStart && agent == 0) {
        agent = Start(inputs, *built, inside);
      } else if (message.kind == MessageKind::kSignal) {
        Forward(message.number, agent, false);
      } else if (message.kind == MessageKind::kSignalGroup) {
        Forward(message.number, agent, true);
      }
    }
    // Who has ended waits for nothing: what is asked now was asked later.
    if (sources[4].revents != 0) inside.witness.TakeEnds();
    if ((sources[3].revents & POLLIN) != 0) inside.Take();
    if (sources[2].revents != 0) {
      const std::optional<int> end = ReapChildren(inputs.control, watch.get(), agent, inside);
      if (end) EndRun(inputs, watch.get(), *end, inside);
    }
    inside.witness.Send();
  }
}

}  // namespace ambit::spawn::native
