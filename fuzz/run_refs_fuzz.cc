// Property: what comes out of a run's ref files is an object's name, or a name that stays below
// refs/heads when it is looked up: no empty component, none that begins with a dot, no NUL, no line
// break, or the stash's. Each branch of packed-refs is listed once, with the object that a search
// finds. The first line of the input is the name that is searched in the rest as packed-refs.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "host/git_refs.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void RequireObject(std::string_view name) {
  Require(name.size() == 40 || name.size() == 64);
  Require(name.find_first_not_of("0123456789abcdef") == std::string_view::npos);
}

void RequireBranch(std::string_view name) {
  Require(name.starts_with("refs/heads/") && name.size() > 11);
  Require(name.find_first_of(std::string_view("\0\n\r", 3)) == std::string_view::npos);
  const std::string path = "/" + std::string(name) + "/";
  Require(!path.contains("//") && !path.contains("/."));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto ref = ambit::host::ParseRef(text)) {
    Require(ref->object.empty() != ref->target.empty());
    if (!ref->object.empty()) RequireObject(ref->object);
    if (!ref->target.empty()) RequireBranch(ref->target);
  }
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos) return 0;
  const auto packed = ambit::host::FindPackedRef(text.substr(line + 1), text.substr(0, line));
  if (packed && *packed) RequireObject(**packed);
  if (const auto stashes = ambit::host::ParseStashLog(text)) {
    for (const std::string& stash : *stashes) RequireObject(stash);
  }
  const auto refs = ambit::host::ParsePackedRefs(text);
  if (!refs) return 0;
  for (std::size_t i = 0; i < refs->size(); ++i) {
    const ambit::host::PackedRef& ref = (*refs)[i];
    RequireObject(ref.object);
    if (ref.name != ambit::host::kStashRef) RequireBranch(ref.name);
    Require(i == 0 || (*refs)[i - 1].name < ref.name);
  }
  // A search costs as much as the list.
  if (refs->empty()) return 0;
  const auto found = ambit::host::FindPackedRef(text, refs->front().name);
  Require(found && *found == refs->front().object);
  return 0;
}
