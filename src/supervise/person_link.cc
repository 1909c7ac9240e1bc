#include "supervise/person_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>

#include <boost/asio/co_spawn.hpp>

#include "base/text.h"
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
           .asked = [this](const Approvals::Question& asked) { OnAsked(asked); }}),
      published_(inputs_.network.publish) {}

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

void PersonLink::OnAsked(const Approvals::Question& question) {
  constexpr std::chrono::seconds kBetweenLines(1);
  if (questions_) return questions_->Wake();
  if (question.since - last_line_ < kBetweenLines) return;  // 'ambit approve' shows all
  last_line_ = question.since;
  inputs_.tell(fmt::format("ambit: the run waits for {}: 'ambit approve {}' elsewhere",
                           Printable(question.target), inputs_.run_id));
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
