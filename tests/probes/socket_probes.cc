// Sockets and the old ways of sharing between processes.
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "probes/probe.h"

namespace ambit::probes {
namespace {

/// FAMILY TYPE PROTOCOL as numbers.
Attempt MakeSocket(const Words& words) {
  const int fd =
      ::socket(static_cast<int>(NumberOf(words.at(0))), static_cast<int>(NumberOf(words.at(1))),
               static_cast<int>(NumberOf(words.at(2))));
  if (fd >= 0) ::close(fd);
  return FromCall(fd);
}

Attempt ConnectUnix(const std::string& name, bool abstract) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return Refused(errno);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t skip = abstract ? 1 : 0;
  if (name.size() + skip >= sizeof address.sun_path) return Refused(ENAMETOOLONG);
  name.copy(address.sun_path + skip, name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + skip + name.size());
  return FromCall(::connect(fd, reinterpret_cast<sockaddr*>(&address), length));
}

Attempt ConnectAbstract(const Words& words) { return ConnectUnix(words.at(0), true); }
Attempt ConnectPath(const Words& words) { return ConnectUnix(words.at(0), false); }

Attempt ConnectLoopback(const Words& words) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return Refused(errno);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(NumberOf(words.at(0))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return FromCall(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
}

/// Sets `lo` up, which it is: no change where it is permitted.
Attempt ChangeLink(const Words&) {
  const int fd = ::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (fd < 0) return Refused(errno);
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_NEWLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.link.ifi_index = 1;
  request.link.ifi_flags = IFF_UP;
  request.link.ifi_change = IFF_UP;
  if (::send(fd, &request, sizeof request, 0) < 0) return Refused(errno);
  struct {
    nlmsghdr header;
    nlmsgerr answer;
    char rest[256];
  } reply{};
  if (::recv(fd, &reply, sizeof reply, 0) < 0) return Refused(errno);
  return reply.answer.error == 0 ? Done() : Refused(-reply.answer.error);
}

Attempt FindSharedMemory(const Words& words) {
  return FromCall(::shmget(static_cast<key_t>(NumberOf(words.at(0))), 0, 0));
}

Attempt OpenMessageQueue(const Words& words) {
  return FromCall(::mq_open(words.at(0).c_str(), O_RDONLY));
}

}  // namespace

std::vector<NamedProbe> SocketProbes() {
  return {{"socket", MakeSocket},        {"connect-abstract", ConnectAbstract},
          {"connect-path", ConnectPath}, {"connect-loopback", ConnectLoopback},
          {"change-link", ChangeLink},   {"shmget", FindSharedMemory},
          {"mq-open", OpenMessageQueue}};
}

}  // namespace ambit::probes
