#pragma once
// Netlink without a library: a bounded message builder and one request/answer exchange with the
// kernel. Written for the setup of a run's own network namespace (rtnetlink, nfnetlink batches).
//
// Callers: spawn/native/network. No threads, no exceptions; allocates only for error texts.
// A batch is a plain value in one fixed buffer: what does not fit poisons the batch and is reported
// by SendBatch, so that the code that writes messages needs no error branch per attribute.
//
// Sources: netlink(7), rtnetlink(7); Linux Documentation/userspace-api/netlink/intro.rst;
// net/netfilter/nfnetlink.c (a batch is applied whole or not at all, every message with NLM_F_ACK
// is answered, a refused batch is answered on its first message).
#include <linux/netlink.h>

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::sys {

class NetlinkBatch {
 public:
  static constexpr std::size_t kCapacity = 8192;
  static constexpr std::size_t kMaxMessages = 48;

  /// Starts a message. `name` is a literal that names it in errors; NLM_F_REQUEST is added.
  template <class FamilyHeader>
    requires std::is_trivially_copyable_v<FamilyHeader>
  void Begin(const char* name, std::uint16_t type, std::uint16_t flags,
             const FamilyHeader& header) {
    BeginMessage(name, type, flags);
    Append(std::as_bytes(std::span(&header, 1)));
  }

  void Put(std::uint16_t attribute, std::span<const std::byte> value);

  /// The text with the terminating NUL that the kernel expects of string attributes.
  void PutText(std::uint16_t attribute, std::string_view text);

  template <std::unsigned_integral Integer>
  void PutNative(std::uint16_t attribute, Integer value) {
    Put(attribute, std::as_bytes(std::span(&value, 1)));
  }

  /// Big endian, as nf_tables wants all of its numbers.
  template <std::unsigned_integral Integer>
  void PutNetwork(std::uint16_t attribute, Integer value) {
    static_assert(std::endian::native == std::endian::little);
    PutNative(attribute, std::byteswap(value));
  }

  /// An attribute whose payload is the attributes that `fill` puts.
  template <std::invocable Fill>
  void Nested(std::uint16_t attribute, Fill fill) {
    const std::size_t start = OpenNest(attribute);
    fill();
    CloseNest(start);
  }

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return std::span(buffer_).first(used_);
  }
  [[nodiscard]] std::size_t message_count() const noexcept { return message_count_; }
  [[nodiscard]] bool wants_answer(std::size_t index) const noexcept {
    return messages_[index].wants_answer;
  }
  [[nodiscard]] const char* name_of(std::size_t index) const noexcept {
    return messages_[index].name;
  }

  /// The message that did not fit, or nullptr.
  [[nodiscard]] const char* overflowed_in() const noexcept { return overflowed_in_; }

 private:
  struct Message {
    const char* name = "";
    std::size_t offset = 0;
    bool wants_answer = false;
  };

  void BeginMessage(const char* name, std::uint16_t type, std::uint16_t flags);
  void Append(std::span<const std::byte> bytes);
  std::size_t OpenNest(std::uint16_t attribute);
  void CloseNest(std::size_t start);
  void Overflow() noexcept;

  alignas(NLMSG_ALIGNTO) std::array<std::byte, kCapacity> buffer_{};
  std::size_t used_ = 0;  // always a multiple of NLMSG_ALIGNTO
  std::array<Message, kMaxMessages> messages_{};
  std::size_t message_count_ = 0;
  const char* overflowed_in_ = nullptr;
};

/// The first message of a batch that the kernel refused.
struct [[nodiscard]] NetlinkFailure {
  const char* message = "";  // the name given to NetlinkBatch::Begin
  int sys_errno = 0;         // EMSGSIZE: the batch did not fit; ENODATA: an answer is missing
  std::string kernel_says;   // the kernel's own explanation, often empty
};

Error ToError(const NetlinkFailure& failure);

/// A netlink socket of the calling process's network namespace; `protocol` is NETLINK_ROUTE or
/// NETLINK_NETFILTER. kUnsupported when the kernel has no such protocol.
Result<Fd> OpenNetlink(int protocol);

/// Sends the batch with one sendmsg and reads the answer of every message that asked for one. The
/// kernel works synchronously: all answers are queued when sendmsg returns, so this never waits.
std::expected<void, NetlinkFailure> SendBatch(int socket, const NetlinkBatch& batch);

}  // namespace ambit::sys
