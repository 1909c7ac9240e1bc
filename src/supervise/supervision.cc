#include "supervise/supervision.h"

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
#include <boost/asio/use_awaitable.hpp>

#include "base/text.h"
#include "host/primitives.h"
#include "plan/not_started.h"
#include "spawn/native/protocol.h"
#include "supervise/commit_timer.h"
#include "supervise/egress_reports.h"
#include "supervise/kill_order.h"
#include "supervise/limit_watch.h"
#include "supervise/outside_watch.h"
#include "supervise/person_link.h"
#include "supervise/signal_relay.h"
#include "supervise/witness_reader.h"
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

Outcome CannotWatch(const boost::system::system_error& error) {
  return SetupFailed(host::Primitive::kInit,
                     FailErrno(error.code().value(), "watch the processes of the run").error());
}

class Supervision {
 public:
  explicit Supervision(const SupervisionInputs& inputs)
      : inputs_(inputs), processes_(inputs.processes), streams_(inputs.streams) {}

  Outcome Run() {
    const auto handed_over = processes_.HandOver(inputs_.plan, inputs_.places, inputs_.run_id);
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
  asio::awaitable<void> WatchWitness();
  asio::awaitable<void> WatchProcess(int pidfd, const char* name);

  void OnInitMessage(const Message& message, Fd fd);
  bool LearnCapture(std::int32_t number);
  void OnEgressReady() {
    egress_ready_ = true;
    StartAgentWhenAllStands();
  }
  /// Whatever else broke because egress ended, its own words tell why.
  void TakeWhatEgressSaid() {
    if (egress_reports_ && !outcome_) egress_reports_->TakeTheRest();
  }
  void StartAgentWhenAllStands();
  void HearThePerson();
  void MakeLimitWatch();
  void TellWhatWaits(const std::string& what);
  void LookInto(const Fd& root);
  void AttachTerminal(Fd master);
  void SignalAgent(int signal) {
    (void)native::Send(control_->native_handle(),
                       Message{.kind = MessageKind::kSignal, .number = signal});
  }
  void TellWhatWasNotShown();
  void BringWorkHome();

  /// What cannot be recorded must not go on.
  void Emit(const Event& event) {
    sink_->Emit(event);
    commits_.After(event.name, *sink_);
    CheckSink();
  }
  void CheckSink() {
    if (!sink_->status()) Finish(CannotRecord(sink_->status().error()));
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
  policy::Capture capture_ = policy::Capture::kAuto;
  bool init_ready_ = false;
  bool egress_ready_ = false;
  std::optional<Descriptor> control_;
  std::optional<EgressReports> egress_reports_;
  PersonLink person_{{.io = io_,
                      .network = inputs_.plan.network,
                      .streams = inputs_.streams,
                      .run_id = inputs_.run_id,
                      .run_directory = inputs_.run_directory,
                      .egress = inputs_.processes.egress_control(),
                      .host_names = inputs_.processes.host_names(),
                      .emit = [this](const Event& event) { Emit(event); },
                      .tell = [this](const std::string& what) { TellWhatWaits(what); },
                      .write_down = inputs_.write_down,
                      .published = inputs_.published}};
  std::optional<Descriptor> seen_inside_;
  std::optional<WitnessReader> witness_;
  std::optional<TerminalRelay> terminal_;
  std::optional<KillOrder> kill_order_;
  std::optional<LimitWatch> limits_;
  std::optional<SignalRelay> signals_;
  OutsideWatch outside_{{.network = inputs_.plan.network,
                         .login = inputs_.proxy_login,
                         .rules = person_.rules(),
                         .host_names = inputs_.processes.host_names(),
                         .egress = inputs_.processes.egress_control(),
                         .emit = [this](const Event& event) { Emit(event); }}};
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
  egress_reports_.emplace(
      io_, processes_.egress_control(),
      EgressReports::Heard{
          .ready = [this] { OnEgressReady(); },
          .failed = [this](Outcome why) { Finish(std::move(why)); },
          .event = [this](const Event& event) { Emit(event); },
          .rules = &person_.rules(),
          .held = [this](const auto& report) { person_.On(report); },
          .sent = [this](std::uint64_t bytes) { limits_->Sent(bytes); },
          .out_limit = [this](std::uint64_t bytes) { limits_->NetOutReached(bytes); }});
  if (inputs_.plan.audit_files != policy::AuditFiles::kOff) {
    seen_inside_.emplace(io_, Duplicate(processes_.witness()));
    witness_.emplace(
        inputs_.plan, [this](const Event& event) { Emit(event); },
        [this](pid_t pid) {
          if (kill_order_) kill_order_->Executed(pid);
        });
    asio::co_spawn(io_, WatchWitness(), kRethrow);
  }
  signals_.emplace(
      io_, SignalRelay::Inputs{.agent_stands = [this] { return init_ready_ && egress_ready_; },
                               .to_agent = [this](int signal) { SignalAgent(signal); },
                               .terminal = [this] { return terminal_ ? &*terminal_ : nullptr; },
                               .end_run = [this](Outcome outcome) { Finish(std::move(outcome)); }});
  MakeLimitWatch();
  if (inputs_.purpose == Purpose::kRun) HearThePerson();
  asio::co_spawn(io_, WatchInitMessages(), kRethrow);
  asio::co_spawn(io_, egress_reports_->Watch(), kRethrow);
  asio::co_spawn(io_, WatchProcess(processes_.init().get(), "init"), kRethrow);
  asio::co_spawn(io_, WatchProcess(processes_.egress().get(), "egress"), kRethrow);
  asio::co_spawn(io_, signals_->Carry(), kRethrow);
  if (inputs_.plan.network.HasNames()) asio::co_spawn(io_, outside_.Watch(io_), kRethrow);
}

void Supervision::HearThePerson() {
  if (const Status listens = person_.Listen(); !listens) {
    Finish(SetupFailed(host::Primitive::kStateDirectory, listens.error()));
  }
}

/// At the terminal where the run is shown, and wherever else ambit's own words go.
void Supervision::TellWhatWaits(const std::string& what) {
  if (terminal_ && (streams_.output || streams_.error)) (void)terminal_->Tell("ambit: " + what);
  if (!streams_.error) inputs_.on_waiting(what);
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
    case MessageKind::kRoot:
      LookInto(fd);
      return;
    case MessageKind::kReady:
      if (init_ready_ || bool{fd} != streams_.AnyTerminal() || !LearnCapture(message.number)) {
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
      signals_->OnAgentStopped();
      return;
    case MessageKind::kExited:
      Finish(limits_->EndOf(OutcomeOfWaitStatus(message.number)));
      return;
    default:
      Finish(RunFailed("init said something unknown"));
  }
}

bool Supervision::LearnCapture(std::int32_t number) {
  if (number < 0 || number > UINT8_MAX) return false;
  const auto built = plan::BuiltCapture(static_cast<std::byte>(number));
  const policy::Capture planned = inputs_.plan.network.capture;
  if (!built || (planned != policy::Capture::kAuto && planned != *built)) return false;
  capture_ = *built;
  inputs_.on_captured(capture_);
  return true;
}

/// Together with Emit: what cannot be recorded, or is not init's, must not go on.
asio::awaitable<void> Supervision::WatchWitness() {
  for (;;) {
    boost::system::error_code error;
    co_await seen_inside_->async_wait(Descriptor::wait_read, Await(error));
    if (error) co_return;
    const Result<bool> more = witness_->Read(processes_.witness());
    if (!more) Finish(RunFailed(more.error().what));
    if (!more || !*more) co_return;
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
  Emit({event::kRunStarted,
        {{"walls", std::move(walls)}, {"capture", std::string(policy::NameOf(capture_))}}});
  if (!native::Send(control_->native_handle(), Message{.kind = MessageKind::kStart})) {
    Finish(RunFailed("init is gone"));
    return;
  }
  asio::co_spawn(io_, limits_->Watch(), kRethrow);
  asio::co_spawn(io_, limits_->HearOfHeldLimits(), kRethrow);
}

void Supervision::MakeLimitWatch() {
  limits_.emplace(
      io_, LimitWatch::Inputs{.plan = inputs_.plan,
                              .run_directory = inputs_.run_directory,
                              .cgroup = processes_.cgroup(),
                              .emit = [this](const Event& event) { Emit(event); },
                              .ask_agent_to_end =
                                  [this] {
                                    (void)native::Send(control_->native_handle(),
                                                       Message{.kind = MessageKind::kSignalGroup,
                                                               .number = SIGTERM});
                                  },
                              .decide = [this](Outcome outcome) { EndWith(std::move(outcome)); },
                              .end = [this] { io_.stop(); },
                              .terminal_output = [this]() -> std::optional<std::uint64_t> {
                                if (!terminal_) return std::nullopt;
                                return terminal_->OutputBytes();
                              }});
}

void Supervision::LookInto(const Fd& root) {
  kill_order_.emplace(root.get());
  if (!limits_->LookInto(root.get())) {
    Finish(RunFailed("the processes of the run cannot be looked at from outside"));
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
  Finish(limits_->EndOf(RunFailed(fmt::format("{} ended unexpectedly", name))));
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

void Supervision::BringWorkHome() {
  processes_.Reap();
  if (const Fd backing = processes_.TakeBacking()) {
    if (const Status home = inputs_.bring_home(backing); !home) {
      outcome_ = RunFailed("bring the run's work home: " + home.error().what);
      outcome_->remedy = home.error().remedy;
    }
  }
}

void Supervision::StopEverything() {
  if (!outcome_) outcome_ = RunFailed("the run ended without a cause");
  if (egress_ready_) egress_reports_->HearLastWords();
  // Of what is killed with init nobody counts the processor time.
  const UsageFigures used = limits_ ? limits_->End() : UsageFigures{};
  processes_.Kill();
  TellWhatWasNotShown();
  if (egress_reports_) egress_reports_->Finish();
  if (witness_) (void)witness_->Finish(processes_.witness());
  if (inputs_.plan.limits.disk_backing != policy::DiskBacking::kDisk) BringWorkHome();
  outcome_ = inputs_.end_record(*std::move(outcome_), used);
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
