// Property: over a real socket only messages of the one size come through, their text ends within
// them, and no descriptor of the reader is lost or gained, whatever the other side sends.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "base/fd.h"
#include "spawn/native/protocol.h"
#include "sys/fd_passing.h"

namespace {

using ambit::Fd;
using ambit::spawn::native::Message;

void Require(bool holds) {
  if (!holds) std::abort();
}

/// The number the next descriptor will get: the same before and after when none is leaked.
int NextNumber() { return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)).get(); }

}  // namespace

/// The first byte says how many descriptors go along.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 4096) return 0;
  const int before = NextNumber();
  {
    auto pair = ambit::sys::MakeSeqpacketPair();
    Require(pair.has_value());
    const std::size_t count = data[0] % 8;
    const std::array<int, 8> fds = {0, 0, 0, 0, 0, 0, 0, 0};
    const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
    Require(ambit::sys::SendFds(pair->first.get(), bytes, std::span(fds).first(count)).has_value());
    pair->first.Reset();
    Message message;
    Fd fd;
    const auto received = ambit::spawn::native::Receive(pair->second.get(), message, &fd);
    if (received) {
      Require(size - 1 == sizeof message && count <= 1);
      Require(message.Text().size() < message.text.size());
    }
    Require(received || !fd);
  }
  Require(NextNumber() == before);
  return 0;
}
