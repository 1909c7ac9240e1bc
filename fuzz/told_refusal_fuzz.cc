// Property: once it is known what a refused client speaks it never becomes something else by what
// it says further; every refusal but a reset has words.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "egress/told_refusal.h"
#include "proto/http_requests.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using ambit::egress::RefusalIn;
  using ambit::egress::Speaks;
  using ambit::egress::SpeaksOf;
  if (size == 0) return 0;
  const std::uint16_t port = data[0] % 2 == 0 ? 443 : 22;
  const std::string_view said(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = SpeaksOf(said, port);
  const auto part = SpeaksOf(said.substr(0, said.size() / 2), port);
  if (part) Require(whole == part);
  if (whole) Require(RefusalIn(*whole, "words").empty() == (*whole == Speaks::kOther));
  const auto answer = ambit::proto::ReadAnswerHead(said);
  if (answer && *answer) Require((*answer)->bytes <= said.size() && (*answer)->status <= 999);
  return 0;
}
