// What a client claims on a connection to a name (claim.h): looked at, passed on or refused.
#include <errno.h>

#include <array>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "egress/claim.h"
#include "egress/connection.h"
#include "egress/send_all.h"
#include "egress/unjudged.h"
#include "proto/http_requests.h"

namespace ambit::egress {
namespace {

/// What a server says that agrees to switch protocols (RFC 9110, 15.2.2).
constexpr unsigned kSwitching = 101;

/// Waits for more. False: there will be none.
Task<bool> ReceiveMore(Descriptor& from, Unjudged& said) {
  std::array<char, 4096> block{};
  for (;;) {
    if (co_await Ready(from, Descriptor::wait_read)) co_return false;
    const ssize_t got = ::recv(from.native_handle(), block.data(), block.size(), MSG_DONTWAIT);
    if (got > 0) said.Append({block.data(), static_cast<std::size_t>(got)});
    if (got >= 0 || (errno != EAGAIN && errno != EINTR)) co_return got > 0;
  }
}

}  // namespace

/// A client of the web speaks first. One that does not, or stops within its first words, holds a
/// place: not for long.
std::shared_ptr<Timer> Relay::ExpectAClaim(const std::shared_ptr<Connection>& connection) {
  auto timer = std::make_shared<Timer>(loop_.get_executor());
  if (!Claim::IsExpected(connection->target.port)) {
    connection->Carries();
    return timer;
  }
  timer->expires_after(timeouts_.first_claim);
  timer->async_wait([connection](const boost::system::error_code& cancelled) {
    if (cancelled || !connection->waiting || !connection->client.is_open()) return;
    EgressReport report = connection->About(ReportKind::kMismatch);
    report.mismatch = Mismatch::kTooSlow;
    connection->Tell(report);
    connection->Break(ETIMEDOUT);
  });
  return timer;
}

/// From the client to the host as long as what it claims has to be looked at.
Task<> Relay::CarryChecked(std::shared_ptr<Connection> connection) {
  Claim claim(*connection->name, connection->target.port);
  Unjudged held(unjudged_);
  static std::array<char, 16 << 10> block;  // nothing stays in it across a wait
  const auto until = ExpectAClaim(connection);
  constexpr std::size_t kBytesPerTurn = 256 << 10;  // then others have theirs
  std::size_t in_this_turn = 0;
  for (;;) {
    // Its first words are usually here already: it had them ready while the far end was dialled.
    const ssize_t got =
        ::recv(connection->client.native_handle(), block.data(), block.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (co_await Ready(connection->client, Descriptor::wait_read)) break;
      continue;
    }
    if (got < 0) {
      connection->Break(errno);
      co_return;
    }
    if (got == 0) {
      co_await EndOfClaims(connection, held, claim);
      co_return;
    }
    held.Append({block.data(), static_cast<std::size_t>(got)});
    in_this_turn += static_cast<std::size_t>(got);
    if (in_this_turn >= kBytesPerTurn) {
      in_this_turn = 0;
      co_await asio::post(loop_.get_executor(), UseTask());
    }
    const bool goes_on = co_await PassOn(connection, held, claim);
    if (!connection->waiting || !goes_on) until->cancel();
    if (!goes_on) co_return;
  }
  if (!connection->refused) connection->Break(ECANCELED);
}

/// The client says no more: what was not judged by now never will be.
Task<> Relay::EndOfClaims(const std::shared_ptr<Connection>& connection, const Unjudged& held,
                          const Claim& claim) {
  const Claim::Look look = claim.AtEnd(held.View());
  if (look.then == Claim::Look::Then::kRefuse) {
    co_await RefuseClaim(connection, look);
    co_return;
  }
  connection->Carries();
  CarryAnswers(connection);
  if (!held.View().empty() && !co_await SendOut(*connection, held.View())) co_return;
  (void)::shutdown(connection->host.native_handle(), SHUT_WR);
}

/// False: this coroutine has nothing more to do with the connection.
Task<bool> Relay::PassOn(const std::shared_ptr<Connection>& connection, Unjudged& held,
                         Claim& claim) {
  // As far as it can be judged now; then it goes on in one piece.
  std::size_t judged = 0;
  Claim::Look look;
  do {
    look = claim.At(held.View().substr(judged));
    judged += look.pass;
  } while (look.then == Claim::Look::Then::kMore && look.pass > 0);
  if (judged > 0) {
    connection->Carries();
    if (look.then != Claim::Look::Then::kSwitch) CarryAnswers(connection);
    if (!co_await SendOut(*connection, held.View().substr(0, judged))) co_return false;
    held.Drop(judged);
  }
  if (look.then == Claim::Look::Then::kSwitch) {
    co_return co_await Switch(connection, held) && co_await PassOn(connection, held, claim);
  }
  if (look.then == Claim::Look::Then::kRest) {
    asio::co_spawn(loop_.get_executor(), CarryOneWay(connection, true), asio::detached);
    co_return false;
  }
  if (look.then == Claim::Look::Then::kMore) {
    if (held.View().size() > Claim::kMostHeld) {
      look = claim.Refuse(Mismatch::kNotInOrder);
    } else if (!held.View().empty() && unjudged_ > limits_.unjudged) {
      look = claim.Refuse(Mismatch::kTooManyBegun);
    } else {
      co_return true;
    }
  }
  co_await RefuseClaim(connection, look);
  co_return false;
}

Task<> Relay::RefuseClaim(const std::shared_ptr<Connection>& connection, const Claim::Look& look) {
  EgressReport report = connection->About(ReportKind::kMismatch);
  report.mismatch = look.mismatch;
  report.claimed = TextOfName(look.claimed);
  connection->Tell(report);
  // Behind an answer of the server words of ours would be part of it.
  if (connection->bytes_to_host > 0 || look.reply.empty()) {
    connection->Break(EPROTO);
  } else {
    co_await EndWithReply(connection, look.reply);
  }
}

/// False: it could not be sent, and the connection is broken.
Task<bool> Relay::SendOut(Connection& connection, std::string_view bytes) {
  if (const std::size_t granted = out_.Take(bytes.size()); granted < bytes.size()) {
    out_.GiveBack(granted);
    out_.Exceed();
    connection.Break(EDQUOT);
    co_return false;
  }
  std::string_view unsent = bytes;
  const bool sent = co_await SendFrom(connection.host, unsent);
  out_.GiveBack(unsent.size());
  connection.bytes_to_host += bytes.size() - unsent.size();
  if (!sent) connection.Break(ECONNRESET);
  co_return sent;
}

void Relay::CarryAnswers(const std::shared_ptr<Connection>& connection) {
  if (std::exchange(connection->answered, true)) return;
  asio::co_spawn(loop_.get_executor(), CarryOneWay(connection, false), asio::detached);
}

/// A request to switch protocols has gone out. Only when the server agrees is what the client says
/// next none of HTTP; else it is a request, which may be for another host.
Task<bool> Relay::Switch(const std::shared_ptr<Connection>& connection, const Unjudged& held) {
  // Nobody reads from the client meanwhile: that it has gone shows in no other way.
  const auto patience = Patience::Of(loop_, connection->client.native_handle());
  patience->WakeBy([connection] { connection->Break(ECANCELED); });
  const auto status = co_await PassAnswerOn(connection);
  patience->End();
  if (!status) {
    connection->Break(EPROTO);
    co_return false;
  }
  CarryAnswers(connection);
  if (*status != kSwitching) co_return true;
  if (!held.View().empty() && !co_await SendOut(*connection, held.View())) co_return false;
  asio::co_spawn(loop_.get_executor(), CarryOneWay(connection, true), asio::detached);
  co_return false;
}

/// What the server says up to its decision, which is returned: kSwitching, or a final status.
/// Nothing: there is none.
Task<std::optional<unsigned>> Relay::PassAnswerOn(std::shared_ptr<Connection> connection) {
  constexpr unsigned kFirstFinal = 200;
  Unjudged answer(unjudged_);
  for (;;) {
    const auto head = proto::ReadAnswerHead(answer.View());
    if (!head) co_return std::nullopt;
    if (!*head) {
      if (unjudged_ > limits_.unjudged) co_return std::nullopt;
      if (!co_await ReceiveMore(connection->host, answer)) co_return std::nullopt;
      continue;
    }
    const unsigned status = (*head)->status;
    const bool decides = status == kSwitching || status >= kFirstFinal;
    const std::size_t passed = decides ? answer.View().size() : (*head)->bytes;
    if (!co_await SendAll(connection->client, answer.View().substr(0, passed)))
      co_return std::nullopt;
    connection->bytes_from_host += passed;
    answer.Drop(passed);
    if (decides) co_return status;
  }
}

/// The client gets to read why: an end before it has read would take the words with it.
Task<> Relay::EndWithReply(std::shared_ptr<Connection> connection, std::string reply) {
  constexpr std::chrono::seconds kLongest(1);
  connection->refused = true;
  connection->error = EPROTO;
  boost::system::error_code ignored;
  connection->host.close(ignored);
  Descriptor& client = connection->client;
  Timer until(loop_.get_executor());
  until.expires_after(kLongest);
  until.async_wait([connection](const boost::system::error_code& cancelled) {
    boost::system::error_code closing;
    if (!cancelled) connection->client.close(closing);
  });
  if (co_await SendAll(client, reply)) (void)::shutdown(client.native_handle(), SHUT_WR);
  std::array<char, 4096> rest{};
  while (!co_await Ready(client, Descriptor::wait_read)) {
    if (::recv(client.native_handle(), rest.data(), rest.size(), MSG_DONTWAIT) == 0) break;
  }
  until.cancel();
}

}  // namespace ambit::egress
