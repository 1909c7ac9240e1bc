#pragma once
// What would allow a host that a run refuses, as far as it takes more than the refusal itself to
// say: whether the run goes on, what a person answered in it, what the managed policy that holds
// now bounds, and where a rule stands that denies it. Who calls: why.cc. No errors: a policy that
// cannot be read bounds nothing here.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts.h"
#include "plan/network_plan.h"
#include "plan/target.h"
#include "plan/why.h"
#include "workspace/run_store.h"

namespace ambit::cli {

/// What `from` of a rule is that a person gave while the run went on, and that later runs have.
inline constexpr const char* kDeniedInRun = "ambit deny";
inline constexpr const char* kDeniedInProject = "ambit deny --project";
inline constexpr const char* kDeniedAlways = "ambit deny --always";

class NetWay {
 public:
  /// `network` has what was answered meanwhile in its rules, and outlives this.
  NetWay(const workspace::RunMeta& meta, const plan::NetworkPlan& network,
         const host::Person& person);

  /// Puts the way that there is into an answer about `target` that says it is refused, and takes
  /// one out that would lead nowhere.
  void Mend(const plan::Target& target, plan::Answer& answer) const;

 private:
  [[nodiscard]] std::string WayPast(const policy::NetRule& denied,
                                    const plan::Target& target) const;
  void AllowBy(const policy::NetRule& rule, std::string_view behind, plan::Answer& answer) const;
  [[nodiscard]] bool CanBeApproved(const policy::NetRule& rule) const;

  const workspace::RunMeta& meta_;
  const plan::NetworkPlan& network_;
  const host::Person& person_;
  bool goes_on_;
  std::optional<std::vector<policy::NetRule>> most_;  // that a later run may allow
};

}  // namespace ambit::cli
