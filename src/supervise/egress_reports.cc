#include "supervise/egress_reports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "policy/net_decision.h"
#include "policy/net_words.h"
#include "supervise/approvals.h"
#include "supervise/start_egress.h"
#include "sys/fd_passing.h"

namespace ambit::supervise {

namespace asio = boost::asio;

namespace {

constexpr std::int64_t kReportBytes = kEventBytes + 100;

/// Reports of any kind that egress could not get rid of.
constexpr std::string_view kLostReports = "egress";

std::int64_t Number(std::uint64_t value) {
  return static_cast<std::int64_t>(
      std::min<std::uint64_t>(value, std::numeric_limits<std::int64_t>::max()));
}

std::string AddressOf(const egress::EgressReport& report) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = report.family == 4 ? AF_INET : AF_INET6;
  if (report.family == 0 || ::inet_ntop(family, report.address.data(), text.data(),
                                        static_cast<socklen_t>(text.size())) == nullptr) {
    return {};
  }
  return text.data();
}

/// The name of a report, else its address; empty when it has neither.
std::string TextOf(const egress::EgressReport& report) {
  const std::string_view name = egress::NameIn(report.name);
  return name.empty() ? AddressOf(report) : std::string(name);
}

/// Of a name that led where it may not.
std::string WhereItLeads(const egress::EgressReport& report) {
  const bool leads = report.kind == egress::ReportKind::kUnreachable &&
                     !egress::NameIn(report.name).empty() && report.error == 0;
  return leads ? AddressOf(report) : std::string();
}

/// That denies what was asked for, or that there is none for it.
std::string RuleAgainst(const egress::EgressReport& report, const policy::NetRules& rules) {
  policy::NetDecision why;
  const auto name = HostName::Parse(egress::NameIn(report.name));
  const auto address = policy::AddressIn(AddressOf(report));
  if (name) {
    why = report.kind == egress::ReportKind::kNameRefused
              ? policy::DecideName(rules, *name)
              : policy::Decide(rules, *name, report.port);
  } else if (address) {
    why = policy::Decide(rules, *address, report.port);
  }
  if (why.rule != nullptr && !why.allowed) {
    return fmt::format("{} ({})", policy::TextOf(*why.rule), why.rule->from);
  }
  if (!name && address) return policy::WhyUnnamed(rules, *address, report.port);
  return std::string(policy::kNoRuleNamesIt);
}

}  // namespace

EgressReports::EgressReports(asio::io_context& io, int socket, Heard heard,
                             const EventBounds& bounds)
    : io_(io),
      socket_(socket),
      heard_(std::move(heard)),
      events_(bounds, heard_.event),
      denials_(bounds, heard_.event) {
  const int flags = ::fcntl(socket_, F_GETFL);
  (void)::fcntl(socket_, F_SETFL, flags | O_NONBLOCK);
}

asio::awaitable<void> EgressReports::Watch() {
  // They come in crowds. Whoever is woken up for each takes the processor from those who talk.
  constexpr std::chrono::milliseconds kBetweenLooks(2);
  asio::steady_timer pause(io_);
  for (;;) {
    boost::system::error_code error;
    co_await SomethingIsSaid(error);
    if (error) co_return;
    const Result<Next> next = TakeAll();
    if (!next) {
      heard_.failed({.cause = Cause::kRunFailed,
                     .exit_code = 125,
                     .detail = "egress: " + next.error().what,
                     .remedy = {}});
    }
    if (!next || *next != Next::kMore) co_return;
    pause.expires_after(kBetweenLooks);
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
  }
}

/// The event loop knows the socket only for as long as this waits: else it wakes up for what comes
/// in the pause, too.
asio::awaitable<void> EgressReports::SomethingIsSaid(boost::system::error_code& error) {
  const int copy = ::fcntl(socket_, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) {
    throw boost::system::system_error(errno, boost::system::system_category(), "duplicate");
  }
  asio::posix::stream_descriptor socket(io_, copy);
  co_await socket.async_wait(asio::posix::stream_descriptor::wait_read,
                             asio::redirect_error(asio::use_awaitable, error));
}

/// kMore: all that was there was taken. An egress that never stops talking holds nobody up.
Result<EgressReports::Next> EgressReports::TakeAll() {
  constexpr int kMoreThanTheSocketHolds = 4096;
  for (int taken = 0; taken < kMoreThanTheSocketHolds; ++taken) {
    const Result<Next> next = TakeOne();
    if (!next && next.error().sys_errno == EAGAIN) return Next::kMore;
    if (!next || *next != Next::kMore) return next;
  }
  return Next::kMore;
}

Result<EgressReports::Next> EgressReports::TakeOne() {
  std::array<std::byte, sizeof(egress::EgressReport)> buffer{};
  auto got = sys::ReceiveFds(socket_, buffer, {});
  // When egress ends with listeners unread the socket says so once, before its last words.
  if (!got && got.error().sys_errno == ECONNRESET) {
    got = sys::ReceiveFds(socket_, buffer, {});
  }
  if (!got) return std::unexpected(got.error());
  if (got->bytes == 0) return Next::kEnded;
  AMBIT_TRY(const egress::EgressReport report,
            egress::DecodeReport(std::span(buffer).first(got->bytes)));
  return On(report);
}

void EgressReports::HearLastWords() {
  constexpr std::chrono::milliseconds kLongest(500);
  (void)::shutdown(socket_, SHUT_WR);
  const auto until = std::chrono::steady_clock::now() + kLongest;
  for (Result<Next> next = TakeAll(); next && *next == Next::kMore; next = TakeAll()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) != 1) return;
  }
}

void EgressReports::TakeTheRest() { (void)TakeAll(); }

void EgressReports::Finish() {
  TakeTheRest();
  events_.TellDropped();
  denials_.TellDropped();
}

EgressReports::Next EgressReports::On(const egress::EgressReport& report) {
  using egress::ReportKind;
  switch (report.kind) {
    case ReportKind::kReady:
      heard_.ready();
      break;
    case ReportKind::kFailed:
      heard_.failed(SetupFailed(PrimitiveOf(report.stage), ErrorOf(report)));
      return Next::kFailed;
    case ReportKind::kTraffic:
      heard_.sent(report.count);
      break;
    case ReportKind::kOutLimit:
      heard_.out_limit(report.count);
      break;
    case ReportKind::kClosed:
      heard_.sent(report.count);
      OnConnection(report);
      break;
    case ReportKind::kOpened:
    case ReportKind::kUpstreamFailed:
    case ReportKind::kProxyFailed:
      OnConnection(report);
      break;
    case ReportKind::kDenied:
    case ReportKind::kTooMany:
    case ReportKind::kAcceptFailed:
    case ReportKind::kNameRefused:
    case ReportKind::kMismatch:
    case ReportKind::kUnreachable:
    case ReportKind::kTooManyNames:
      OnDenied(report);
      break;
    case ReportKind::kHeld:
      OnHeld(report);
      [[fallthrough]];
    case ReportKind::kLetGo:
      heard_.held(report);
      break;
    case ReportKind::kResolverAsked:
      OnResolverAsked(report);
      break;
    case ReportKind::kSlowed:
      if (events_.Admit(event::kEgressSlowed, kReportBytes))
        events_.Tell({event::kEgressSlowed, {{"most_per_second", Number(report.count)}}});
      break;
    case ReportKind::kDropped:
      events_.CountDropped(kLostReports, Number(report.count));
      break;
  }
  events_.TellDroppedWhenDue();
  denials_.TellDroppedWhenDue();
  return Next::kMore;
}

void EgressReports::OnConnection(const egress::EgressReport& report) {
  using egress::ReportKind;
  const bool opens = report.kind == ReportKind::kOpened;
  const bool paid = report.kind == ReportKind::kClosed && told_open_.erase(report.connection) != 0;
  const std::string_view name =
      report.published != 0 ? event::kPublishConnect : event::kEgressConnect;
  if (!paid && !events_.Admit(name, kReportBytes, opens ? 2 : 1)) return;
  if (opens) told_open_.insert(report.connection);
  event::Event event{.name = name, .fields = {}};
  if (report.published != 0) {
    event.fields = {{"host_port", Number(report.published)}, {"port", Number(report.port)}};
  } else if (const std::string host = TextOf(report); host.empty()) {
    event.fields = {{"host_port", Number(report.port)}};
  } else {
    event.fields = {{"host", host}, {"port", Number(report.port)}};
  }
  event.fields.push_back({"connection", Number(report.connection)});
  event.fields.push_back({"state", std::string(opens                                ? "opened"
                                               : report.kind == ReportKind::kClosed ? "closed"
                                                                                    : "failed")});
  if (report.kind == ReportKind::kProxyFailed)
    event.fields.push_back({"proxy_status", Number(report.count)});
  event.fields.push_back({"errno", std::int64_t{report.error}});
  event.fields.push_back({"bytes_to_host", Number(report.bytes_to_host)});
  event.fields.push_back({"bytes_from_host", Number(report.bytes_from_host)});
  events_.Tell(event);
}

void EgressReports::OnHeld(const egress::EgressReport& report) {
  if (!denials_.Admit(event::kNetHeld, kReportBytes)) return;
  denials_.Tell(
      {event::kNetHeld, {{"question", Number(report.connection)}, {"target", TargetOf(report)}}});
}

void EgressReports::OnResolverAsked(const egress::EgressReport& report) {
  if (!events_.Admit(event::kEgressResolverAsked, kReportBytes)) return;
  events_.Tell({.name = event::kEgressResolverAsked,
                .fields = {{"host", TextOf(report)}, {"port", Number(report.port)}}});
}

void EgressReports::OnDenied(const egress::EgressReport& report) {
  if (!denials_.Admit(event::kDenial, kReportBytes)) return;
  const bool name = report.kind == egress::ReportKind::kNameRefused ||
                    report.kind == egress::ReportKind::kTooManyNames;
  event::Event event{
      .name = event::kDenial,
      .fields = {{"what", std::string(name ? "resolve" : "connect")}, {"host", TextOf(report)}}};
  if (!name) event.fields.push_back({"port", Number(report.port)});
  if (const std::string address = WhereItLeads(report); !address.empty())
    event.fields.push_back({"address", address});
  event.fields.push_back({"rule", RuleOf(report)});
  if (report.count > 1) event.fields.push_back({"count", Number(report.count)});
  denials_.Tell(event);
}

std::string EgressReports::RuleOf(const egress::EgressReport& report) const {
  using egress::ReportKind;
  if (report.kind == ReportKind::kTooMany && report.error == EBUSY) {
    return "as many connections wait for a person's answer as may";
  }
  if (report.kind == ReportKind::kTooMany || report.kind == ReportKind::kAcceptFailed) {
    return "connection limit";
  }
  if (report.kind == ReportKind::kTooManyNames) return "as many names below one wildcard as may be";
  if (report.kind == ReportKind::kMismatch) {
    const std::string_view claimed = egress::NameIn(report.claimed);
    return fmt::format("{}{}", WordsFor(report.mismatch),
                       claimed.empty() ? "" : fmt::format(": {}", claimed));
  }
  if (report.kind == ReportKind::kUnreachable) {
    if (report.error == 0) return fmt::format("it leads to {}", WordsFor(report.reach));
    return report.error == ENOENT ? "there is no such name" : "no name server answered";
  }
  if (report.kind == ReportKind::kDenied && report.error == EACCES) return "a person said no";
  if (report.kind == ReportKind::kDenied && report.error == ETIMEDOUT) {
    return "no rule names it, and nobody answered";
  }
  if (report.kind == ReportKind::kDenied && report.error == ECONNABORTED) {
    return "no rule names it, and it was given up before anybody answered";
  }
  return heard_.rules != nullptr ? RuleAgainst(report, *heard_.rules)
                                 : std::string(policy::kNoRuleNamesIt);
}

}  // namespace ambit::supervise
