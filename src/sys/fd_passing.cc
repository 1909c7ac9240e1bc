#include "sys/fd_passing.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstring>

namespace ambit::sys {
namespace {

struct ControlBuffer {
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kMaxPassedFds)> bytes{};
};

/// Adopts every descriptor of the message; those that `fds` has no room for are closed.
std::size_t AdoptFds(msghdr& message, std::span<Fd> fds) {
  std::size_t count = 0;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t here = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < here; ++i, ++count) {
      int raw = -1;
      std::memcpy(&raw, CMSG_DATA(part) + i * sizeof raw, sizeof raw);
      Fd owned(raw);
      if (count < fds.size()) fds[count] = std::move(owned);
    }
  }
  return count;
}

}  // namespace

Result<SeqpacketPair> MakeSeqpacketPair() {
  std::array<int, 2> raw{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, raw.data()) != 0) {
    return FailErrno(errno, "socketpair");
  }
  return SeqpacketPair{.first = Fd(raw[0]), .second = Fd(raw[1])};
}

Result<StreamPair> MakeStreamPair() {
  std::array<int, 2> raw{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, raw.data()) != 0) {
    return FailErrno(errno, "socketpair");
  }
  // The host's net.core.wmem_max cuts it, but for who may change that.
  constexpr int kBytes = 4 << 20;
  if (::setsockopt(raw[1], SOL_SOCKET, SO_SNDBUFFORCE, &kBytes, sizeof kBytes) != 0) {
    (void)::setsockopt(raw[1], SOL_SOCKET, SO_SNDBUF, &kBytes, sizeof kBytes);
  }
  return StreamPair{.first = Fd(raw[0]), .second = Fd(raw[1])};
}

Status SendFds(int socket, std::span<const std::byte> bytes, std::span<const int> fds) {
  if (bytes.empty()) return Fail(Errc::kInvalidArgument, "send descriptors: empty message");
  if (fds.size() > kMaxPassedFds) {
    return Fail(Errc::kInvalidArgument, "send descriptors: too many for one message");
  }
  iovec data{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  ControlBuffer control;
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(part), fds.data(), fds.size_bytes());
  }
  ssize_t sent = -1;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return FailErrno(errno, "send descriptors");
  return {};
}

Result<Received> ReceiveFds(int socket, std::span<std::byte> buffer, std::span<Fd> fds) {
  if (fds.size() > kMaxPassedFds) {
    return Fail(Errc::kInvalidArgument, "receive descriptors: more than one message can carry");
  }
  iovec data{.iov_base = buffer.data(), .iov_len = buffer.size()};
  ControlBuffer control;
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.bytes.data();
    // CMSG_LEN, not CMSG_SPACE: the padding of an odd count would hold one descriptor more.
    message.msg_controllen = CMSG_LEN(fds.size() * sizeof(int));
  }
  ssize_t got = -1;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return FailErrno(errno, "receive descriptors");

  const std::size_t count = AdoptFds(message, fds);
  // Cut although there was room: the kernel found no free number for the next descriptor.
  if ((message.msg_flags & MSG_CTRUNC) != 0 && count < fds.size()) {
    for (Fd& fd : fds) fd.Reset();
    return FailErrno(EMFILE, "receive descriptors");
  }
  if (count > fds.size() || (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0) {
    for (Fd& fd : fds) fd.Reset();
    return Fail(Errc::kLimit, "receive descriptors: message larger than agreed");
  }
  return Received{.bytes = static_cast<std::size_t>(got), .fds = count};
}

}  // namespace ambit::sys
