#include "review/gate_git_directories.h"

namespace ambit::review {

bool GitDirectories::Is(std::string_view directory) {
  if (const auto known = known_.find(directory); known != known_.end()) return known->second;
  const std::string base = directory.empty() ? "" : std::string(directory) + "/";
  const auto has = [&](const char* name) { return exists_(base + name); };
  const bool is = has("HEAD") && ((has("objects") && has("refs")) || has("commondir"));
  known_.emplace(directory, is);
  return is;
}

GateDecision GitDirectories::GateOf(std::string_view path, bool is_directory) {
  const GateDecision host = host_.GateOf(path, is_directory);
  if (host.verdict != GateVerdict::kOpen) return host;
  while (!path.empty()) {
    const std::size_t slash = path.rfind('/');
    path = path.substr(0, slash == std::string_view::npos ? 0 : slash);
    if (!Is(path)) continue;
    return {.verdict = GateVerdict::kHeld,
            .reason = "lies in a git repository: hooks and settings in it run on the host"};
  }
  return {};
}

}  // namespace ambit::review
