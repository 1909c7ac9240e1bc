#pragma once
// Connections that wait for a person: no rule allows or denies them, and the policy says to ask.
//
// Those to one target and port are one question, however many connections wait for its answer. The
// supervisor hears of a question when it comes up (kHeld) and when it is gone (kLetGo). All is
// bounded: questions, connections that wait, and how long. Whoever waits holds a descriptor and
// nothing else: no byte of a held connection is read, and nothing has left the machine.
// Who calls: relay. One thread.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <vector>

#include "egress/address.h"
#include "egress/loop.h"
#include "egress/reporter.h"

namespace ambit::egress {

class Holds {
 public:
  static constexpr std::size_t kMostQuestions = 32;
  /// Nobody waits longer; a client's own patience is mostly shorter.
  static constexpr std::chrono::minutes kLongest{10};

  /// `most`: connections.
  Holds(asio::io_context& loop, Reporter& reporter, std::size_t most)
      : loop_(loop), reporter_(reporter), most_(most) {}
  Holds(const Holds&) = delete;
  Holds& operator=(const Holds&) = delete;

  enum class End : std::uint8_t {
    kAllowed,  // a person said yes, to this once
    kRefused,  // a person said no, to this once
    kDecided,  // the rules have changed
    kNobody,   // nobody answered
    kGone,     // the client has ended it
    kTooMany,  // there is no room to wait in
  };
  /// Waits. `name`: of the table, nullptr for an address. `client` stays open meanwhile.
  Task<End> Wait(int client, const Address& target, const HostName* name);

  /// Nothing when it is gone.
  void Answer(std::uint32_t question, bool allowed);
  /// The rules have changed: whoever `is_asked` no longer holds for looks again.
  using IsAsked = std::function<bool(const Address& target, const HostName* name)>;
  void Reconsider(const IsAsked& is_asked);

  /// The run has ended: what waits is on record as given up. Nothing may be asked of this any more.
  void GiveUp();

 private:
  struct Question {
    std::uint32_t id;
    Address target;
    const HostName* name;
    std::optional<End> end = {};
    std::vector<Timer*> waiting = {};
  };
  Question* Find(const Address& target, const HostName* name);
  static EgressReport About(const Question& question, ReportKind kind, int error);
  void Tell(const Question& question, ReportKind kind, int error);
  Task<End> WaitFor(Question& question, int client);

  asio::io_context& loop_;
  Reporter& reporter_;
  std::size_t most_;
  std::list<Question> questions_;
  std::size_t waiting_ = 0;
  std::uint32_t last_question_ = 0;
};

}  // namespace ambit::egress
