#include "egress/egress.h"

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "egress/loop.h"
#include "egress/name_server.h"
#include "egress/name_table.h"
#include "egress/order.h"
#include "egress/refused_ports.h"
#include "egress/relay.h"
#include "egress/repeats.h"
#include "egress/reporter.h"
#include "egress/resolver.h"
#include "egress/responder.h"
#include "egress/run_rules.h"
#include "egress/upstream.h"
#include "sys/fd_passing.h"

namespace ambit::egress {
namespace {

[[noreturn]] void EndWith(int control, Stage stage, int error) {
  const EgressReport report{.kind = ReportKind::kFailed, .stage = stage, .error = error};
  (void)::send(control, &report, sizeof report, MSG_DONTWAIT | MSG_NOSIGNAL);
  ::_exit(kExitFailed);
}

void Require(const Status& status, int control, Stage stage) {
  if (!status) EndWith(control, stage, status.error().sys_errno);
}

/// The parent may have died before the kernel was asked for its death signal.
bool SupervisorIsGone(int life_line) {
  pollfd state{.fd = life_line, .events = POLLIN, .revents = 0};
  return ::poll(&state, 1, 0) != 0;
}

Task<> EndWithTheSupervisor(Descriptor& life_line) {
  // Nothing is ever written to it: readable means that the last write end is closed.
  (void)co_await Ready(life_line, Descriptor::wait_read);
  ::_exit(0);
}

std::size_t OpenFilesLimit() {
  rlimit files{};
  return ::getrlimit(RLIMIT_NOFILE, &files) == 0 ? static_cast<std::size_t>(files.rlim_cur) : 0;
}

class Process {
 public:
  Process(EgressSpec spec, std::size_t open_files, std::unique_ptr<Resolver> resolver)
      : network_(std::move(spec.network)),
        rules_(network_.rules),
        most_out_(spec.most_out),
        timeouts_(spec.timeouts),
        open_files_(open_files),
        life_line_(loop_, std::move(spec.life_line).Release()),
        control_(loop_, std::move(spec.control).Release()),
        reporter_(control_),
        published_(std::move(spec.published)) {
    if (!resolver) return;
    upstream_.emplace(
        loop_, rules_.rules(),
        Upstream::Outside{
            .resolver = std::move(resolver), .own = std::move(spec.own), .proxy = network_.proxy});
  }

  [[noreturn]] void Run() {
    asio::co_spawn(loop_.get_executor(), EndWithTheSupervisor(life_line_), asio::detached);
    asio::co_spawn(loop_.get_executor(), HearTheSupervisor(), asio::detached);
    try {
      loop_.run();
    } catch (const std::exception&) {
      // Memory ran out. The process ends here, before connections outlive what they refer to.
    }
    EndWith(control_.native_handle(), Stage::kLoop, ENOMEM);
  }

 private:
  /// Orders have a version in front, the message with the listeners a letter.
  Task<> HearTheSupervisor() {
    std::vector<std::byte> message(kMostOrderBytes);
    while (!co_await Ready(control_, Descriptor::wait_read)) {
      std::vector<Fd> sockets(plan::kMostSockets);
      const auto received = sys::ReceiveFds(control_.native_handle(), message, sockets);
      if (!received && received.error().sys_errno == EAGAIN) continue;
      if (!received && relay_ && received.error().code == Errc::kLimit) {
        // No descriptor is left for a listener: it is closed, and the person's client is refused.
        reporter_.Send({.kind = ReportKind::kAcceptFailed, .error = EMFILE});
        continue;
      }
      if (!received) EndWithError(received.error().sys_errno);
      if (received->bytes == 0) {
        if (!relay_) EndWithError(ENOTCONN);
        SayLastWords();
        ::_exit(0);
      }
      sockets.resize(received->fds);
      const auto said = std::span<const std::byte>(message).first(received->bytes);
      if (said.front() == plan::kSocketsGreeting) {
        if (!LearnCapture(said)) EndWithError(EPROTO);
        Serve(std::move(sockets));
      } else {
        const auto order = DecodeOrder(said);
        if (!order || !Obey(*order, sockets)) {
          EndWith(control_.native_handle(), Stage::kOrder, EPROTO);
        }
        SayWhenReady();
      }
    }
    EndWithError(ECANCELED);
  }

  /// The run is over: what would have been said later.
  void SayLastWords() {
    repeats_.TellTheRest();
    relay_->TellWhatIsOpen();
    reporter_.PayAllNow();
  }

  void Serve(std::vector<Fd> listeners) {
    if (relay_) EndWithError(EEXIST);
    if (auto heard = HearOfRefused(listeners); !heard) EndWithError(heard.error().sys_errno);
    if (auto names = ServeNames(listeners); !names) EndWithError(names.error().sys_errno);
    std::optional<Names> names;
    if (upstream_) names.emplace(Names{.table = table_, .upstream = *upstream_});
    relay_.emplace(loop_, reporter_, repeats_,
                   LimitsFor(open_files_, listeners.size() + published_.size()), names, most_out_,
                   timeouts_);
    if (auto served = relay_->Serve(std::move(listeners), network_); !served) {
      EndWithError(served.error().sys_errno);
    }
    for (PublishedListener& one : published_) {
      if (auto published = relay_->Publish(std::move(one.socket), one.port); !published) {
        EndWithError(published.error().sys_errno);
      }
    }
    SayWhenReady();
  }

  void SayWhenReady() {
    if (said_ready_ || !relay_ || (upstream_ && !upstream_->IsComplete())) return;
    said_ready_ = true;
    reporter_.Send({.kind = ReportKind::kReady});
  }

  /// How connections are captured is init's to find out, where the plan leaves it open.
  bool LearnCapture(std::span<const std::byte> greeting) {
    const auto built = plan::BuiltCapture(greeting.back());
    if (greeting.size() != 2 || !built) return false;
    if (network_.capture != policy::Capture::kAuto && network_.capture != *built) return false;
    network_.capture = *built;
    return true;
  }

  /// False: an order that nobody who is in order gives.
  bool Obey(const Order& order, std::vector<Fd>& sockets) {
    switch (order.kind) {
      case OrderKind::kResolvers:
      case OrderKind::kHosts:
      case OrderKind::kOwnAddresses:
      case OrderKind::kProxyLogin:
        if (upstream_) upstream_->Obey(order);
        return true;
      case OrderKind::kAnswer:
        if (relay_) relay_->Answer(order.question, order.allowed);
        return relay_.has_value();
      case OrderKind::kAllow:
      case OrderKind::kDeny:
        return Add(order);
      case OrderKind::kPublish:
        return relay_ && sockets.size() == 1 &&
               relay_->Publish(std::move(sockets.front()), order.published);
    }
    return false;
  }

  bool Add(const Order& order) {
    const bool allow = order.kind == OrderKind::kAllow;
    auto rule = policy::ParseNetRule(order.text, allow ? "ambit approve" : "ambit deny");
    if (!rule || !relay_) return false;
    if (allow)
      rules_.Allow(*std::move(rule));
    else
      rules_.Deny(*std::move(rule));
    relay_->OnRulesChanged();
    return true;
  }

  /// Takes the socket on which the run's kernel speaks out of what came; not every kernel does.
  Status HearOfRefused(std::vector<Fd>& sockets) {
    const auto found =
        std::ranges::find_if(sockets, [](const Fd& socket) { return IsNetlink(socket.get()); });
    if (found == sockets.end()) return {};
    Fd socket = std::move(*found);
    sockets.erase(found);
    return refused_ports_.Hear(std::move(socket));
  }

  /// Takes the sockets for names out of what came.
  Status ServeNames(std::vector<Fd>& sockets) {
    if (!network_.HasNames()) return {};
    std::vector<Fd> names;
    for (Fd& socket : sockets) {
      const auto address = LocalAddressOf(socket.get());
      if (address && address->port == plan::kNamePort) names.push_back(std::move(socket));
    }
    std::erase_if(sockets, [](const Fd& socket) { return !socket; });
    if (names.empty()) return FailErrno(ENOTSOCK, "serve names");
    return name_server_.Serve(std::move(names));
  }

  void OnNameRefused(const HostName* name, const policy::NetDecision& why, std::uint8_t family) {
    EgressReport report{.kind = why.allowed ? ReportKind::kTooManyNames : ReportKind::kNameRefused};
    if (name != nullptr) {
      report.name = TextOfName(name->text());
      report.family = family;
    }
    repeats_.Send(report);
  }

  void OnResolverAsked(const Address& resolver) {
    EgressReport report{
        .kind = ReportKind::kResolverAsked, .family = resolver.family, .port = plan::kNamePort};
    report.address = resolver.bytes;
    reporter_.Send(report);
  }

  /// No rule allows the port anywhere; a rule of the name may deny it all the same.
  void OnPortRefused(const Address& target) {
    EgressReport report{.kind = ReportKind::kDenied, .family = target.family, .port = target.port};
    report.address = target.bytes;
    if (const HostName* name = table_.NameOf(target)) report.name = TextOfName(name->text());
    repeats_.Send(report);
  }

  [[noreturn]] void EndWithError(int error) {
    EndWith(control_.native_handle(), Stage::kListeners, error);
  }

  plan::NetworkPlan network_;
  RunRules rules_;  // those of `network_` are what the run began with
  std::uint64_t most_out_;
  Timeouts timeouts_;
  std::size_t open_files_;
  asio::io_context loop_{1};
  Descriptor life_line_;
  Descriptor control_;
  Reporter reporter_;
  std::vector<PublishedListener> published_;  // until they are served
  std::optional<Upstream> upstream_;          // of a run with names
  Repeats repeats_{loop_, reporter_};
  NameTable table_{NameTable::RandomNetwork()};
  Responder responder_{rules_.rules(), table_,
                       [this](const HostName* name, const policy::NetDecision& why,
                              std::uint8_t family) { OnNameRefused(name, why, family); }};
  NameServer name_server_{loop_, responder_,
                          [this](const Address& resolver) { OnResolverAsked(resolver); }};
  RefusedPorts refused_ports_{loop_, [this](const Address& target) { OnPortRefused(target); }};
  std::optional<Relay> relay_;
  bool said_ready_ = false;
};

}  // namespace

void EndUnmade(const EgressSpec& spec, int error) noexcept {
  EndWith(spec.control.get(), Stage::kResolver, error);
}

void RunEgress(EgressSpec spec) noexcept {
  const int control = spec.control.get();
  const int life_line = spec.life_line.get();
  std::vector<int> keep = {life_line, control};
  for (const PublishedListener& one : spec.published) keep.push_back(one.socket.get());
  Require(LeaveTheSupervisor(keep), control, Stage::kDescriptors);
  std::unique_ptr<Resolver> resolver;
  if (spec.network.HasNames()) {
    auto made = Resolver::Make(spec.hosts);
    if (!made) EndWith(control, Stage::kResolver, made.error().sys_errno);
    resolver = *std::move(made);
  }
  const std::size_t open_files = OpenFilesLimit();  // behind the walls nobody may ask
  Require(BecomeEgress(spec.become), control, Stage::kIdentity);
  if (auto raised = RaiseWalls(); !raised) {
    EndWith(control, raised.error().stage, raised.error().error.sys_errno);
  }
  if (SupervisorIsGone(life_line)) ::_exit(0);
  try {
    Process(std::move(spec), open_files, std::move(resolver)).Run();
  } catch (const std::exception&) {
    EndWith(control, Stage::kLoop, ENOMEM);  // Asio could not make its loop
  }
}

}  // namespace ambit::egress
