#include "supervise/egress_reports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include <array>
#include <span>
#include <string>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "supervise/start_egress.h"
#include "sys/fd_passing.h"

namespace ambit::supervise {

namespace asio = boost::asio;

namespace {

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

}  // namespace

asio::awaitable<void> EgressReports::Watch() {
  for (;;) {
    boost::system::error_code error;
    co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                                asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    const Result<Next> next = TakeOne();
    if (!next) {
      heard_.failed({.cause = Cause::kRunFailed,
                     .exit_code = 125,
                     .detail = "egress: " + next.error().what,
                     .remedy = {}});
    }
    if (!next || *next == Next::kEnded) co_return;
  }
}

Result<EgressReports::Next> EgressReports::TakeOne() {
  std::array<std::byte, sizeof(egress::EgressReport)> buffer{};
  auto got = sys::ReceiveFds(socket_.native_handle(), buffer, {});
  // When egress ends with listeners unread the socket says so once, before its last words.
  if (!got && got.error().sys_errno == ECONNRESET) {
    got = sys::ReceiveFds(socket_.native_handle(), buffer, {});
  }
  if (!got) return std::unexpected(got.error());
  if (got->bytes == 0) return Next::kEnded;
  AMBIT_TRY(const egress::EgressReport report,
            egress::DecodeReport(std::span(buffer).first(got->bytes)));
  return On(report);
}

void EgressReports::TakeTheRest() {
  boost::system::error_code ignored;
  socket_.native_non_blocking(true, ignored);
  for (Result<Next> next = Next::kMore; next && *next == Next::kMore;) next = TakeOne();
}

EgressReports::Next EgressReports::On(const egress::EgressReport& report) {
  using egress::ReportKind;
  const auto number = [](auto value) { return static_cast<std::int64_t>(value); };
  switch (report.kind) {
    case ReportKind::kReady:
      heard_.ready();
      break;
    case ReportKind::kFailed:
      heard_.failed(SetupFailed(PrimitiveOf(report.stage), ErrorOf(report)));
      return Next::kFailed;
    case ReportKind::kOpened:
    case ReportKind::kClosed:
    case ReportKind::kUpstreamFailed:
      heard_.event({event::kEgressConnect,
                    {{"host_port", number(report.port)},
                     {"connection", number(report.connection)},
                     {"state", std::string(report.kind == ReportKind::kOpened   ? "opened"
                                           : report.kind == ReportKind::kClosed ? "closed"
                                                                                : "failed")},
                     {"errno", number(report.error)},
                     {"bytes_to_host", number(report.bytes_to_host)},
                     {"bytes_from_host", number(report.bytes_from_host)}}});
      break;
    case ReportKind::kDenied:
    case ReportKind::kTooMany:
    case ReportKind::kAcceptFailed:
      heard_.event(
          {event::kDenial,
           {{"what", std::string("connect")},
            {"host", TextOf(report)},
            {"port", number(report.port)},
            {"rule", std::string(report.kind == ReportKind::kDenied ? "no rule names it"
                                                                    : "connection limit")}}});
      break;
    case ReportKind::kDropped:
      heard_.event({event::kEventsDropped, {{"count", number(report.count)}}});
      break;
  }
  return Next::kMore;
}

}  // namespace ambit::supervise
