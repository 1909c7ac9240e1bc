// Property: what is taken off the front of a stream is whole, bounded and in order, nothing is
// taken while it is not whole, and a message that was read is the same after it is written and read
// again. Its body may be read as anything without a byte from outside of it.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "proto/dbus.h"

namespace {

namespace dbus = ambit::proto::dbus;

void Require(bool holds) {
  if (!holds) std::abort();
}

void ReadAsAnything(const std::string& body) {
  dbus::Reader in(body);
  const std::size_t end = in.BeginArray(8);
  Require(end <= body.size() || in.failed());
  while (!in.failed() && in.at() < body.size()) {
    in.Uint32();
    Require(in.String().size() <= body.size());
    in.Signature();
    in.Uint64();
    in.Byte();
    Require(in.at() <= body.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  for (;;) {
    const std::size_t before = bytes.size();
    const auto taken = dbus::TakeMessage(bytes);
    if (!taken || !*taken) {
      Require(bytes.size() == before);
      return 0;
    }
    const dbus::Message& message = **taken;
    Require(bytes.size() < before && message.serial != 0 && message.body.size() <= before);
    ReadAsAnything(message.body);
    std::string again = dbus::Encode(message);
    const auto same = dbus::TakeMessage(again);
    // Fields in another order may be some bytes more: not beyond the most there may be.
    if (before < 60'000) Require(same && *same && **same == message && again.empty());
  }
}
