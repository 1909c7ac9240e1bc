// Property: whatever init sends, in whatever pieces, a record that is taken is one that init could
// have encoded: encoded again it is the bytes it came from; and what is taken out of its texts
// leaves no known value behind.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "event/inside_record.h"
#include "event/redact.h"

namespace {

using ambit::event::InsideRecord;
using ambit::event::InsideRecordReader;

void Require(bool holds) {
  if (!holds) std::abort();
}

void Check(const InsideRecord& record) {
  Require(record.path.size() <= ambit::event::kMaxInsidePath);
  Require(record.other.size() <= ambit::event::kMaxInsidePath);
  Require(record.argv.size() <= ambit::event::kMaxInsideArguments);
  Require(record.pid >= 0 && record.parent >= 0);
  const ambit::event::Redactor redactor({"A_TOKEN=swordfish"});
  Require(!redactor.Clean(record.path + "swordfish").contains("swordfish"));
  for (const std::string& argument : redactor.CleanArguments(record.argv)) {
    Require(!argument.contains("swordfish"));
  }
}

}  // namespace

/// The first byte says how long the pieces are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = data[0] + std::size_t{1};
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  InsideRecordReader reader;
  std::string again;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    reader.Take(bytes.substr(at, piece));
    for (;;) {
      const auto next = reader.Next();
      if (!next) {
        Require(!next.error().what.empty());
        Require(bytes.starts_with(again));
        return 0;
      }
      if (!*next) break;
      Check(**next);
      AppendInsideRecord(**next, again);
    }
  }
  Require(bytes.starts_with(again));
  return 0;
}
