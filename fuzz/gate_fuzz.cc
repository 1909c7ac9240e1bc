// Two texts, a line end between them: paths, a link with its target, two contents of a
// package.json. Properties: folding twice changes nothing more; a name is judged alike whatever
// stands before it and in capitals; below a directory nothing is judged milder than the directory;
// a link never milder than a file; equal contents never differ and the order of the two does not
// matter.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "review/gate.h"
#include "review/gate_names.h"

namespace {

using namespace ambit::review;

void Require(bool held) {
  if (!held) std::abort();
}

std::string InCapitals(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

void CheckPath(const std::string& path) {
  const std::string folded = FoldName(path);
  Require(FoldName(folded) == folded);
  for (const std::string& name : FoldPath(path).components) Require(!name.empty());

  const GateDecision decision = GateOf(path);
  Require((decision.verdict == GateVerdict::kOpen) == decision.reason.empty());
  Require(GateOf(InCapitals(path)).verdict == decision.verdict);
  Require(GateOf("a b/" + path).verdict == decision.verdict);
  Require(GateOf(path + "/.git").verdict == GateVerdict::kNever);
  Require(GateOf(path + "/x").verdict >= GateOf(path + "/").verdict);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\n'), size);
  const std::string first(text.substr(0, end));
  const std::string second(text.substr(std::min(end + 1, size)));
  CheckPath(first);
  CheckPath(second);
  Require(GateOfLink(first, second).verdict >= GateOf(first).verdict);

  Require(!LifecycleScriptsChanged(first, first));
  Require(LifecycleScriptsChanged(first, second) == LifecycleScriptsChanged(second, first));
  return 0;
}
