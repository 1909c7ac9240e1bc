// Up to three texts with zero bytes between them: a project's policy file, a user's, a managed one.
// Properties: whatever a project's file says, the policy is never wider than without it; a mistake
// has a place and can be printed; what the reader takes is a value that other rooms can use.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "policy/load.h"
#include "policy/merge.h"

namespace {

using namespace ambit::policy;

void Require(bool held) {
  if (!held) std::abort();
}

std::string TakeText(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\0'), rest.size());
  std::string text(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return text;
}

Loaded LoadOf(const LoadRequest& request) {
  const Host host{.real = [](const std::string& path) { return path; },
                  .exists = [](const std::string& path) { return path.size() % 2 == 0; }};
  return Load(request, host);
}

void CheckMistakes(const Loaded& loaded) {
  for (const Mistake& mistake : loaded.mistakes) {
    const std::string line = Describe(mistake);
    Require(!mistake.what.empty());
    Require(line == ambit::WithoutControls(line) && !line.contains('\n'));
  }
  for (const LeftOut& one : loaded.merged.left_out) Require(!Describe(one).contains('\n'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const Source project{.source = SourceKind::kProject,
                       .name = "/p/ambit.toml",
                       .text = TakeText(rest),
                       .trusted = false,
                       .base = "/p"};
  LoadRequest request;
  request.home = "/home/ann";
  request.managed_home = "/home/ann";
  request.files = {{.source = SourceKind::kUser, .name = "config.toml", .text = TakeText(rest)}};
  if (!rest.empty()) {
    request.managed = {
        .source = SourceKind::kManaged, .name = "policy.toml", .text = TakeText(rest)};
  }
  const Loaded without = LoadOf(request);
  CheckMistakes(without);
  request.files.push_back(project);
  const Loaded with = LoadOf(request);
  CheckMistakes(with);
  Require(IsNoWider(ToPolicy(with.merged), ToPolicy(without.merged)));
  request.files.back().trusted = true;
  CheckMistakes(LoadOf(request));
  return 0;
}
