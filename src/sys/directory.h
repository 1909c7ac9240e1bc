#pragma once
// Listing a directory by descriptor.
#include <cstddef>
#include <cstdint>
#include <limits>
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
/// can be listed again. Errors: kIo, kDenied, kLimit when it holds more than `max_entries`.
Result<std::vector<DirectoryEntry>> ListDirectory(
    int dir, std::size_t max_entries = std::numeric_limits<std::size_t>::max());

}  // namespace ambit::sys
