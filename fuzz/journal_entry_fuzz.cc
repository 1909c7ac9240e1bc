// A line that claims to be of a journal. Properties: what is taken for an entry is shown as one
// line without controls, of bounded length, and each export gives one line for it that holds none.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "journal/entry.h"
#include "journal/entry_text.h"
#include "journal/export.h"
#include "journal/match.h"

namespace {

using namespace ambit::journal;

void RequireSafe(std::string_view text) {
  for (const char c : text) {
    if ((c >= 0 && c < 0x20) || c == 0x7F) std::abort();
  }
}

void RequireLine(std::string_view text, std::string_view end) {
  if (!text.ends_with(end)) std::abort();
  text.remove_suffix(end.size());
  RequireSafe(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto entry = ParseEntry(line);
  if (!entry) return 0;
  const std::string essence = Essence(*entry);
  if (essence.size() > kMostText) std::abort();
  RequireSafe(essence);
  RequireLine(CsvRow(*entry), "\r\n");
  RequireLine(OcsfLine(*entry, "1"), "\n");
  const auto otlp = MakeExporter(Format::kOtlp, "1");
  RequireLine(otlp->Add(*entry, line) + otlp->End(), "\n");
  (void)Matches({.type = "*.e*", .path = "a/*b"}, *entry);
  return 0;
}
