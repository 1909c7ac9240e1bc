// Property: whatever the bytes, the reader gives all of them once and in order, and no verdict but
// one of a key holder is `intact`: what the fuzzer makes up is signed by nobody.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "journal/reader.h"
#include "journal/verify.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ambit::journal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Reader reader(FromText(text));
  std::uint64_t offset = 0;
  while (const auto line = reader.Next().value()) {
    Require(line->offset == offset);
    Require(line->bytes == text.substr(offset, line->bytes.size()));
    Require(line->ended == line->bytes.ends_with('\n'));
    offset += line->bytes.size();
  }
  Require(offset == size);
  // The corpus was signed by another key than this one.
  Reader again(FromText(text));
  std::uint64_t last = 0;
  const auto verdict =
      Verify(again, {.run = "r-1", .key = PublicKey{1}, .ended = false}, [&](const Record& record) {
        Require(record.head.sequence == ++last);
        Require(text.substr(record.offset).starts_with(record.line));
      });
  Require(verdict.has_value());
  Require(verdict->standing != Standing::kIntact);
  Require(last == verdict->last_good.sequence);
  // And with whichever key the head names: what is told as good is in order.
  Reader third(FromText(text));
  const auto open = Verify(third, {});
  Require(open.has_value() && open->bad.offset <= size && open->last_good.offset <= size);
  return 0;
}
