#include "egress/resolver.h"

#include <errno.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace ambit::egress {
namespace {

constexpr int kTimeoutMs = 2000;  // of the first try; c-ares doubles it
constexpr int kTries = 3;
constexpr std::size_t kMostAddresses = 16;
constexpr std::chrono::hours kNever(24 * 365);
/// What an answer says of how long it holds is its sender's: a name that moves is not to be lost
/// for long.
constexpr std::chrono::seconds kLongestKept(60);
constexpr std::size_t kMostRemembered = 256;

policy::AddressBytes Bytes(const sockaddr& address) {
  policy::AddressBytes bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  } else {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::memcpy(bytes.data() + 12, &v4.sin_addr, sizeof v4.sin_addr);
  }
  return bytes;
}

std::unexpected<Error> Failed(const HostName& name, int status) {
  const bool none = status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_ENONAME;
  return Fail(none ? Errc::kNotFound : Errc::kIo,
              fmt::format("resolve '{}': {}", name.text(), ares_strerror(status)));
}

}  // namespace

/// One socket of c-ares on our loop. Closed, it is c-ares' to close.
struct Resolver::Watch {
  explicit Watch(asio::io_context& loop) : socket(loop) {}
  ~Watch() {
    if (socket.is_open()) (void)socket.release();
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  Descriptor socket;
  bool reading = false;
  bool writing = false;
  bool wants_read = false;
  bool wants_write = false;
};

/// What c-ares finds. It lives until c-ares has said so, whoever still waits for it.
struct Resolver::Answer {
  Answer(Resolver& owner, HostName to_name)
      : resolver(owner), name(std::move(to_name)), here(owner.loop_->get_executor()) {
    here.expires_after(kNever);
  }
  Resolver& resolver;
  HostName name;
  int status = ARES_SUCCESS;
  bool done = false;
  std::chrono::seconds ttl = kLongestKept;  // of the address that is forgotten first
  std::vector<policy::AddressBytes> addresses;
  Timer here;
};

void Resolver::RunOn(asio::io_context& loop) {
  loop_ = &loop;
  time_.emplace(loop.get_executor());
}

Resolver::~Resolver() {
  if (channel_ != nullptr) ares_destroy(channel_);
}

Result<std::unique_ptr<Resolver>> Resolver::Make(std::string_view hosts) {
  std::unique_ptr<Resolver> resolver(new Resolver);
  resolver->UseHosts(hosts);
  std::string lookups = "b";  // name servers alone: the file is ours, and c-ares opens it each time
  ares_options options{};
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
  options.timeout = kTimeoutMs;
  options.tries = kTries;
  options.lookups = lookups.data();
  options.sock_state_cb = [](void* self, ares_socket_t socket, int readable, int writable) {
    static_cast<Resolver*>(self)->OnSocketState(socket, readable != 0, writable != 0);
  };
  options.sock_state_cb_data = resolver.get();
  const int status = ares_init_options(&resolver->channel_, &options,
                                       ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                           ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
  if (status != ARES_SUCCESS) {
    return Fail(Errc::kIo, fmt::format("make a resolver: {}", ares_strerror(status)),
                "see /etc/resolv.conf of the host");
  }
  return resolver;
}

Task<Result<std::vector<policy::AddressBytes>>> Resolver::Resolve(const HostName& name,
                                                                  Patience& patience) {
  if (const auto known = hosts_.find(name); known != hosts_.end()) co_return known->second;
  if (const auto* fresh = Remembered(name)) co_return *fresh;
  std::shared_ptr<Answer> answer;
  do {
    answer = Ask(name);
    if (!answer) co_return Fail(Errc::kLimit, "too many names are looked up at once");
    co_await WaitFor(answer, patience);
    if (!answer->done) co_return FailErrno(ECANCELED, "resolve for a client that has gone");
  } while (answer->status == ARES_ECANCELLED);  // others are to be asked
  if (answer->status != ARES_SUCCESS) co_return Failed(name, answer->status);
  if (answer->addresses.empty()) co_return Failed(name, ARES_ENODATA);
  co_return answer->addresses;
}

Task<> Resolver::WaitFor(std::shared_ptr<Answer> answer, Patience& patience) {
  patience.WakeBy([answer] { answer->here.cancel(); });
  while (!answer->done && !patience.over()) co_await Wait(answer->here);
  patience.WakeBy({});
}

const std::vector<policy::AddressBytes>* Resolver::Remembered(const HostName& name) const {
  const auto known = remembered_.find(name);
  if (known == remembered_.end() || known->second.until <= std::chrono::steady_clock::now()) {
    return nullptr;
  }
  return &known->second.addresses;
}

void Resolver::Remember(const HostName& name, const Answer& answer) {
  if (answer.ttl <= std::chrono::seconds(0)) return;
  if (remembered_.size() >= kMostRemembered) remembered_.clear();
  remembered_.insert_or_assign(
      name, Known{.addresses = answer.addresses,
                  .until = std::chrono::steady_clock::now() + std::min(answer.ttl, kLongestKept)});
}

/// Nothing: as many are asked for as may be.
std::shared_ptr<Resolver::Answer> Resolver::Ask(const HostName& name) {
  if (const auto asked = asked_.find(name); asked != asked_.end()) return asked->second;
  if (asked_.size() >= kMostAsked) return nullptr;
  auto answer = std::make_shared<Answer>(*this, name);
  asked_.emplace(name, answer);
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ares_getaddrinfo(
      channel_, name.text().c_str(), nullptr, &hints,
      [](void* data, int status, int, ares_addrinfo* found) {
        auto& to = *static_cast<Answer*>(data);
        to.resolver.OnFound(to, status, found);
        if (found != nullptr) ares_freeaddrinfo(found);
      },
      answer.get());
  WakeTime();
  return answer;
}

void Resolver::OnFound(Answer& answer, int status, const ares_addrinfo* found) {
  answer.done = true;
  answer.status = status;
  for (auto* node = found != nullptr ? found->nodes : nullptr;
       node != nullptr && answer.addresses.size() < kMostAddresses; node = node->ai_next) {
    answer.addresses.push_back(Bytes(*node->ai_addr));
    answer.ttl = std::min(answer.ttl, std::chrono::seconds(node->ai_ttl));
  }
  if (!answer.addresses.empty()) Remember(answer.name, answer);
  answer.here.cancel();
  asked_.erase(HostName(answer.name));  // with it the answer goes, when nobody waits
}

void Resolver::UseServers(const std::vector<policy::AddressBytes>& servers) {
  std::vector<ares_addr_node> nodes(servers.size());
  for (std::size_t at = 0; at < servers.size(); ++at) {
    ares_addr_node& node = nodes[at];
    const bool v4 = policy::IsV4(servers[at]);
    node.next = at + 1 < nodes.size() ? &nodes[at + 1] : nullptr;
    node.family = v4 ? AF_INET : AF_INET6;
    if (v4)
      std::memcpy(&node.addr.addr4, servers[at].data() + 12, sizeof node.addr.addr4);
    else
      std::memcpy(&node.addr.addr6, servers[at].data(), sizeof node.addr.addr6);
  }
  remembered_.clear();
  // c-ares changes its servers only while it waits for none.
  ares_cancel(channel_);
  (void)ares_set_servers(channel_, nodes.data());
}

void Resolver::UseHosts(std::string_view hosts) {
  hosts_ = ParseHostsFile(hosts, [](const HostName&) { return true; });
  remembered_.clear();
}

void Resolver::OnSocketState(ares_socket_t socket, bool readable, bool writable) {
  auto& watch = watches_[socket];
  if (!readable && !writable) {
    // c-ares closes it next: whoever waits for it is woken with an error.
    if (watch && watch->socket.is_open()) (void)watch->socket.release();
    watches_.erase(socket);
    return;
  }
  if (!watch) {
    watch = std::make_shared<Watch>(*loop_);
    boost::system::error_code error;
    watch->socket.assign(socket, error);
    if (error) return;  // its question runs into its time limit
  }
  watch->wants_read = readable;
  watch->wants_write = writable;
  for (const bool reading : {true, false}) {
    const bool wanted = reading ? readable : writable;
    bool& waiting = reading ? watch->reading : watch->writing;
    if (!wanted || waiting) continue;
    waiting = true;
    asio::co_spawn(loop_->get_executor(), WatchSocket(watch, reading), asio::detached);
  }
}

Task<> Resolver::WatchSocket(std::shared_ptr<Watch> watch, bool for_reading) {
  const bool& wanted = for_reading ? watch->wants_read : watch->wants_write;
  while (watch->socket.is_open() && wanted) {
    const auto kind = for_reading ? Descriptor::wait_read : Descriptor::wait_write;
    if (co_await Ready(watch->socket, kind)) break;
    const ares_socket_t socket = watch->socket.native_handle();
    ares_process_fd(channel_, for_reading ? socket : ARES_SOCKET_BAD,
                    for_reading ? ARES_SOCKET_BAD : socket);
  }
  (for_reading ? watch->reading : watch->writing) = false;
}

/// c-ares only looks at its time limits when it is called, and a new question may have one that is
/// sooner than those of the others.
void Resolver::WakeTime() {
  if (timing_) {
    time_->cancel();
    return;
  }
  timing_ = true;
  asio::co_spawn(loop_->get_executor(), WatchTime(), asio::detached);
}

Task<> Resolver::WatchTime() {
  timeval until{};
  while (ares_timeout(channel_, nullptr, &until) != nullptr) {
    time_->expires_after(std::chrono::seconds(until.tv_sec) +
                         std::chrono::microseconds(until.tv_usec));
    co_await Wait(*time_);
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  }
  timing_ = false;
}

}  // namespace ambit::egress
