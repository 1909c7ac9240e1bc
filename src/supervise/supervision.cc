#include "supervise/supervision.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/text.h"
#include "egress/egress.h"
#include "egress/report.h"
#include "host/primitives.h"
#include "plan/not_started.h"
#include "spawn/native/protocol.h"
#include "supervise/commit_timer.h"
#include "supervise/start_egress.h"
#include "sys/fd_passing.h"
#include "sys/process.h"

namespace ambit::supervise {
namespace {

namespace asio = boost::asio;
namespace native = spawn::native;
using event::Event;
using native::Message;
using native::MessageKind;

Outcome RunFailed(std::string detail) {
  return {.cause = Cause::kRunFailed, .exit_code = 125, .detail = std::move(detail), .remedy = {}};
}

/// What a coroutine throws must not vanish with it: it comes out of the loop and ends the run.
constexpr auto kRethrow = [](const std::exception_ptr& thrown) {
  if (thrown) std::rethrow_exception(thrown);
};

int Duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) {
    throw boost::system::system_error(errno, boost::system::system_category(), "duplicate");
  }
  return copy;
}

/// The address of a report; empty when it has none.
std::string TextOf(const egress::EgressReport& report) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = report.family == 4 ? AF_INET : AF_INET6;
  if (report.family == 0 || ::inet_ntop(family, report.address.data(), text.data(),
                                        static_cast<socklen_t>(text.size())) == nullptr) {
    return {};
  }
  return text.data();
}

Outcome CannotWatch(const boost::system::system_error& error) {
  return SetupFailed(host::Primitive::kInit,
                     FailErrno(error.code().value(), "watch the processes of the run").error());
}

/// Who started ambit can forbid it to its jobs by ignoring the signal.
bool CanBeSuspended() {
  struct sigaction now{};
  return ::sigaction(SIGTSTP, nullptr, &now) == 0 && now.sa_handler != SIG_IGN;
}

/// As the terminal does it: the whole job, pipeline and all. Returns when somebody goes on with it,
/// and at once where nobody could: the kernel does not stop a process group that no shell watches.
void StopOwnJob() {
  struct sigaction by_default{};
  by_default.sa_handler = SIG_DFL;
  struct sigaction ours{};
  ::sigaction(SIGTSTP, &by_default, &ours);
  ::kill(0, SIGTSTP);
  ::sigaction(SIGTSTP, &ours, nullptr);
}

class Supervision {
 public:
  explicit Supervision(const SupervisionInputs& inputs)
      : inputs_(inputs), processes_(inputs.processes), streams_(inputs.streams) {}

  Outcome Run() {
    const auto handed_over = processes_.HandOver(inputs_.plan, inputs_.places);
    const Result<event::Sink*> sink = inputs_.begin_record();
    if (!handed_over) {
      EndWith(SetupFailed(handed_over.error().primitive, handed_over.error().error));
    } else if (!sink) {
      EndWith(SetupFailed(host::Primitive::kStateDirectory, sink.error()));
    } else {
      sink_ = *sink;
      WatchToTheEnd();
    }
    StopEverything();
    return *outcome_;
  }

 private:
  using Descriptor = asio::posix::stream_descriptor;

  void WatchToTheEnd();
  void Watch();
  void StopEverything();

  asio::awaitable<void> WatchInitMessages();
  asio::awaitable<void> WatchEgressReports();
  asio::awaitable<void> WatchProcess(int pidfd, const char* name);
  asio::awaitable<void> ForwardSignals();

  void OnInitMessage(const Message& message, Fd fd);
  Result<bool> TakeEgressReport();
  void TakeWhatEgressSaid();
  void OnEgressReport(const egress::EgressReport& report);
  void StartAgentWhenAllStands();
  void AttachTerminal(Fd master);
  void OnSuspend();
  void OnAgentStopped();
  void SignalAgent(int signal) {
    (void)native::Send(control_->native_handle(),
                       Message{.kind = MessageKind::kSignal, .number = signal});
  }
  void TellWhatWasNotShown();

  /// What cannot be recorded must not go on.
  void Emit(const Event& event) {
    sink_->Emit(event);
    commits_.After(event.name, *sink_);
    CheckSink();
  }
  void CheckSink() {
    if (!sink_->status()) Finish(RunFailed("journal: " + sink_->status().error().what));
  }

  /// The first cause wins.
  void EndWith(Outcome outcome) {
    if (!outcome_) outcome_ = std::move(outcome);
  }
  void Finish(Outcome outcome) {
    EndWith(std::move(outcome));
    io_.stop();
  }

  static auto Await(boost::system::error_code& error) {
    return asio::redirect_error(asio::use_awaitable, error);
  }

  const SupervisionInputs& inputs_;
  asio::io_context io_{1};
  CommitTimer commits_{io_, [this] { CheckSink(); }};
  Processes& processes_;
  event::Sink* sink_ = nullptr;
  const StandardStreams& streams_;
  std::optional<Outcome> outcome_;
  bool init_ready_ = false;
  bool egress_ready_ = false;
  int terms_ = 0;  // SIGTERMs that came
  bool suspend_asked_ = false;
  std::optional<Descriptor> control_;
  std::optional<Descriptor> reports_;
  std::optional<TerminalRelay> terminal_;
  std::optional<asio::signal_set> signals_;
};

/// Asio throws when it cannot get a descriptor; everything that was started must end all the same.
void Supervision::WatchToTheEnd() {
  try {
    Watch();
    io_.run();
  } catch (const boost::system::system_error& error) {
    EndWith(CannotWatch(error));
  }
}

void Supervision::Watch() {
  control_.emplace(io_, Duplicate(processes_.control()));
  reports_.emplace(io_, Duplicate(processes_.egress_control()));
  signals_.emplace(io_);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT}) {
    signals_->add(signal);
  }
  if (CanBeSuspended()) signals_->add(SIGTSTP);
  asio::co_spawn(io_, WatchInitMessages(), kRethrow);
  asio::co_spawn(io_, WatchEgressReports(), kRethrow);
  asio::co_spawn(io_, WatchProcess(processes_.init().get(), "init"), kRethrow);
  asio::co_spawn(io_, WatchProcess(processes_.egress().get(), "egress"), kRethrow);
  asio::co_spawn(io_, ForwardSignals(), kRethrow);
}

asio::awaitable<void> Supervision::WatchInitMessages() {
  for (;;) {
    boost::system::error_code error;
    co_await control_->async_wait(Descriptor::wait_read, Await(error));
    if (error) co_return;
    Message message;
    Fd fd;
    if (!native::Receive(control_->native_handle(), message, &fd)) co_return;  // init has ended
    OnInitMessage(message, std::move(fd));
  }
}

void Supervision::OnInitMessage(const Message& message, Fd fd) {
  switch (message.kind) {
    case MessageKind::kReady:
      if (init_ready_ || bool{fd} != streams_.AnyTerminal()) {
        Finish(RunFailed("init said something it cannot say here"));
        return;
      }
      init_ready_ = true;
      if (fd) AttachTerminal(std::move(fd));
      StartAgentWhenAllStands();
      return;
    case MessageKind::kFailed: {
      const auto primitive = static_cast<host::Primitive>(message.number);
      if (primitive == host::Primitive::kEgress) TakeWhatEgressSaid();
      EndWith(SetupFailed(primitive, Error{.code = ErrcOf(message.error),
                                           .sys_errno = message.error,
                                           .what = Printable(message.Text()),
                                           .remedy = {}}));
      return;
    }
    case MessageKind::kNotStarted:
      EndWith({.cause = plan::IsThere(message.error) ? Cause::kNotExecutable : Cause::kNotFound,
               .exit_code = plan::IsThere(message.error) ? 126 : 127,
               .detail = Printable(message.Text()),
               .remedy = {},
               .sys_errno = message.error});
      return;
    case MessageKind::kStopped:
      OnAgentStopped();
      return;
    case MessageKind::kExited:
      Finish(OutcomeOfWaitStatus(message.number));
      return;
    default:
      Finish(RunFailed("init said something unknown"));
  }
}

asio::awaitable<void> Supervision::WatchEgressReports() {
  for (;;) {
    boost::system::error_code error;
    co_await reports_->async_wait(Descriptor::wait_read, Await(error));
    if (error) co_return;
    const Result<bool> more = TakeEgressReport();
    if (!more) Finish(RunFailed("egress: " + more.error().what));
    if (!more || !*more) co_return;
  }
}

/// False: egress has ended.
Result<bool> Supervision::TakeEgressReport() {
  std::array<std::byte, sizeof(egress::EgressReport)> buffer{};
  auto got = sys::ReceiveFds(reports_->native_handle(), buffer, {});
  // When egress ends with listeners unread the socket says so once, before its last words.
  if (!got && got.error().sys_errno == ECONNRESET) {
    got = sys::ReceiveFds(reports_->native_handle(), buffer, {});
  }
  if (!got) return std::unexpected(got.error());
  if (got->bytes == 0) return false;
  AMBIT_TRY(const egress::EgressReport report,
            egress::DecodeReport(std::span(buffer).first(got->bytes)));
  OnEgressReport(report);
  return true;
}

/// Whatever else broke because egress ended, its own words tell why.
void Supervision::TakeWhatEgressSaid() {
  if (!reports_) return;
  boost::system::error_code ignored;
  reports_->native_non_blocking(true, ignored);
  for (Result<bool> more = true; more && *more && !outcome_;) more = TakeEgressReport();
}

void Supervision::OnEgressReport(const egress::EgressReport& report) {
  using egress::ReportKind;
  const auto number = [](auto value) { return static_cast<std::int64_t>(value); };
  switch (report.kind) {
    case ReportKind::kReady:
      egress_ready_ = true;
      StartAgentWhenAllStands();
      return;
    case ReportKind::kFailed:
      Finish(SetupFailed(PrimitiveOf(report.stage), ErrorOf(report)));
      return;
    case ReportKind::kOpened:
    case ReportKind::kClosed:
    case ReportKind::kUpstreamFailed:
      Emit({event::kEgressConnect,
            {{"host_port", number(report.port)},
             {"connection", number(report.connection)},
             {"state", std::string(report.kind == ReportKind::kOpened   ? "opened"
                                   : report.kind == ReportKind::kClosed ? "closed"
                                                                        : "failed")},
             {"errno", number(report.error)},
             {"bytes_to_host", number(report.bytes_to_host)},
             {"bytes_from_host", number(report.bytes_from_host)}}});
      return;
    case ReportKind::kDenied:
    case ReportKind::kTooMany:
    case ReportKind::kAcceptFailed:
      Emit({event::kDenial,
            {{"what", std::string("connect")},
             {"host", TextOf(report)},
             {"port", number(report.port)},
             {"rule", std::string(report.kind == ReportKind::kDenied ? "no rule names it"
                                                                     : "connection limit")}}});
      return;
    case ReportKind::kDropped:
      Emit({event::kEventsDropped, {{"count", number(report.count)}}});
      return;
  }
}

void Supervision::StartAgentWhenAllStands() {
  if (!init_ready_ || !egress_ready_ || outcome_) return;
  if (inputs_.purpose == Purpose::kRehearse) {
    Finish({.cause = Cause::kExited, .exit_code = 0, .detail = {}, .remedy = {}});
    return;
  }
  std::vector<std::string> walls = {
      "user namespace", "mount namespace",  "pid namespace",   "net namespace",   "ipc namespace",
      "uts namespace",  "cgroup namespace", "allow-list root", "no capabilities", "no_new_privs",
      "landlock",       "seccomp",          "life line",       "egress"};
  Emit({event::kRunStarted, {{"walls", std::move(walls)}}});
  if (!native::Send(control_->native_handle(), Message{.kind = MessageKind::kStart})) {
    Finish(RunFailed("init is gone"));
  }
}

asio::awaitable<void> Supervision::WatchProcess(int pidfd, const char* name) {
  Descriptor process(io_, Duplicate(pidfd));
  boost::system::error_code error;
  co_await process.async_wait(Descriptor::wait_read, Await(error));
  if (error) co_return;
  // Whatever init said before it left is still in the socket and comes first.
  Message message;
  while (control_ && std::string_view(name) == "init") {
    boost::system::error_code ignored;
    control_->native_non_blocking(true, ignored);
    Fd fd;
    if (!native::Receive(control_->native_handle(), message, &fd)) break;
    OnInitMessage(message, std::move(fd));
  }
  if (std::string_view(name) == "egress") TakeWhatEgressSaid();
  Finish(RunFailed(fmt::format("{} ended unexpectedly", name)));
}

asio::awaitable<void> Supervision::ForwardSignals() {
  for (;;) {
    boost::system::error_code error;
    const int signal = co_await signals_->async_wait(Await(error));
    if (error) co_return;
    if (signal == SIGWINCH) {
      if (terminal_) terminal_->Resize();
      continue;
    }
    if (signal == SIGCONT) {
      // Stopped and gone on: the terminal may be somebody else's now, or have a mode of theirs.
      if (terminal_) (void)terminal_->TakeUp();
      continue;
    }
    if (signal == SIGTSTP) {
      OnSuspend();
      continue;
    }
    SignalAgent(signal);
    // An agent may take its time after the first one, or pay no heed. The second is for the run.
    if (signal == SIGTERM && ++terms_ == 2) {
      Finish({.cause = Cause::kSignaled,
              .exit_code = 128 + signal,
              .detail = "ended by a second SIGTERM",
              .remedy = {}});
    }
    // Before the agent exists there is nobody to take the signal but the run itself.
    if (!init_ready_ || !egress_ready_) {
      Finish({.cause = Cause::kSignaled,
              .exit_code = 128 + signal,
              .detail = fmt::format("signal {} before the agent started", signal),
              .remedy = {}});
    }
  }
}

/// The person's terminal, or somebody's kill, says it to the agent's side of the run, too: a
/// supervisor that slept alone would leave the agent at work.
void Supervision::OnSuspend() {
  suspend_asked_ = true;
  if (init_ready_ && egress_ready_) {
    SignalAgent(SIGTSTP);  // it may pay no heed, as outside
  } else {
    OnAgentStopped();
  }
}

/// An agent at the terminal was stopped by the person at the keyboard, who wants their shell. One
/// that stops by itself is nobody's concern.
void Supervision::OnAgentStopped() {
  const bool at_terminal = terminal_ && terminal_->IsTakenUp();
  if (!CanBeSuspended() || (!at_terminal && !suspend_asked_)) return;
  suspend_asked_ = false;
  if (terminal_) terminal_->LetGo();
  StopOwnJob();
  if (terminal_) (void)terminal_->TakeUp();
  SignalAgent(SIGCONT);
  if (terminal_) SignalAgent(SIGWINCH);  // draw anew: the screen was somebody else's
}

void Supervision::AttachTerminal(Fd master) {
  Result<TerminalKeeper> keeper = TerminalKeeper::Make();
  if (!keeper) {
    Finish(RunFailed("terminal: " + keeper.error().what));
    return;
  }
  terminal_.emplace(io_, std::move(master), *std::move(keeper), streams_, inputs_.showing);
  if (const Status taken = terminal_->TakeUp(); !taken) {
    Finish(RunFailed("terminal: " + taken.error().what));
    return;
  }
  asio::co_spawn(io_, terminal_->CarryInput(), kRethrow);
  asio::co_spawn(io_, terminal_->CarryOutput(), kRethrow);
}

void Supervision::TellWhatWasNotShown() {
  if (!terminal_) return;
  terminal_->ShowTheRest();
  std::vector<std::string> dropped = terminal_->Dropped();
  if (!dropped.empty()) Emit({event::kTerminalDropped, {{"sequences", std::move(dropped)}}});
}

void Supervision::StopEverything() {
  if (!outcome_) outcome_ = RunFailed("the run ended without a cause");
  processes_.Kill();
  TellWhatWasNotShown();
  inputs_.end_record(*outcome_);
  processes_.Reap();
  if (terminal_) terminal_->ShowTheRest();
  terminal_.reset();
}

}  // namespace

Outcome Supervise(const SupervisionInputs& inputs) {
  try {
    return Supervision(inputs).Run();
  } catch (const boost::system::system_error& error) {
    return CannotWatch(error);  // the event loop could not be made: nothing was started
  }
}

}  // namespace ambit::supervise
