#pragma once
// The policy that holds here: all its sources found and read, the project's one trusted or not, and
// everything joined. Who calls: run, plan, shell, policy, trust, why.
// Errors: kInvalidArgument with a line for each mistake; kDenied for a managed policy that others
// than root can write; those of finding the project.
#include <optional>
#include <string>

#include "base/error.h"
#include "cli/policy_flags.h"
#include "policy/load.h"
#include "supervise/place.h"

namespace ambit::cli {

inline constexpr const char* kProjectPolicy = "ambit.toml";
inline constexpr const char* kManagedPolicy = "/etc/ambit/policy.toml";

/// The file that a person writes for all their runs: below $XDG_CONFIG_HOME, or their home.
std::string UserPolicyPath(const host::Person& person);

struct EffectivePolicy {
  supervise::Place place;
  std::optional<policy::Source> project_file;  // as it was read, when there is one
  policy::Loaded loaded;
  policy::Policy policy;
};

/// `command`: argv[0], whose basename may choose a preset; empty: none.
Result<EffectivePolicy> FindPolicy(const PolicyFlags& flags, const std::string& command);

/// The same where a mistake in `ambit.toml` and the like is not fatal, and with the project's file
/// trusted or not as is said here: what `ambit policy` and `ambit trust` compare.
enum class TrustIn : std::uint8_t { kRecord, kEverything, kNothing, kNoFile };
Result<EffectivePolicy> ReadPolicyHere(const PolicyFlags& flags, const std::string& command,
                                       TrustIn trust);

/// `path` alone, as what it is here: the person's own file and the managed one are not relative to
/// a project. kIo when it cannot be read; mistakes are in what comes back.
Result<policy::Loaded> ReadPolicyFile(const std::string& path);

/// All mistakes as one error.
Status CheckMistakes(const std::vector<policy::Mistake>& mistakes);

}  // namespace ambit::cli
