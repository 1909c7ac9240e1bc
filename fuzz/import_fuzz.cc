// The number of a format, then up to two files of settings with a zero byte between them.
// Properties: what is printed is a policy file without a mistake and holds no control character but
// line ends; an error has a text that can be printed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "policy/import.h"
#include "policy/toml_reader.h"

namespace {

using namespace ambit::policy;

void Require(bool held) {
  if (!held) std::abort();
}

PathKind KindOf(const std::string& path) { return static_cast<PathKind>(path.size() % 3); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ImportFormat& format = ImportFormats()[data[0] % ImportFormats().size()];
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<ImportFile> files;
  const std::size_t end = std::min(rest.find('\0'), rest.size());
  files.push_back({.name = "/home/ann/.s.json",
                   .text = std::string(rest.substr(0, end)),
                   .base = "/home/ann/.claude"});
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (!rest.empty()) {
    files.push_back(
        {.name = "/home/ann/p/s.json", .text = std::string(rest), .base = "/home/ann/p"});
  }
  const auto imported =
      Import(format, files, {.home = "/home/ann", .project = "/home/ann/p", .kind = KindOf});
  if (!imported) {
    const std::string& what = imported.error().what;
    Require(!what.empty() && what == ambit::WithoutControls(what));
    return 0;
  }
  const std::string toml = ToToml(*imported, format, files);
  Require(toml == ambit::WithoutControls(toml));
  Require(ReadToml(toml, SourceKind::kProject, "ambit.toml").mistakes.empty());
  return 0;
}
