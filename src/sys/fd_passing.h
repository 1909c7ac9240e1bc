#pragma once
// Unix sockets between the processes of a run: seqpacket pairs, and descriptors passed over them.
//
// Callers: supervisor, init and egress, also between fork and exec. Nothing here allocates but for
// an error's text. A descriptor that arrives is owned at once and always close-on-exec; when
// anything about a message is wrong, every descriptor that came with it is closed.
// Source: unix(7), cmsg(3); SCM_MAX_FD in include/net/scm.h.
#include <cstddef>
#include <span>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::sys {

/// The kernel takes no more descriptors in one message.
inline constexpr std::size_t kMaxPassedFds = 253;

struct SeqpacketPair {
  Fd first;
  Fd second;
};
Result<SeqpacketPair> MakeSeqpacketPair();

/// A stream of bytes instead, `second` with as large a buffer for what it sends as the host allows.
struct StreamPair {
  Fd first;
  Fd second;
};
Result<StreamPair> MakeStreamPair();

/// One message with `fds` attached; blocks as the socket does. `bytes` must not be empty (an empty
/// message cannot be told from the end). kInvalidArgument for more than kMaxPassedFds.
Status SendFds(int socket, std::span<const std::byte> bytes, std::span<const int> fds);

struct Received {
  std::size_t bytes = 0;  // 0: the other side is gone
  std::size_t fds = 0;
};
/// One message into `buffer`, its descriptors into the front of `fds`, whose size is the most that
/// is taken. kLimit when the message or its descriptors were larger than asked for, or when
/// the process may open no more files; nothing is then kept. EAGAIN comes as kLimit with sys_errno.
Result<Received> ReceiveFds(int socket, std::span<std::byte> buffer, std::span<Fd> fds);

}  // namespace ambit::sys
