// What leaves the machine: captured connections, to the names and addresses that rules allow.
#include <errno.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "egress/connection.h"
#include "egress/send_all.h"
#include "egress/upstream.h"

namespace ambit::egress {
namespace {

policy::AddressBytes BytesOf(const Address& address) {
  policy::AddressBytes bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (address.family == 6) return address.bytes;
  std::copy_n(address.bytes.begin(), 4, bytes.begin() + 12);
  return bytes;
}

/// "example.com:22", as a rule would be written.
std::string RuleFor(const Address& target, const HostName* name) {
  policy::NetRule rule{.port = target.port};
  if (name != nullptr) {
    rule.name = *name;
  } else {
    rule.range = policy::AddressRange{.first = BytesOf(target)};
  }
  return policy::TextOf(rule);
}

std::string WordsOf(const Address& target, const HostName* name, std::string_view why) {
  return fmt::format("ambit: a connection to {} is refused: {}", RuleFor(target, name), why);
}

std::string WhereItLeads(Reach reach) { return fmt::format("it leads to {}", WordsFor(reach)); }

std::string WhyNot(const Address& target, const HostName* name,
                   const policy::NetDecision& decision) {
  if (decision.rule != nullptr) {
    return fmt::format("{} denies it ({})", policy::TextOf(*decision.rule), decision.rule->from);
  }
  return fmt::format("no rule names it, ambit run --allow {} would allow it",
                     RuleFor(target, name));
}

/// Waits for more, behind `text`. False: there will be none.
Task<bool> ReceiveMore(Descriptor& from, std::string& text) {
  std::array<char, 4096> block{};
  for (;;) {
    if (co_await Ready(from, Descriptor::wait_read)) co_return false;
    const ssize_t got = ::recv(from.native_handle(), block.data(), block.size(), MSG_DONTWAIT);
    if (got > 0) text.append(block.data(), static_cast<std::size_t>(got));
    if (got >= 0 || (errno != EAGAIN && errno != EINTR)) co_return got > 0;
  }
}

}  // namespace

Task<> Relay::CarryOut(Fd client, Address target) {
  const HostName* name = names_->table.NameOf(target);
  const policy::NetDecision decision =
      name != nullptr ? policy::Decide(names_->rules, *name, target.port)
                      : policy::Decide(names_->rules, BytesOf(target), target.port);
  if (!decision.allowed) {
    EgressReport report{.kind = ReportKind::kDenied, .family = target.family, .port = target.port};
    report.address = target.bytes;
    if (name != nullptr) report.name = TextOfName(name->text());
    reporter_.Send(report);
    RefuseInWords(std::move(client), target.port,
                  WordsOf(target, name, WhyNot(target, name, decision)));
    co_return;
  }
  // Whatever range somebody wrote, the machine's own credentials are not meant.
  if (name == nullptr && ReachOf(BytesOf(target)) == Reach::kMetadata) {
    RefuseUnreachable(std::move(client), target);
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

  // An address of a rule is dialled as it is: somebody wrote it.
  std::vector<policy::AddressBytes> addresses = {BytesOf(target)};
  if (name != nullptr) {
    auto found = co_await AddressesOf(*name, target.port);
    if (!found) {
      RefuseInWords(std::move(connection->client), target.port,
                    WordsOf(target, name, found.error().what));
      co_return;
    }
    addresses = *std::move(found);
  }
  if (const int failed = co_await DialAny(loop_, connection->host, addresses, target.port);
      failed != 0) {
    EgressReport report = connection->About(ReportKind::kUpstreamFailed);
    report.error = failed;
    connection->Break(failed);
    reporter_.Send(report);
    co_return;
  }
  connection->Opened();
  const bool checked = name != nullptr && !decision.rule->raw;
  // A server of the web is silent until it is asked; elsewhere it may speak first.
  if (!checked || !Claim::IsExpected(target.port)) CarryAnswers(connection);
  if (!checked) {
    connection->Carries();
    asio::co_spawn(loop_.get_executor(), CarryOneWay(connection, true), asio::detached);
  } else {
    asio::co_spawn(loop_.get_executor(), CarryChecked(connection), asio::detached);
  }
}

void Relay::RefuseUnreachable(Fd client, const Address& target) {
  EgressReport report{
      .kind = ReportKind::kUnreachable, .family = target.family, .port = target.port};
  report.address = target.bytes;
  report.reach = ReachOf(BytesOf(target));
  reporter_.Send(report);
  RefuseInWords(std::move(client), target.port,
                WordsOf(target, nullptr, WhereItLeads(report.reach)));
}

Task<Result<std::vector<policy::AddressBytes>>> Relay::AddressesOf(const HostName& name,
                                                                   std::uint16_t port) {
  EgressReport report{.kind = ReportKind::kUnreachable, .port = port};
  report.name = TextOfName(name.text());
  auto found = co_await names_->resolver.Resolve(name);
  if (!found) {
    report.error = found.error().code == Errc::kNotFound ? ENOENT : ETIMEDOUT;
    reporter_.Send(report);
    co_return Fail(found.error().code,
                   report.error == ENOENT ? "there is no such name" : "no name server answered");
  }
  auto reachable = OnlyPublic(*found);
  if (reachable.empty()) {
    report.reach = ReachOf(found->front());
    reporter_.Send(report);
    co_return Fail(Errc::kDenied, WhereItLeads(report.reach));
  }
  co_return reachable;
}

/// A client of the web speaks first. One that does not, or stops within its first words, holds a
/// place: not for long.
std::shared_ptr<Timer> Relay::ExpectAClaim(const std::shared_ptr<Connection>& connection) {
  auto timer = std::make_shared<Timer>(loop_.get_executor());
  if (!Claim::IsExpected(connection->target.port)) {
    connection->Carries();
    return timer;
  }
  timer->expires_after(patience_.first_claim);
  timer->async_wait([this, connection](const boost::system::error_code& cancelled) {
    if (cancelled || !connection->waiting || !connection->client.is_open()) return;
    EgressReport report = connection->About(ReportKind::kMismatch);
    report.mismatch = Mismatch::kTooSlow;
    reporter_.Send(report);
    connection->Break(ETIMEDOUT);
  });
  return timer;
}

/// From the client to the host as long as what it claims has to be looked at.
Task<> Relay::CarryChecked(std::shared_ptr<Connection> connection) {
  Claim claim(*connection->name, connection->target.port);
  std::string held;
  static std::array<char, 16 << 10> block;  // nothing stays in it across a wait
  const auto patience = ExpectAClaim(connection);
  while (!co_await Ready(connection->client, Descriptor::wait_read)) {
    const ssize_t got =
        ::recv(connection->client.native_handle(), block.data(), block.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) {
      connection->Break(errno);
      co_return;
    }
    if (got == 0) {
      // What was not judged by now never will be.
      if (held.empty())
        (void)::shutdown(connection->host.native_handle(), SHUT_WR);
      else
        connection->Break(EPROTO);
      co_return;
    }
    held.append(block.data(), static_cast<std::size_t>(got));
    const bool goes_on = co_await PassOn(connection, held, claim);
    if (!connection->waiting || !goes_on) patience->cancel();
    if (!goes_on) co_return;
  }
  if (!connection->refused) connection->Break(ECANCELED);
}

/// False: this coroutine has nothing more to do with the connection.
Task<bool> Relay::PassOn(const std::shared_ptr<Connection>& connection, std::string& held,
                         Claim& claim) {
  // As far as it can be judged now; then it goes on in one piece.
  std::size_t judged = 0;
  Claim::Look look;
  do {
    look = claim.At(std::string_view(held).substr(judged));
    judged += look.pass;
  } while (look.then == Claim::Look::Then::kMore && look.pass > 0);
  if (judged > 0) {
    connection->Carries();
    if (look.then != Claim::Look::Then::kSwitch) CarryAnswers(connection);
    if (!co_await SendOut(*connection, std::string_view(held).substr(0, judged))) co_return false;
    held.erase(0, judged);
  }
  if (look.then == Claim::Look::Then::kSwitch) {
    co_return co_await Switch(connection, held) && co_await PassOn(connection, held, claim);
  }
  if (look.then == Claim::Look::Then::kRest) {
    asio::co_spawn(loop_.get_executor(), CarryOneWay(connection, true), asio::detached);
    co_return false;
  }
  if (look.then == Claim::Look::Then::kMore && held.size() <= Claim::kMostHeld) co_return true;
  EgressReport report = connection->About(ReportKind::kMismatch);
  report.mismatch = look.then == Claim::Look::Then::kMore ? Mismatch::kNotInOrder : look.mismatch;
  report.claimed = TextOfName(look.claimed);
  reporter_.Send(report);
  // Behind an answer of the server words of ours would be part of it.
  if (connection->bytes_to_host > 0 || look.reply.empty()) {
    connection->Break(EPROTO);
  } else {
    co_await EndWithReply(connection, std::move(look.reply));
  }
  co_return false;
}

/// False: it could not be sent, and the connection is broken.
Task<bool> Relay::SendOut(Connection& connection, std::string_view bytes) {
  if (const std::size_t granted = out_.Take(bytes.size()); granted < bytes.size()) {
    out_.GiveBack(granted);
    out_.Exceed();
    connection.Break(EDQUOT);
    co_return false;
  }
  if (!co_await SendAll(connection.host, bytes)) {
    connection.Break(ECONNRESET);
    co_return false;
  }
  connection.bytes_to_host += bytes.size();
  co_return true;
}

void Relay::CarryAnswers(const std::shared_ptr<Connection>& connection) {
  if (std::exchange(connection->answered, true)) return;
  asio::co_spawn(loop_.get_executor(), CarryOneWay(connection, false), asio::detached);
}

/// A request to switch protocols has gone out. Only when the server agrees is what the client says
/// next none of HTTP; else it is a request, which may be for another host.
Task<bool> Relay::Switch(const std::shared_ptr<Connection>& connection, std::string& held) {
  constexpr unsigned kSwitching = 101;
  constexpr unsigned kFirstFinal = 200;
  std::string answer;
  unsigned status = 0;
  while (status != kSwitching && status < kFirstFinal) {
    const auto head = proto::ReadAnswerHead(answer);
    if (head && *head) {
      status = (*head)->status;
      if (!co_await SendAll(connection->client, std::string_view(answer).substr(0, (*head)->bytes)))
        break;
      connection->bytes_from_host += (*head)->bytes;
      answer.erase(0, (*head)->bytes);
    } else if (!head || !co_await ReceiveMore(connection->host, answer)) {
      break;
    }
  }
  if ((status != kSwitching && status < kFirstFinal) ||
      !co_await SendAll(connection->client, answer)) {
    connection->Break(EPROTO);
    co_return false;
  }
  connection->bytes_from_host += answer.size();
  CarryAnswers(connection);
  if (status != kSwitching) co_return true;
  if (!held.empty() && !co_await SendOut(*connection, held)) co_return false;
  asio::co_spawn(loop_.get_executor(), CarryOneWay(connection, true), asio::detached);
  co_return false;
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
