#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/cli.h"
#include "policy/presets.h"

namespace ambit::cli {
namespace {

Status ListPresets() {
  std::string out;
  for (const policy::Preset& preset : policy::Presets()) {
    const policy::Document document = policy::ReadPreset(preset);
    out += fmt::format("{:<10} {}\n{:<10} for {}\n", preset.name, document.about, "",
                       fmt::join(document.commands, ", "));
  }
  return ToStdout(out);
}

Status ShowPreset(const std::string& name) {
  if (const policy::Preset* preset = policy::FindPreset(name)) return ToStdout(preset->text);
  std::vector<std::string_view> names;
  for (const policy::Preset& preset : policy::Presets()) names.push_back(preset.name);
  const std::string_view meant = policy::Nearest(name, names);
  return Fail(Errc::kNotFound, fmt::format("no preset '{}'", Printable(name)),
              meant.empty() ? "'ambit preset list' has them all"
                            : fmt::format("did you mean '{}'?", meant));
}

}  // namespace

void AddPreset(NewCommand ambit) {
  NewCommand preset = ambit.AddCommand("preset", "What ambit knows of agents and toolchains");
  NewCommand list = preset.AddCommand("list", "All presets and the commands that choose them");
  list.Does([] { return ListPresets(); });
  auto name = std::make_shared<std::string>();
  NewCommand show = preset.AddCommand("show", "One preset, with a reason on each line");
  show.AddArgument("preset", *name, "The preset").Required();
  show.Does([name] { return ShowPreset(*name); });
}

}  // namespace ambit::cli
