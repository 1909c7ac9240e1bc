// Property: what another process says to a run, and what a run answers, is taken to the last byte.
#include <cstdlib>
#include <cstring>
#include <span>

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
  return 0;
}
