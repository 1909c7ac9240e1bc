#include "sys/netlink.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace ambit::sys {
namespace {

constexpr std::size_t Aligned(std::size_t size) {
  return (size + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1};
}

template <class T>
bool ReadAt(std::span<const std::byte> bytes, std::size_t offset, T& out) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof out) return false;
  std::memcpy(&out, bytes.data() + offset, sizeof out);
  return true;
}

/// The text attribute of an extended answer. With NETLINK_CAP_ACK the request's payload is not
/// repeated, so the attributes follow the nlmsgerr at once.
std::string ExplanationIn(std::span<const std::byte> message, const nlmsghdr& header) {
  if ((header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  std::size_t offset = NLMSG_HDRLEN + sizeof(nlmsgerr);
  nlattr attribute{};
  while (ReadAt(message, offset, attribute)) {
    if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > message.size() - offset) break;
    if ((attribute.nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG) {
      const auto* text = reinterpret_cast<const char*>(message.data() + offset + NLA_HDRLEN);
      const std::size_t limit = attribute.nla_len - std::size_t{NLA_HDRLEN};
      return std::string(text, ::strnlen(text, limit));
    }
    offset += Aligned(attribute.nla_len);
  }
  return {};
}

/// Walks one datagram of answers; returns how many requests it confirmed.
std::expected<std::size_t, NetlinkFailure> CountConfirmations(std::span<const std::byte> datagram,
                                                              const NetlinkBatch& batch) {
  std::size_t confirmed = 0;
  nlmsghdr header{};
  while (ReadAt(datagram, 0, header)) {
    if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > datagram.size()) break;
    const auto message = datagram.first(header.nlmsg_len);
    nlmsgerr answer{};
    const bool known = header.nlmsg_seq >= 1 && header.nlmsg_seq <= batch.message_count();
    if (header.nlmsg_type == NLMSG_ERROR && known && ReadAt(message, NLMSG_HDRLEN, answer)) {
      const std::size_t index = header.nlmsg_seq - 1;
      if (answer.error != 0) {
        return std::unexpected(NetlinkFailure{.message = batch.name_of(index),
                                              .sys_errno = -answer.error,
                                              .kernel_says = ExplanationIn(message, header)});
      }
      if (batch.wants_answer(index)) ++confirmed;
    }
    datagram = datagram.subspan(std::min(Aligned(header.nlmsg_len), datagram.size()));
  }
  return confirmed;
}

std::size_t AnswersWanted(const NetlinkBatch& batch) {
  std::size_t wanted = 0;
  for (std::size_t i = 0; i < batch.message_count(); ++i) wanted += batch.wants_answer(i) ? 1 : 0;
  return wanted;
}

}  // namespace

void NetlinkBatch::Overflow() noexcept {
  if (overflowed_in_ == nullptr) {
    overflowed_in_ = message_count_ == 0 ? "" : messages_[message_count_ - 1].name;
  }
}

void NetlinkBatch::BeginMessage(const char* name, std::uint16_t type, std::uint16_t flags) {
  if (message_count_ == kMaxMessages || overflowed_in_ != nullptr) {
    if (overflowed_in_ == nullptr) overflowed_in_ = name;
    return;
  }
  messages_[message_count_++] = {
      .name = name, .offset = used_, .wants_answer = (flags & NLM_F_ACK) != 0};
  const nlmsghdr header{.nlmsg_len = 0,
                        .nlmsg_type = type,
                        .nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST),
                        .nlmsg_seq = static_cast<std::uint32_t>(message_count_),
                        .nlmsg_pid = 0};
  Append(std::as_bytes(std::span(&header, 1)));
}

void NetlinkBatch::Append(std::span<const std::byte> bytes) {
  const std::size_t needed = Aligned(bytes.size());
  if (overflowed_in_ != nullptr || kCapacity - used_ < needed) return Overflow();
  std::memcpy(buffer_.data() + used_, bytes.data(), bytes.size());
  used_ += needed;
  const std::size_t start = messages_[message_count_ - 1].offset;
  const auto length = static_cast<std::uint32_t>(used_ - start);
  std::memcpy(buffer_.data() + start, &length, sizeof length);
}

void NetlinkBatch::Put(std::uint16_t attribute, std::span<const std::byte> value) {
  if (value.size() > kCapacity) return Overflow();
  const nlattr header{.nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + value.size()),
                      .nla_type = attribute};
  Append(std::as_bytes(std::span(&header, 1)));
  if (!value.empty()) Append(value);
}

void NetlinkBatch::PutText(std::uint16_t attribute, std::string_view text) {
  std::array<std::byte, 256> terminated{};
  if (text.size() >= terminated.size()) return Overflow();
  std::memcpy(terminated.data(), text.data(), text.size());
  Put(attribute, std::span(terminated).first(text.size() + 1));
}

std::size_t NetlinkBatch::OpenNest(std::uint16_t attribute) {
  const std::size_t start = used_;
  Put(static_cast<std::uint16_t>(attribute | NLA_F_NESTED), {});
  return start;
}

void NetlinkBatch::CloseNest(std::size_t start) {
  if (overflowed_in_ != nullptr) return;
  const auto length = static_cast<std::uint16_t>(used_ - start);
  std::memcpy(buffer_.data() + start, &length, sizeof length);
}

Error ToError(const NetlinkFailure& failure) {
  auto error = FailErrno(failure.sys_errno, fmt::format("netlink '{}'", failure.message)).error();
  if (!failure.kernel_says.empty()) error.what += fmt::format(" ({})", failure.kernel_says);
  return error;
}

Result<Fd> OpenNetlink(int protocol) {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!socket) return FailErrno(errno, fmt::format("netlink socket, protocol '{}'", protocol));
  // Short answers with the kernel's own words. Both options are a convenience: without them the
  // answers only get longer and less clear.
  const int on = 1;
  (void)::setsockopt(socket.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  (void)::setsockopt(socket.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  return socket;
}

std::expected<void, NetlinkFailure> SendBatch(int socket, const NetlinkBatch& batch) {
  if (batch.overflowed_in() != nullptr) {
    return std::unexpected(
        NetlinkFailure{.message = batch.overflowed_in(), .sys_errno = EMSGSIZE, .kernel_says = {}});
  }
  if (batch.message_count() == 0) return {};
  const auto fail = [&batch](int error) {
    return std::unexpected(
        NetlinkFailure{.message = batch.name_of(0), .sys_errno = error, .kernel_says = {}});
  };

  const sockaddr_nl kernel{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  const auto bytes = batch.bytes();
  ssize_t sent = -1;
  do {
    sent = ::sendto(socket, bytes.data(), bytes.size(), 0,
                    reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return fail(errno);

  std::size_t missing = AnswersWanted(batch);
  alignas(NLMSG_ALIGNTO) std::array<std::byte, 8192> answer;
  while (missing > 0) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    const ssize_t got = ::recvfrom(socket, answer.data(), answer.size(), MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&from), &from_size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno == EAGAIN ? ENODATA : errno);
    if (from.nl_pid != 0) continue;
    const auto confirmed =
        CountConfirmations(std::span(answer).first(static_cast<std::size_t>(got)), batch);
    if (!confirmed) return std::unexpected(confirmed.error());
    missing -= std::min(missing, *confirmed);
  }
  return {};
}

}  // namespace ambit::sys
