#pragma once
// Why something is refused in a run, from its plan alone, and the one flag that would allow it.
// Pure: nothing is looked up, so a path need not exist. Texts hold names as they are; whoever
// prints them makes them safe. Who calls: `ambit why`.
#include <optional>
#include <string>
#include <string_view>

#include "plan/launch_plan.h"

namespace ambit::plan {

struct Answer {
  bool refused = false;
  std::string what;  // "/home/ann/.ssh does not exist inside"
  std::string rule;  // "the home is the run's own: the host's is not shown"
  std::string way;   // flags, "--ro /home/ann/.ssh"; empty: nothing would allow it
  /// Set for a file with placeholders: the path of what is shown in its place, below the run's
  /// directory.
  std::string shown_in_place = {};
};

/// `path` is absolute and without dots, as on the host.
Answer WhyPath(const LaunchPlan& plan, const std::string& path);

/// `host` as ParseTarget takes it.
Answer WhyHost(const LaunchPlan& plan, std::string_view host);

}  // namespace ambit::plan
