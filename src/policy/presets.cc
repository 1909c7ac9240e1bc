#include "policy/presets.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "policy/toml_reader.h"

namespace ambit::policy {
namespace {

constexpr auto kPresets = std::to_array<Preset>({
#include "presets.inc"
});

}  // namespace

std::span<const Preset> Presets() { return kPresets; }

const Preset* FindPreset(std::string_view name) {
  const auto* const found = std::ranges::find(kPresets, name, &Preset::name);
  return found != kPresets.end() ? found : nullptr;
}

Document ReadPreset(const Preset& preset) {
  return ReadToml(preset.text, SourceKind::kPreset, fmt::format("preset {}", preset.name)).document;
}

const Preset* PresetOfCommand(std::string_view basename) {
  // Almost every command is none's: its name stands in no text.
  const std::string quoted = fmt::format("\"{}\"", basename);
  for (const Preset& preset : kPresets) {
    if (!preset.text.contains(quoted)) continue;
    const Document document = ReadPreset(preset);
    if (std::ranges::find(document.commands, basename) != document.commands.end()) return &preset;
  }
  return nullptr;
}

bool IsOfAgent(const Preset& preset) { return ReadPreset(preset).Find("fs.keep") != nullptr; }

}  // namespace ambit::policy
