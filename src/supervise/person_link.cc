#include "supervise/person_link.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <exception>

#include <boost/asio/co_spawn.hpp>

#include "base/text.h"
#include "egress/egress.h"
#include "supervise/publish.h"

namespace ambit::supervise {
namespace {

/// What a coroutine throws comes out of the loop and ends the run.
constexpr auto kRethrow = [](const std::exception_ptr& thrown) {
  if (thrown) std::rethrow_exception(thrown);
};

ControlSocket::Reply Failed(const Error& error) {
  return {{.kind = ReplyKind::kFailed, .text = TextOf(error.what), .remedy = TextOf(error.remedy)}};
}

template <class Number>
ControlSocket::Reply DoneOr(const Result<Number>& done) {
  if (!done) return Failed(done.error());
  return {{.kind = ReplyKind::kDone, .number = *done}};
}

}  // namespace

PersonLink::PersonLink(Inputs inputs)
    : inputs_(std::move(inputs)),
      approvals_(
          {.plan = inputs_.network,
           .emit = inputs_.emit,
           .order = [this](const egress::Order& order) { return Order(order); },
           .before_allowing = [this](const policy::NetRule& rule) { return TellHosts(rule); },
           .asked = [this](const Approvals::Question&) { OnAsked(); }}),
      published_(inputs_.network.publish),
      next_line_(inputs_.io) {}

Status PersonLink::Listen() {
  AMBIT_TRY(Fd listener, ControlSocket::Listen(inputs_.run_directory));
  socket_.emplace(inputs_.io, std::move(listener), inputs_.run_directory,
                  [this](const ControlRequest& request) { return ReplyTo(request); });
  boost::asio::co_spawn(inputs_.io, socket_->Watch(), kRethrow);
  Fd terminal = OpenFreeTerminal(inputs_.streams);
  if (!terminal || !inputs_.network.rules.ask) return {};
  questions_.emplace(inputs_.io, std::move(terminal), approvals_,
                     [this](const Approvals::Verdict& verdict) -> Status {
                       AMBIT_TRY([[maybe_unused]] const auto count, approvals_.Answer(verdict));
                       return inputs_.write_down(verdict);
                     });
  boost::asio::co_spawn(inputs_.io, questions_->Watch(), kRethrow);
  return {};
}

ControlSocket::Reply PersonLink::ReplyTo(const ControlRequest& request) {
  switch (request.kind) {
    case ControlKind::kList:
      return WhatWaits();
    case ControlKind::kAnswer:
      return DoneOr(approvals_.Answer(
          {.allow = request.allow == 1, .scope = request.scope, .target = TextIn(request.text)}));
    case ControlKind::kPublish:
      return DoneOr(Publish({.host = request.host, .inside = request.inside}));
  }
  return {};
}

ControlSocket::Reply PersonLink::WhatWaits() const {
  ControlSocket::Reply reply;
  for (const Approvals::Question& question : approvals_.Waiting()) {
    const auto age =
        std::chrono::duration_cast<std::chrono::seconds>(Approvals::Clock::now() - question.since);
    reply.push_back({.kind = ReplyKind::kQuestion,
                     .number = question.id,
                     .seconds = static_cast<std::uint64_t>(age.count()),
                     .text = TextOf(question.target)});
  }
  reply.push_back({.kind = ReplyKind::kDone});
  return reply;
}

Result<std::uint16_t> PersonLink::Publish(const policy::PublishedPort& wanted) {
  plan::NetworkPlan network = inputs_.network;
  network.publish = published_;
  network.publish.push_back(wanted);
  AMBIT_CHECK(plan::Validate(network));
  if (network.most_publish &&
      std::ranges::find(*network.most_publish, wanted) == network.most_publish->end()) {
    return Fail(Errc::kDenied,
                fmt::format("'{}': the managed policy does not allow it", policy::TextOf(wanted)));
  }
  AMBIT_TRY(auto listeners, ListenFor(std::span(&wanted, 1)));
  const policy::PublishedPort port = listeners.front().port;
  inputs_.emit(ListeningOn(port));
  for (egress::PublishedListener& listener : listeners) {
    AMBIT_CHECK(supervise::Publish(inputs_.egress, std::move(listener)));
  }
  published_.push_back(port);
  AMBIT_CHECK(inputs_.published(port));
  return port.host;
}

void PersonLink::OnAsked() {
  if (questions_) questions_->Wake();
  TellWhatWaits();
}

/// What comes up within a second of a line is in the next one.
void PersonLink::TellWhatWaits() {
  constexpr std::chrono::seconds kBetweenLines(1);
  const auto now = Approvals::Clock::now();
  if (now - last_line_ >= kBetweenLines) {
    const std::string untold = TakeUntold();
    if (untold.empty()) return;
    last_line_ = now;
    return inputs_.tell(
        fmt::format("the run waits for {}: 'ambit approve {}' elsewhere", untold, inputs_.run_id));
  }
  if (line_is_due_) return;
  line_is_due_ = true;
  next_line_.expires_at(last_line_ + kBetweenLines);
  next_line_.async_wait([this](const boost::system::error_code& error) {
    line_is_due_ = false;
    if (!error) TellWhatWaits();
  });
}

/// "example.com:443, 192.0.2.7:22 and 5 more" that still wait and that no line has told of.
std::string PersonLink::TakeUntold() {
  constexpr std::size_t kMostNamed = 3;
  std::vector<std::string> names;
  std::size_t more = 0;
  for (const Approvals::Question& question : approvals_.Waiting()) {
    if (question.id <= last_told_) continue;
    if (names.size() < kMostNamed) {
      names.push_back(Printable(question.target));
    } else {
      ++more;
    }
  }
  if (!approvals_.Waiting().empty()) last_told_ = approvals_.Waiting().back().id;
  return fmt::format("{}{}", fmt::join(names, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : std::string());
}

/// What the hosts file says of a name that was not meant before, also once.
Status PersonLink::TellHosts(const policy::NetRule& rule) {
  policy::NetRules meant = rules();
  meant.allow.push_back(rule);
  std::string hosts = HostsFor(meant, inputs_.network.proxy);
  AMBIT_CHECK(Order({.kind = egress::OrderKind::kHosts, .addresses = {}, .text = hosts}));
  inputs_.host_names.Told(std::move(hosts));
  return {};
}

/// Egress reads whenever it can, so a socket that stays full is one of an egress that hangs.
Status PersonLink::Order(const egress::Order& order) {
  constexpr std::chrono::seconds kPatience(1);
  return egress::SendOrder(inputs_.egress, order, {}, kPatience);
}

}  // namespace ambit::supervise
