// The first bytes of a script. Properties: what comes out are words of the first line, an absolute
// path and a name only after env.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "host/command.h"

namespace {

void Require(bool held) {
  if (!held) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view head(reinterpret_cast<const char*>(data), size);
  const auto interpreter = ambit::host::ParseInterpreter(head);
  Require(!interpreter || head.starts_with("#!"));
  if (!interpreter) return 0;
  const std::string_view line = head.substr(0, head.find('\n'));
  Require(interpreter->path.starts_with('/'));
  Require(interpreter->name.empty() || interpreter->path.ends_with("/env"));
  for (const std::string_view word :
       {std::string_view(interpreter->path), std::string_view(interpreter->name)}) {
    Require(line.find(word) != std::string_view::npos);
    Require(word.find_first_of(" \t\n") == std::string_view::npos);
  }
  return 0;
}
