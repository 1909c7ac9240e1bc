#pragma once
// The words between supervisor and init over one seqpacket socket: fixed size, one per message.
// Init is ambit's own code, but it lives inside; the supervisor believes nothing in a message but
// its size and kind, and prints text from it escaped.
#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::spawn::native {

enum class MessageKind : std::uint32_t {
  // supervisor -> init
  kGo = 1,       // identity maps are written: begin
  kCgroup,       // carries a file of a control group: write "0" to it, which goes in
  kPlan,         // carries the plan: build the walls
  kStart,        // all is journalled: start the agent
  kSignal,       // number: deliver this signal to the agent
  kTrees,        // number: how many mounts of the host come along
  kSignalGroup,  // number: deliver it to the agent's whole process group
  // egress -> supervisor, in place of init
  kLaunched,  // number: init's pid; carries its pidfd
  // who opens the mounts of the host in a run by a user -> supervisor
  kBacking,  // carries the file system of the layers, where it is the run's own
  // init -> supervisor
  kFailed,      // number: host::Primitive, error: errno, text: what; init is gone after it
  kRoot,        // carries the run's root directory, to look from outside at what is in it
  kReady,       // walls stand; number: policy::Capture; carries the pty master when a terminal was
                // asked for
  kNotStarted,  // error: errno of execve, text: what was looked for
  kExited,      // number: wait status of the agent; init is gone after it
  kStopped,     // the agent has stopped, by the terminal's suspend character or a signal
};

struct Message {
  MessageKind kind{};
  std::int32_t number = 0;
  std::int32_t error = 0;
  std::array<char, 500> text{};

  void SetText(std::string_view value) {
    const std::size_t n = value.copy(text.data(), text.size() - 1);
    text[n] = '\0';
  }
  [[nodiscard]] std::string_view Text() const {
    const std::string_view all(text.data(), text.size());
    return all.substr(0, all.find('\0'));
  }
};
static_assert(std::is_trivially_copyable_v<Message> && sizeof(Message) == 512);

/// `fd` >= 0 goes along with the message.
Status Send(int socket, const Message& message, int fd = -1);

/// The next message; `fd`, when given, takes a descriptor that came with it. kIo with EPIPE at the
/// other side's end, with EPROTO for a message of another size.
Status Receive(int socket, Message& message, Fd* fd = nullptr);

}  // namespace ambit::spawn::native
