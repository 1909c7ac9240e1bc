// Property: a path that comes out of a pointer file can be given to the kernel as it is: not empty,
// no NUL, no line break, shorter than PATH_MAX.
#include <limits.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "host/git_project.h"

namespace {

void RequirePath(const std::string& path) {
  const bool good = !path.empty() && path.size() < PATH_MAX &&
                    path.find('\0') == std::string::npos && path.find('\n') == std::string::npos;
  if (!good) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto path = ambit::host::ParseGitFile(text)) RequirePath(*path);
  if (const auto path = ambit::host::ParsePathFile(text)) RequirePath(*path);
  if (const auto paths = ambit::host::ParseAlternates(text)) {
    for (const std::string& path : *paths) RequirePath(path);
  }
  return 0;
}
