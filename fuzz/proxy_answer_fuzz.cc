// Property: an answer that was read is whole, within its bound, and read the same however much is
// behind it; none that is whole is read from less.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proto/proxy_answer.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ambit::proto;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ProxyAnswer answer = ReadProxyAnswer(text);
  if (answer.state != ProxyAnswer::State::kWhole) {
    Require(answer.bytes == 0 && answer.status == 0);
    return 0;
  }
  Require(answer.bytes <= size && answer.bytes <= kMostProxyAnswer);
  Require(answer.status >= 100 && answer.status < 600);
  Require(text.substr(0, answer.bytes).ends_with("\r\n\r\n"));
  Require(ReadProxyAnswer(text.substr(0, answer.bytes)).status == answer.status);
  Require(ReadProxyAnswer(text.substr(0, answer.bytes - 1)).state == ProxyAnswer::State::kMore);
  return 0;
}
