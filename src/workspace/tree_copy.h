#pragma once
// Copies a tree that nobody changes any more from one file system to another, as an overlay's upper
// layer must be copied: whiteouts, the kernel's marks, holes, times and hard links are kept. What
// lies in it was made by an agent: by descriptor, no link followed, any depth with a fixed number
// of descriptors.
// Who calls: backing.cc. Errors: of the first call that failed, naming the file; all else is
// copied. As a person, directories and files without permissions are opened up in `from`.
#include <string>

#include "base/error.h"

namespace ambit::workspace {

/// Makes the directory `to_name` below `to_dir`, which must not be there, a copy of `from_name`
/// below `from_dir`. Owners are kept when root copies. A file with several names is one again where
/// its first name has fewer than 4,000 bytes; else each name is a file.
Status CopyTree(int from_dir, const std::string& from_name, int to_dir, const std::string& to_name);

}  // namespace ambit::workspace
