// What leaves the machine: captured connections, to the names and addresses that rules allow.
#include <errno.h>

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "egress/connection.h"
#include "egress/refusal_words.h"
#include "egress/upstream.h"

namespace ambit::egress {
namespace {

/// Where the name leads, in place of the address that stands for it inside.
void PutAddress(EgressReport& report, const NotConnected& why) {
  report.family = 0;
  report.address = {};
  if (why.reach == policy::Reach::kPublic) return;  // nowhere
  const bool v4 = policy::IsV4(why.address);
  report.family = v4 ? 4 : 6;
  std::copy_n(why.address.begin() + (v4 ? 12 : 0), v4 ? 4 : 16, report.address.begin());
}

}  // namespace

/// Nobody is asked about the machine's own credentials, its loopback, and what nobody has.
policy::NetDecision Relay::DecisionOn(const Wanted& wanted) const {
  policy::NetDecision decision = names_->upstream.Decide(wanted);
  if (wanted.name == nullptr && decision.ask) {
    const policy::Reach reach = names_->upstream.ReachOf(wanted.address);
    decision.ask = reach == policy::Reach::kPublic || reach == policy::Reach::kPrivate ||
                   reach == policy::Reach::kOwn;
  }
  return decision;
}

/// What the rules say, or, where they say nothing, a person. Rules may change while one is asked,
/// so none is kept.
Task<Relay::Permission> Relay::MayPass(int client, const Address& target, const Wanted& wanted) {
  for (;;) {
    const policy::NetDecision decision = DecisionOn(wanted);
    if (!decision.ask) {
      co_return Permission{.allowed = decision.allowed,
                           .raw = decision.allowed && decision.rule->raw};
    }
    switch (co_await holds_.Wait(client, target, wanted.name)) {
      case Holds::End::kDecided:
        break;
      case Holds::End::kAllowed:
        co_return Permission{.allowed = true};
      case Holds::End::kRefused:
        co_return Permission{.error = EACCES};
      case Holds::End::kNobody:
        co_return Permission{.error = ETIMEDOUT};
      case Holds::End::kGone:
        co_return Permission{.error = ECONNABORTED};
      case Holds::End::kTooMany:
        co_return Permission{.refusal = ReportKind::kTooMany, .error = EBUSY};
    }
  }
}

bool Relay::IsDeniedByNow(const Connection& connection) const {
  if (!connection.IsCaptured() || !names_) return false;
  const policy::NetDecision decision = DecisionOn({.name = connection.name,
                                                   .address = BytesOf(connection.target),
                                                   .port = connection.target.port});
  return decision.rule != nullptr && !decision.allowed;
}

void Relay::CutOff(Connection& connection) {
  connection.Tell(connection.About(ReportKind::kDenied));
  connection.Break(EPROTO);
}

void Relay::OnRulesChanged() {
  const auto all = connections_;  // to break one may end it
  for (Connection* one : all) {
    if (connections_.contains(one) && one->id != 0 && IsDeniedByNow(*one)) CutOff(*one);
  }
  holds_.Reconsider([this](const Address& target, const HostName* name) {
    return DecisionOn({.name = name, .address = BytesOf(target), .port = target.port}).ask;
  });
}

void Relay::RefuseUnallowed(Fd client, const Wanted& wanted, const Address& target,
                            const Permission& permission) {
  // Whatever range somebody wrote, the machine's own credentials are not meant.
  if (wanted.name == nullptr &&
      names_->upstream.ReachOf(wanted.address) == policy::Reach::kMetadata) {
    return RefuseUnreachable(std::move(client), target);
  }
  if (permission.refusal != ReportKind::kDenied) {
    return Refuse(std::move(client), permission.refusal, wanted.name, permission.error);
  }
  EgressReport report{.kind = ReportKind::kDenied, .family = target.family, .port = target.port};
  report.address = target.bytes;
  report.error = permission.error;
  if (wanted.name != nullptr) report.name = TextOfName(wanted.name->text());
  if (permission.error != 0) {
    reporter_.Send(report);
  } else {
    repeats_.Send(report);
  }
  RefuseInWords(
      std::move(client), target.port,
      WordsOf(target, wanted.name,
              permission.error != 0 ? WhatAPersonSaid(permission.error)
                                    : WhyNotAllowed(target, wanted.name, DecisionOn(wanted),
                                                    names_->upstream.ReachOf(wanted.address))));
}

Task<> Relay::CarryOut(Fd client, Address target) {
  const HostName* name = names_->table.NameOf(target);
  const Wanted wanted{.name = name, .address = BytesOf(target), .port = target.port};
  const Permission permission = co_await MayPass(client.get(), target, wanted);
  if (!permission.allowed) {
    RefuseUnallowed(std::move(client), wanted, target, permission);
    co_return;
  }
  // While a person was asked others may have taken all places.
  if (IsFull()) {
    Refuse(std::move(client), ReportKind::kTooMany, name);
    co_return;
  }
  auto connection = std::make_shared<Connection>(*this, target, name);
  boost::system::error_code error;
  connection->client.assign(client.get(), error);
  if (error) {
    ResetOnClose(client.get());
    co_return;
  }
  (void)std::move(client).Release();

  if (!co_await ConnectUpstream(connection, wanted)) co_return;
  connection->Stands();
  if (IsDeniedByNow(*connection)) {
    CutOff(*connection);
    co_return;
  }
  const bool checked = name != nullptr && !permission.raw;
  if (!checked) {
    connection->Carries();
    asio::co_spawn(loop_.get_executor(), CarryOneWay(connection, true), asio::detached);
  } else {
    asio::co_spawn(loop_.get_executor(), CarryChecked(connection), asio::detached);
  }
  // A server of the web is silent until it is asked; elsewhere it may speak first.
  if (!checked || !Claim::IsExpected(target.port)) CarryAnswers(connection);
  connection->Opened(connection->host);
}

void Relay::RefuseUnreachable(Fd client, const Address& target) {
  EgressReport report{
      .kind = ReportKind::kUnreachable, .family = target.family, .port = target.port};
  report.address = target.bytes;
  report.reach = policy::Reach::kMetadata;
  reporter_.Send(report);
  RefuseInWords(std::move(client), target.port,
                WordsOf(target, nullptr, WhyUnreachable(nullptr, {.reach = report.reach})));
}

/// False: there is no connection, and the client has heard so.
Task<bool> Relay::ConnectUpstream(std::shared_ptr<Connection> connection, Wanted wanted) {
  const auto patience = Patience::Of(loop_, connection->client.native_handle());
  const auto connected = co_await names_->upstream.Connect(connection->host, wanted, *patience);
  patience->End();
  if (connected) co_return true;
  const NotConnected& why = connected.error();
  EgressReport report = connection->About(why.kind);
  report.error = why.error;
  report.count = static_cast<std::uint64_t>(why.status);
  report.reach = why.reach;
  if (why.kind == ReportKind::kUnreachable) PutAddress(report, why);
  reporter_.Send(report);
  if (why.kind == ReportKind::kUnreachable) {
    const auto words = why.error != 0 ? WordsOfFailure : WordsOf;
    RefuseInWords(std::move(connection->client), connection->target.port,
                  words(connection->target, wanted.name, WhyUnreachable(wanted.name, why)));
  } else {
    connection->Break(why.error != 0 ? why.error : EACCES);
  }
  co_return false;
}

}  // namespace ambit::egress
