#pragma once
// Listing a directory by descriptor.
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace ambit::sys {

enum class EntryKind : std::uint8_t { kFile, kDirectory, kLink, kOther };

struct DirectoryEntry {
  std::string name;
  EntryKind kind = EntryKind::kOther;
};

/// All of the directory `dir` but "." and "..", unsorted. `dir` itself is not read from, so that it
/// can be listed again. Errors: kIo, kDenied.
Result<std::vector<DirectoryEntry>> ListDirectory(int dir);

}  // namespace ambit::sys
