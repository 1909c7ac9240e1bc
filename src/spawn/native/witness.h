#pragma once
// Puts on record what init is told of, and sends it to the supervisor.
//
// Who calls: init, which lets the kernel go on with every call before or after: nothing here
// decides anything. Records are gathered and sent when there are many, or after a moment. Nothing
// ever waits for the supervisor but the end of the run, and that for a second: what finds the
// buffer full is counted by kind, and the counts follow. `docs/events.md` has what becomes of it.
#include <linux/seccomp.h>
#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/fd.h"
#include "event/inside_record.h"
#include "plan/launch_plan.h"
#include "spawn/native/exit_watch.h"
#include "spawn/native/thread_owners.h"

namespace ambit::spawn::native {

class Witness {
 public:
  /// `socket`: a stream to the supervisor. Of a plan without audit nothing is recorded.
  Witness(Fd socket, const plan::LaunchPlan& plan);

  /// For poll(2): the ends of processes; -1 when nothing is recorded.
  [[nodiscard]] int ends() const { return on_ ? exits_.descriptor() : -1; }
  /// For poll(2): to be written to; -1 unless the supervisor is slow.
  [[nodiscard]] int full_socket() const { return full_ ? socket_.get() : -1; }
  /// How long poll(2) may wait; -1: for ever.
  [[nodiscard]] int TimeoutMs() const;

  /// The child `agent` of init is about to execute the plan's command. Until then it is a copy of
  /// init, whose memory nobody may read.
  void ExpectAgent(pid_t agent);

  void Heard(const seccomp_notif& notification);
  void Reaped(pid_t process, int status);
  void TakeEnds();

  /// Sends what is due, as far as the socket takes it.
  void Send();
  /// Sends the rest; waits for a second at most.
  void Finish();

 private:
  using Clock = std::chrono::steady_clock;

  void Add(const event::InsideRecord& record);
  void AddExec(event::InsideRecord record);
  bool NameAgentsTry(event::InsideRecord& record);
  void LookForDenial(const std::string& path, pid_t pid);
  void AddDropped();
  void Flush();

  Fd socket_;
  const plan::LaunchPlan& plan_;
  bool on_;
  bool reads_;
  ThreadOwners owners_;
  ExitWatch exits_;
  pid_t agent_ = 0;  // until it is an ordinary process
  std::size_t tries_ = 0;
  std::string waiting_;
  std::size_t sent_ = 0;  // of waiting_
  Clock::time_point due_;
  bool full_ = false;
  std::array<std::int64_t, event::kInsideKinds> dropped_{};
  bool any_dropped_ = false;
  std::set<std::string> denied_;
};

}  // namespace ambit::spawn::native
