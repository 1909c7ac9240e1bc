// What another process says to a run, what a run answers, and what the supervisor tells egress:
// whatever is accepted goes back to the same bytes.
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

#include "egress/order.h"
#include "supervise/control_message.h"

namespace {

template <class Record>
void IsTheSame(const Record& record, std::span<const std::byte> message) {
  if (std::memcmp(&record, message.data(), message.size()) != 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = std::as_bytes(std::span(data, size));
  if (const auto request = ambit::supervise::DecodeRequest(message)) IsTheSame(*request, message);
  if (const auto reply = ambit::supervise::DecodeReply(message)) IsTheSame(*reply, message);
  if (const auto order = ambit::egress::DecodeOrder(message)) {
    const std::string again = ambit::egress::Encode(*order);
    if (again != std::string(reinterpret_cast<const char*>(data), size)) std::abort();
  }
  return 0;
}
