#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "cli/cli.h"
#include "cli/effective_policy.h"
#include "cli/policy_view.h"
#include "cli/run.h"
#include "cli/runs.h"
#include "plan/policy_tests.h"
#include "policy/schema.h"

namespace ambit::cli {
namespace {

using Json = nlohmann::ordered_json;

struct ShowFlags {
  PolicyFlags policy;
  std::vector<std::string> argv;
  bool json = false;

  std::string Command() const { return argv.empty() ? "" : argv.front(); }
  void AddTo(NewCommand command) {
    policy.AddTo(command);
    command.AddArgument("command", argv, "The command it would hold for, after --");
  }
};

struct CheckFlags {
  std::string file;
  std::string directory;  // -C
};

std::string_view NameOf(policy::SourceKind source) {
  switch (source) {
    case policy::SourceKind::kPreset:
      return "preset";
    case policy::SourceKind::kUser:
      return "user";
    case policy::SourceKind::kProject:
      return "project";
    case policy::SourceKind::kFile:
      return "file";
    case policy::SourceKind::kFlags:
      return "flag";
    case policy::SourceKind::kManaged:
      return "managed";
  }
  return {};
}

/// Stable: members are only ever added.
std::string ToJson(const EffectivePolicy& effective) {
  Json values = Json::array();
  for (const PolicyLine& line : LinesOf(effective.loaded.merged, /*with_defaults=*/true)) {
    Json value = {{"key", line.key}, {"value", line.value}};
    value["source"] = line.built_in ? "built-in" : NameOf(line.origin.source);
    if (!line.built_in) {
      value["name"] = line.origin.name;
      if (line.origin.line != 0) value["line"] = line.origin.line;
      if (line.origin.line != 0) value["column"] = line.origin.column;
    }
    values.push_back(std::move(value));
  }
  const Json all = {{"format", 1},
                    {"project", effective.place.project.root},
                    {"presets", effective.loaded.presets},
                    {"values", std::move(values)},
                    {"left_out", effective.policy.left_out}};
  return all.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

Status Show(const ShowFlags& flags) {
  AMBIT_TRY(const EffectivePolicy effective, FindPolicy(flags.policy, flags.Command()));
  if (flags.json) return ToStdout(ToJson(effective));
  AMBIT_CHECK(ToStdout(ForPeople(LinesOf(effective.loaded.merged, /*with_defaults=*/true))));
  TellWhatIsLeftOut(effective);
  return {};
}

/// One file by itself, as what a person is about to make of it.
Status CheckFile(const std::string& path) {
  AMBIT_TRY(const policy::Loaded loaded, ReadPolicyFile(path));
  AMBIT_CHECK(CheckMistakes(loaded.mistakes));
  return ToStdout(fmt::format("{}: no mistake\n", path));
}

Status Check(const CheckFlags& flags) {
  if (!flags.file.empty()) return CheckFile(flags.file);
  const PolicyFlags here(flags.directory);
  AMBIT_TRY(const EffectivePolicy now, ReadPolicyHere(here, "", TrustIn::kRecord));
  // Who asks may be about to trust the project's file.
  AMBIT_TRY(const EffectivePolicy effective, ReadPolicyHere(here, "", TrustIn::kEverything));
  AMBIT_CHECK(CheckMistakes(effective.loaded.mistakes));
  AMBIT_CHECK(PlanOf(effective, {}, /*tell_every_pattern=*/true));
  TellWhatIsLeftOut(now);
  return ToStdout(fmt::format("{}: no mistake\n", effective.place.project.root));
}

Result<int> Test(const ShowFlags& flags) {
  AMBIT_TRY(const EffectivePolicy effective, FindPolicy(flags.policy, flags.Command()));
  TellWhatIsLeftOut(effective);
  AMBIT_TRY(const plan::LaunchPlan plan, PlanOf(effective, flags.argv));
  const std::vector<std::string> failed = plan::FailedTests(plan, effective.policy.tests);
  for (const std::string& line : failed) AMBIT_CHECK(ToStdout(line + "\n"));
  const std::size_t count = effective.policy.tests.size();
  AMBIT_CHECK(ToStdout(fmt::format("{} of {} hold\n", count - failed.size(), count)));
  return failed.empty() ? 0 : 1;
}

Status Diff(const ShowFlags& flags) {
  AMBIT_TRY(const EffectivePolicy without,
            ReadPolicyHere(flags.policy, flags.Command(), TrustIn::kNoFile));
  AMBIT_TRY(const EffectivePolicy with,
            ReadPolicyHere(flags.policy, flags.Command(), TrustIn::kEverything));
  AMBIT_CHECK(CheckMistakes(with.loaded.mistakes));
  return ToStdout(Difference(LinesOf(without.loaded.merged, /*with_defaults=*/false),
                             LinesOf(with.loaded.merged, /*with_defaults=*/false)));
}

}  // namespace

void AddPolicy(NewCommand ambit) {
  NewCommand commands = ambit.AddCommand("policy", "Show and check the policy that holds here");

  auto show_flags = std::make_shared<ShowFlags>();
  NewCommand show = commands.AddCommand("show", "Every value with where it comes from");
  show_flags->AddTo(show);
  show.AddFlag("--json", show_flags->json, "For programs");
  show.Does([show_flags] { return Show(*show_flags); });

  auto check_flags = std::make_shared<CheckFlags>();
  NewCommand check = commands.AddCommand("check", "Whether the policy files have a mistake");
  check.AddArgument("file", check_flags->file, "Only this file; all that hold here when left out");
  AddDirectoryFlag(check, check_flags->directory);
  check.Does([check_flags] { return Check(*check_flags); });

  NewCommand schema = commands.AddCommand("schema", "The JSON Schema of ambit.toml, for editors");
  schema.Does([] { return ToStdout(policy::JsonSchema()); });

  auto test_flags = std::make_shared<ShowFlags>();
  NewCommand test = commands.AddCommand("test", "Whether the [[test]] tables hold");
  test_flags->AddTo(test);
  test.Does([test_flags] { return Test(*test_flags); });

  auto diff_flags = std::make_shared<ShowFlags>();
  NewCommand diff = commands.AddCommand("diff", "What the project's ambit.toml changes");
  diff_flags->AddTo(diff);
  diff.Does([diff_flags] { return Diff(*diff_flags); });
}

}  // namespace ambit::cli
