#pragma once
// What waits for a person's answer, and the rules that a person adds while the run goes on.
//
// A grant is on record before egress hears of it, and holds at once. It widens nothing that a rule
// denies, but takes back a denial of the very same rule that a person gave in this run; and nothing
// beyond the managed policy. Who calls: supervision.cc. One thread.
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "egress/order.h"
#include "egress/report.h"
#include "egress/run_rules.h"
#include "event/event.h"
#include "plan/network_plan.h"
#include "supervise/control_message.h"

namespace ambit::supervise {

/// A target as a rule names it: "example.com:443", "com.:80", "192.0.2.7:22", "[2001:db8::1]:443".
std::string TargetOf(const egress::EgressReport& report);

class Approvals {
 public:
  using Clock = std::chrono::steady_clock;
  struct Question {
    std::uint32_t id = 0;
    std::string target;
    Clock::time_point since;
  };
  struct Inputs {
    const plan::NetworkPlan& plan;
    std::function<void(const event::Event&)> emit;  // of answers
    std::function<Status(const egress::Order&)> order;
    /// What egress needs to know before it reaches what `rule` names.
    std::function<Status(const policy::NetRule& rule)> before_allowing =
        [](const policy::NetRule&) -> Status { return {}; };
    /// Hears of each question that comes up.
    std::function<void(const Question&)> asked = [](const Question&) {};
  };
  explicit Approvals(Inputs inputs) : inputs_(std::move(inputs)), rules_(inputs_.plan.rules) {}

  /// kHeld and kLetGo.
  void On(const egress::EgressReport& report);

  [[nodiscard]] const std::vector<Question>& Waiting() const { return waiting_; }
  /// Those of the plan, and what was added.
  [[nodiscard]] const policy::NetRules& rules() const { return rules_.rules(); }

  struct Verdict {
    bool allow = false;
    Scope scope = Scope::kOnce;
    std::string_view target;  // as ParseNetRule takes it
  };
  /// How many questions it answered. Errors: kNotFound: nothing waits that is meant (kOnce);
  /// kDenied: not within what may be granted; kUnsupported: this run cannot reach it whatever a
  /// rule says; kInvalidArgument: no target.
  Result<std::uint32_t> Answer(const Verdict& verdict);

 private:
  Result<std::uint32_t> AnswerOnce(const Verdict& verdict, const policy::NetRule& rule);
  Result<std::uint32_t> AddRule(const Verdict& verdict, const policy::NetRule& rule);
  [[nodiscard]] Status CanBeGranted(const egress::RunRules& rules,
                                    const policy::NetRule& rule) const;
  [[nodiscard]] Status CanBeReached(const policy::NetRule& rule) const;
  enum class TakesBack : bool { kNothing, kADenial };
  void Record(const Verdict& verdict, const policy::NetRule& rule, std::size_t answered,
              TakesBack takes_back) const;

  Inputs inputs_;
  egress::RunRules rules_;
  std::vector<Question> waiting_;
};

}  // namespace ambit::supervise
