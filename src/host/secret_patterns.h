#pragma once
// The patterns of secret_files.h, taken apart. Who calls: secret_files.cc.
#include <cstdint>
#include <string>
#include <vector>

#include "host/secret_files.h"

namespace ambit::host {

enum class Show : std::uint8_t { kMasked, kHidden, kAsItIs };

/// One pattern, taken apart.
struct Pattern {
  Show show = Show::kMasked;
  bool everywhere = false;
  bool anchored = true;  // in the top directory and the members, else only in `directory`
  bool directory_only = false;
  std::vector<std::string> directories;  // from the top, and from the part of it that is shown
  std::string name;
  std::string flag;  // that a person wrote it with; empty for a default
  std::string asked;
  bool matched = false;
  std::string in_git;  // what it fits there
};

/// Later ones win: the examples are left out of the defaults, not of what a person wrote, and what
/// is to be shown as it is stands behind all.
std::vector<Pattern> AllPatterns(const SecretPatterns& asked);

}  // namespace ambit::host
