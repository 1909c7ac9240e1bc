#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <ranges>
#include <string>
#include <string_view>

#include "base/sha256.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/effective_policy.h"
#include "cli/policy_view.h"
#include "cli/question.h"
#include "cli/run.h"
#include "cli/trust_store.h"

namespace ambit::cli {
namespace {

struct TrustFlags {
  PolicyFlags policy;
  bool yes = false;
  bool revoke = false;
};

/// The entries alone, once more, where the content of files may have moved them off the screen.
std::string InShort(std::string_view difference) {
  constexpr std::ptrdiff_t kScreen = 20;
  if (std::ranges::count(difference, '\n') <= kScreen) return {};
  std::string entries = "in short:\n";
  for (const auto line : difference | std::views::split('\n')) {
    const std::string_view text(line.begin(), line.end());
    if (!text.empty() && text[0] != ' ') entries += std::string(text) + "\n";
  }
  return entries;
}

Result<int> TrustProject(const TrustFlags& flags) {
  AMBIT_TRY(const EffectivePolicy without, ReadPolicyHere(flags.policy, "", TrustIn::kNothing));
  const std::string& project = without.place.project.root;
  if (flags.revoke) {
    AMBIT_CHECK(Distrust(without.place.runs_root, project));
    Say(fmt::format("{}/{} is not trusted", Printable(project), kProjectPolicy));
    return 0;
  }
  if (!without.project_file) {
    return Fail(Errc::kNotFound,
                fmt::format("project '{}' has no {}", Printable(project), kProjectPolicy));
  }
  AMBIT_TRY(const EffectivePolicy with, ReadPolicyHere(flags.policy, "", TrustIn::kEverything));
  // What no run accepts is not there to be trusted.
  AMBIT_CHECK(CheckMistakes(with.loaded.mistakes));
  AMBIT_CHECK(PlanOf(with, {}));
  const std::string difference = Difference(LinesOf(without.loaded.merged, /*with_defaults=*/false),
                                            LinesOf(with.loaded.merged, /*with_defaults=*/false));
  if (difference.empty()) {
    Say(fmt::format("{} asks for nothing that does not hold already",
                    Printable(with.project_file->name)));
    return 0;
  }
  AMBIT_CHECK(ToStdout(difference + InShort(difference)));
  const bool terminal = ::isatty(0) == 1 && ::isatty(2) == 1;
  if (!flags.yes && !terminal) {
    Say("nothing was trusted: there is no terminal to ask at; --yes trusts");
    return 1;
  }
  if (!flags.yes &&
      !AskYes(fmt::format("Trust {} with that?", Printable(with.project_file->name)))) {
    return 1;
  }
  // The text that was shown: another one in the file by now is not trusted.
  AMBIT_CHECK(Trust(without.place.runs_root, project, with.project_file->text));
  Say(fmt::format("{} is trusted as it is now (SHA-256 {}); any change ends that",
                  Printable(with.project_file->name), Sha256Hex(with.project_file->text)));
  return 0;
}

}  // namespace

void AddTrust(NewCommand ambit) {
  auto flags = std::make_shared<TrustFlags>();
  NewCommand trust =
      ambit.AddCommand("trust", "Let the project's ambit.toml, as it is now, widen the policy");
  trust.AddFlag("--yes", flags->yes, "Do not ask");
  trust.AddFlag("--revoke", flags->revoke, "Trust it no more");
  flags->policy.AddTo(trust);
  trust.Does([flags] { return TrustProject(*flags); });
}

}  // namespace ambit::cli
