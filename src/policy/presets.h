#pragma once
// The presets that come with ambit: presets/*.toml, as text in the program. One per agent and
// toolchain, a reason on each line. Who calls: load.cc, cli. Errors: none, they were read by a
// test.
#include <span>
#include <string>
#include <string_view>

#include "policy/document.h"

namespace ambit::policy {

struct Preset {
  std::string_view name;
  std::string_view text;
};

/// Sorted by name.
std::span<const Preset> Presets();

/// nullptr when there is none of that name.
const Preset* FindPreset(std::string_view name);

Document ReadPreset(const Preset& preset);

/// The preset whose `commands` has this basename; nullptr when there is none.
const Preset* PresetOfCommand(std::string_view basename);

/// An agent's, not a toolchain's: it keeps state from run to run.
bool IsOfAgent(const Preset& preset);

}  // namespace ambit::policy
