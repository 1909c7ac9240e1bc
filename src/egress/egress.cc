#include "egress/egress.h"

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

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
#include "egress/relay.h"
#include "egress/reporter.h"
#include "egress/resolver.h"
#include "egress/responder.h"
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
        open_files_(open_files),
        life_line_(loop_, std::move(spec.life_line).Release()),
        control_(loop_, std::move(spec.control).Release()),
        reporter_(control_),
        published_(std::move(spec.published)),
        resolver_(std::move(resolver)) {
    if (resolver_) resolver_->RunOn(loop_);
  }

  [[noreturn]] void Run() {
    asio::co_spawn(loop_.get_executor(), EndWithTheSupervisor(life_line_), asio::detached);
    asio::co_spawn(loop_.get_executor(), ServeWhatComes(), asio::detached);
    try {
      loop_.run();
    } catch (const std::exception&) {
      // Memory ran out. The process ends here, before connections outlive what they refer to.
    }
    EndWith(control_.native_handle(), Stage::kLoop, ENOMEM);
  }

 private:
  Task<> ServeWhatComes() {
    if (co_await Ready(control_, Descriptor::wait_read)) EndWithError(ECANCELED);
    std::vector<Fd> listeners(plan::kMostSockets);
    std::array<std::byte, 2> greeting{};
    const auto received = sys::ReceiveFds(control_.native_handle(), greeting, listeners);
    if (!received) EndWithError(received.error().sys_errno);
    if (received->bytes == 0) EndWithError(ENOTCONN);
    listeners.resize(received->fds);
    if (!LearnCapture(greeting)) EndWithError(EPROTO);

    if (auto names = ServeNames(listeners); !names) EndWithError(names.error().sys_errno);
    std::optional<Names> names;
    if (resolver_) {
      names.emplace(Names{.rules = network_.rules, .table = table_, .resolver = *resolver_});
    }
    relay_.emplace(loop_, reporter_, LimitsFor(open_files_, listeners.size() + published_.size()),
                   names);
    if (auto served = relay_->Serve(std::move(listeners), network_); !served) {
      EndWithError(served.error().sys_errno);
    }
    for (PublishedListener& one : published_) {
      if (auto published = relay_->Publish(std::move(one.socket), one.port); !published) {
        EndWithError(published.error().sys_errno);
      }
    }
    reporter_.Send({.kind = ReportKind::kReady});
    co_await TakeOrders();
  }

  /// How connections are captured is init's to find out, where the plan leaves it open.
  bool LearnCapture(std::span<const std::byte> greeting) {
    const auto built = plan::BuiltCapture(greeting[1]);
    if (greeting[0] != plan::kSocketsGreeting || !built) return false;
    if (network_.capture != policy::Capture::kAuto && network_.capture != *built) return false;
    network_.capture = *built;
    return true;
  }

  Task<> TakeOrders() {
    while (!co_await Ready(control_, Descriptor::wait_read)) {
      std::array<std::byte, sizeof(EgressOrder)> message{};
      std::array<Fd, 1> listener;
      const auto received = sys::ReceiveFds(control_.native_handle(), message, listener);
      if (!received && received.error().sys_errno == EAGAIN) continue;
      if (!received && received.error().code == Errc::kLimit) {
        // No descriptor is left for the listener: it is closed, and the person's client is refused.
        reporter_.Send({.kind = ReportKind::kAcceptFailed, .error = EMFILE});
        continue;
      }
      if (received && received->bytes == 0) co_return;  // the life line tells the rest
      const auto order = received ? DecodeOrder(std::span(message).first(received->bytes))
                                  : std::unexpected(received.error());
      if (!order) EndWith(control_.native_handle(), Stage::kOrder, order.error().sys_errno);
      Obey(*order, std::move(listener[0]));
    }
  }

  void Obey(const EgressOrder& order, Fd listener) {
    const policy::PublishedPort port{.host = order.host, .inside = order.inside};
    if (auto published = relay_->Publish(std::move(listener), port); !published) {
      EndWith(control_.native_handle(), Stage::kOrder, published.error().sys_errno);
    }
  }

  /// Takes the sockets for names out of what came.
  Status ServeNames(std::vector<Fd>& sockets) {
    if (!network_.HasNames()) return {};
    Fd udp;
    Fd tcp;
    for (Fd& socket : sockets) {
      const auto address = LocalAddressOf(socket.get());
      if (!address || address->port != plan::kNamePort) continue;
      (IsListener(socket.get()) ? tcp : udp) = std::move(socket);
    }
    std::erase_if(sockets, [](const Fd& socket) { return !socket; });
    if (!udp || !tcp) return FailErrno(ENOTSOCK, "serve names");
    return name_server_.Serve(std::move(udp), std::move(tcp));
  }

  void OnNameRefused(const HostName* name) {
    EgressReport report{.kind = ReportKind::kNameRefused};
    if (name != nullptr) report.name = TextOfName(name->text());
    reporter_.Send(report);
  }

  [[noreturn]] void EndWithError(int error) {
    EndWith(control_.native_handle(), Stage::kListeners, error);
  }

  plan::NetworkPlan network_;
  std::size_t open_files_;
  asio::io_context loop_{1};
  Descriptor life_line_;
  Descriptor control_;
  Reporter reporter_;
  std::vector<PublishedListener> published_;  // until they are served
  std::unique_ptr<Resolver> resolver_;        // of a run with names
  NameTable table_{NameTable::RandomNetwork()};
  Responder responder_{
      network_.rules, table_,
      [this](const HostName* name, const policy::NetDecision&) { OnNameRefused(name); }};
  NameServer name_server_{loop_, responder_};
  std::optional<Relay> relay_;
};

}  // namespace

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
