// The two ends of what bench/egress measures.
//   origin ADDRESS     answers every question of its name server (127.0.0.53) with ADDRESS, and on
//                      ADDRESS, port 5000, sends as many bytes as each 8 bytes it gets ask for
//   client NAME [ADDRESS PORT]   reads commands, one a line, and answers each with one line; with
//                      ADDRESS and PORT it goes through a proxy there: by CONNECT, or as it is when
//                      NAME is "-"
//     get COUNT BYTES  seconds for BYTES over COUNT connections at once
//     setup COUNT      microseconds from the name to its first byte: median and 99th percentile of
//                      as many, a millisecond apart
//     hold COUNT       opens COUNT connections more; each has moved 100 kB, and there is more for
//                      it that nobody reads; they stay
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr std::uint16_t kPort = 5000;
constexpr std::size_t kBlock = 256 << 10;
using Clock = std::chrono::steady_clock;

[[noreturn]] void Die(const std::string& what) {
  fmt::print(stderr, "egress_peer: {}: {}\n", what, std::strerror(errno));
  std::exit(1);
}

int Check(int result, const char* what) {
  if (result < 0) Die(what);
  return result;
}

sockaddr_in At(const std::string& address, std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &at.sin_addr) != 1) Die(address);
  return at;
}

int Bound(int type, const std::string& address, std::uint16_t port) {
  const int fd = Check(::socket(AF_INET, type, 0), "socket");
  const int one = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const sockaddr_in at = At(address, port);
  Check(::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at), "bind");
  return fd;
}

void Watch(int epoll, int fd, std::uint32_t events, int how = EPOLL_CTL_ADD) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  Check(::epoll_ctl(epoll, how, fd, &event), "epoll_ctl");
}

/// Origin: who it is asked for and what is still owed to whom.
class Origin {
 public:
  explicit Origin(const std::string& address)
      : address_(At(address, 0)),
        names_(Bound(SOCK_DGRAM, "127.0.0.53", 53)),
        listener_(Bound(SOCK_STREAM | SOCK_NONBLOCK, address, kPort)) {
    Check(::listen(listener_, 4096), "listen");
    Watch(epoll_, names_, EPOLLIN);
    Watch(epoll_, listener_, EPOLLIN);
  }

  [[noreturn]] void Serve() {
    std::array<epoll_event, 256> events{};
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events.at(static_cast<std::size_t>(i)).data.fd;
        if (fd == names_) {
          AnswerName();
        } else if (fd == listener_) {
          Accept();
        } else {
          Go(fd);
        }
      }
    }
  }

 private:
  void AnswerName() {
    std::array<unsigned char, 1500> message{};
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    const ssize_t got =
        ::recvfrom(names_, message.data(), 512, 0, reinterpret_cast<sockaddr*>(&peer), &size);
    if (got < 17) return;
    std::size_t end = 12;  // of the name
    while (end < 500 && message.at(end) != 0) end += message.at(end) + 1U;
    end += 5;
    const bool v4 = message.at(end - 3) == 1;
    constexpr std::array<unsigned char, 10> kHead = {0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0};
    std::ranges::copy(kHead, message.begin() + 2);
    if (v4) {
      message[7] = 1;
      constexpr std::array<unsigned char, 12> kRecord = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4};
      std::ranges::copy(kRecord, message.begin() + static_cast<std::ptrdiff_t>(end));
      std::memcpy(message.data() + end + kRecord.size(), &address_.sin_addr, 4);
      end += kRecord.size() + 4;
    }
    ::sendto(names_, message.data(), end, 0, reinterpret_cast<sockaddr*>(&peer), size);
  }

  void Accept() {
    for (int fd = 0; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      const int one = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      owed_[fd] = 0;
      Watch(epoll_, fd, EPOLLIN);
    }
  }

  void Go(int fd) {
    std::uint64_t& owed = owed_[fd];
    if (owed == 0) {
      const ssize_t got = ::recv(fd, &owed, sizeof owed, 0);
      if (got != sizeof owed) return End(fd);
    }
    const ssize_t sent = ::send(fd, block_.data(), std::min<std::size_t>(owed, block_.size()),
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return End(fd);
    if (sent > 0) owed -= static_cast<std::uint64_t>(sent);
    Watch(epoll_, fd, owed > 0 ? EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
  }

  void End(int fd) {
    owed_.erase(fd);
    ::close(fd);
  }

  sockaddr_in address_;
  int epoll_ = Check(::epoll_create1(0), "epoll_create1");
  int names_;
  int listener_;
  std::map<int, std::uint64_t> owed_;
  std::string block_ = std::string(kBlock, 'x');
};

class Client {
 public:
  Client(std::string name, std::string proxy, std::uint16_t proxy_port)
      : name_(std::move(name)), proxy_(std::move(proxy)), proxy_port_(proxy_port) {}

  std::string Get(std::size_t count, std::uint64_t bytes) const {
    std::vector<int> sockets;
    for (std::size_t i = 0; i < count; ++i) sockets.push_back(Connect());
    const auto start = Clock::now();
    for (const int fd : sockets) Ask(fd, bytes / count);
    ReceiveAll(sockets, bytes / count);
    const std::chrono::duration<double> took = Clock::now() - start;
    for (const int fd : sockets) ::close(fd);
    return fmt::format("{:.6f}", took.count());
  }

  std::string SetUp(std::size_t count) const {
    constexpr useconds_t kForTheEndOfTheOneBefore = 1000;
    std::vector<double> times;
    for (std::size_t i = 0; i < count; ++i) {
      ::usleep(kForTheEndOfTheOneBefore);
      const auto start = Clock::now();
      const int fd = Connect();
      Ask(fd, 1);
      char byte = 0;
      if (::recv(fd, &byte, 1, 0) != 1) Die("first byte");
      times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
      ::close(fd);
    }
    std::ranges::sort(times);
    return fmt::format("{:.1f} {:.1f}", times[count / 2], times[count * 99 / 100]);
  }

  std::string Hold(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      constexpr std::uint64_t kSome = 100'000;
      held_.push_back(Connect());
      Ask(held_.back(), kSome);
      ReceiveAll({held_.back()}, kSome);
      Ask(held_.back(), 10 * kSome);
    }
    return fmt::format("{}", held_.size());
  }

 private:
  int Connect() const {
    sockaddr_in to = proxy_.empty() ? Resolve() : At(proxy_, proxy_port_);
    const int fd = Check(::socket(AF_INET, SOCK_STREAM, 0), "socket");
    Check(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), "connect");
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!proxy_.empty() && name_ != "-") AskProxy(fd);
    return fd;
  }

  sockaddr_in Resolve() const {
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(name_.c_str(), nullptr, &hints, &found) != 0) Die("getaddrinfo " + name_);
    sockaddr_in to{};
    std::memcpy(&to, found->ai_addr, sizeof to);
    ::freeaddrinfo(found);
    to.sin_port = htons(kPort);
    return to;
  }

  void AskProxy(int fd) const {
    const std::string request =
        fmt::format("CONNECT {0}:{1} HTTP/1.1\r\nHost: {0}:{1}\r\n\r\n", name_, kPort);
    if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) Die("send to the proxy");
    std::string answer;
    while (!answer.ends_with("\r\n\r\n")) {
      char byte = 0;
      if (::recv(fd, &byte, 1, 0) != 1) Die("answer of the proxy");
      answer += byte;
    }
    if (answer.find(" 200") == std::string::npos) Die(answer);
  }

  static void Ask(int fd, std::uint64_t bytes) {
    if (::send(fd, &bytes, sizeof bytes, MSG_NOSIGNAL) != sizeof bytes) Die("send");
  }

  static void ReceiveAll(const std::vector<int>& sockets, std::uint64_t each) {
    std::vector<char> block(kBlock);
    std::map<int, std::uint64_t> missing;
    const int epoll = Check(::epoll_create1(0), "epoll_create1");
    for (const int fd : sockets) {
      missing[fd] = each;
      Watch(epoll, fd, EPOLLIN);
    }
    std::array<epoll_event, 64> events{};
    while (!missing.empty()) {
      const int count = ::epoll_wait(epoll, events.data(), events.size(), 20'000);
      if (count <= 0) Die("nothing comes any more");
      for (int i = 0; i < count; ++i) {
        const int fd = events.at(static_cast<std::size_t>(i)).data.fd;
        const ssize_t got = ::recv(fd, block.data(), block.size(), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) Die("a connection ended early");
        if (got > 0) missing[fd] -= static_cast<std::uint64_t>(got);
        if (missing[fd] > 0) continue;
        missing.erase(fd);
        Watch(epoll, fd, 0, EPOLL_CTL_MOD);
      }
    }
    ::close(epoll);
  }

  std::string name_;
  std::string proxy_;
  std::uint16_t proxy_port_;
  std::vector<int> held_;
};

int Obey(Client client) {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command;
    std::size_t count = 0;
    std::uint64_t bytes = 0;
    words >> command >> count >> bytes;
    if (command == "get") fmt::print("{}\n", client.Get(count, bytes));
    if (command == "setup") fmt::print("{}\n", client.SetUp(count));
    if (command == "hold") fmt::print("{}\n", client.Hold(count));
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 2 && words[0] == "origin") Origin(words[1]).Serve();
  if (words.size() == 2 && words[0] == "client") return Obey(Client(words[1], "", 0));
  if (words.size() == 4 && words[0] == "client") {
    return Obey(Client(words[1], words[2], static_cast<std::uint16_t>(std::stoi(words[3]))));
  }
  fmt::print(stderr, "usage: egress_peer origin ADDRESS | client NAME [ADDRESS PORT]\n");
  return 2;
}
