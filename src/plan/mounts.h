#pragma once
#include <span>
#include <vector>

#include "base/error.h"
#include "host/facts.h"
#include "host/git_project.h"
#include "plan/launch_plan.h"
#include "policy/policy.h"

namespace ambit::plan {

inline constexpr const char* kProjectLayer = "project";

/// The copy-on-write trees: the project, git directories it needs, and what policy adds.
std::vector<Layer> MakeLayers(const policy::Policy& policy, const host::HostFacts& facts,
                              const host::GitProject& git,
                              std::span<const host::MaskedFile> masked);

/// Everything that is mounted, parents before children.
std::vector<Mount> MakeMounts(const policy::Policy& policy, const host::HostFacts& facts,
                              const std::vector<Layer>& layers,
                              std::span<const host::MaskedFile> masked,
                              std::span<const Kept> kept = {},
                              std::span<const std::string> credentials = {});

/// The file system rights that Landlock states again over the same root.
std::vector<LandlockRule> MakeLandlockRules(const std::vector<Mount>& mounts);

}  // namespace ambit::plan
