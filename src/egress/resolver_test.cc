// The resolver of egress, against name servers of the test's own on the loopback of a network
// namespace: what c-ares makes of them is c-ares', what it is asked and for how long is ours.
#include "egress/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "egress/egress_for_test.h"

namespace ambit::egress {
namespace {

constexpr std::string_view kSilent = "127.0.0.1";
constexpr std::string_view kAnswers = "127.0.0.2";

void RaiseLoopback() {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  ASSERT_EQ(::ioctl(socket.get(), SIOCSIFFLAGS, &request), 0);
}

sockaddr_in PortOfNames(std::string_view address) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(53);
  EXPECT_EQ(::inet_pton(AF_INET, std::string(address).c_str(), &at.sin_addr), 1);
  return at;
}

/// The socket of a name server: whoever asks it waits until something is read from it.
Fd NameServerAt(std::string_view address) {
  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_in at = PortOfNames(address);
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  return socket;
}

/// Answers each question for IPv4 with 192.0.2.7, and those for IPv6 with nothing. Of the names
/// that begin with 'd' it knows nothing to say.
void AnswerForEver(int socket) {
  for (;;) {
    std::array<char, 512> question{};
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got = ::recvfrom(socket, question.data(), question.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &size);
    constexpr std::size_t kName = 12;
    if (got < static_cast<ssize_t>(kName) || question[kName + 1] == 'd') continue;
    std::size_t end = kName;
    while (question.at(end) != 0) end += 1 + static_cast<unsigned char>(question.at(end));
    const bool v4 = question.at(end + 2) == 1;
    std::string answer(question.data(), end + 5);
    answer[2] = '\x81';
    answer[3] = '\x80';
    answer[7] = v4 ? '\1' : '\0';
    answer[11] = 0;
    if (v4) answer += std::string("\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\7", 16);
    (void)::sendto(socket, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from),
                   size);
  }
}

/// Somebody who waits for a connection.
struct Client {
  explicit Client(asio::io_context& loop) {
    std::uint16_t port = 0;
    const Fd listener = ListenOnLoopback(AF_INET, port);
    theirs = ConnectLoopback(AF_INET, port);
    ours = Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    patience = Patience::Of(loop, ours.get());
  }
  Fd theirs;
  Fd ours;
  std::shared_ptr<Patience> patience;
};

struct Lookup {
  Client client;
  std::optional<Result<std::vector<policy::AddressBytes>>> result = {};
};

class Asking {
 public:
  explicit Asking(const std::vector<std::string_view>& servers) {
    auto made = Resolver::Make("");
    EXPECT_TRUE(made) << made.error().what;
    resolver_ = *std::move(made);
    resolver_->RunOn(loop_);
    std::vector<policy::AddressBytes> addresses;
    for (const std::string_view server : servers) addresses.push_back(*policy::AddressIn(server));
    resolver_->UseServers(addresses);
  }

  Lookup& Ask(const std::string& name) {
    lookups_.push_back(std::make_unique<Lookup>(Lookup{.client = Client(loop_)}));
    asio::co_spawn(loop_.get_executor(), LookUp(*HostName::Parse(name), *lookups_.back()),
                   asio::detached);
    loop_.restart();
    loop_.poll();
    return *lookups_.back();
  }
  void RunFor(milliseconds time) {
    loop_.restart();
    loop_.run_for(time);
  }
  /// How long it took to have a result, `most` at most.
  milliseconds RunUntil(const Lookup& lookup, milliseconds most) {
    const auto start = steady_clock::now();
    while (!lookup.result && steady_clock::now() - start < most) RunFor(milliseconds(20));
    return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
  }

 private:
  Task<> LookUp(HostName name, Lookup& lookup) {
    lookup.result = co_await resolver_->Resolve(name, *lookup.client.patience);
    lookup.client.patience->End();
  }

  asio::io_context loop_;
  std::unique_ptr<Resolver> resolver_;
  std::vector<std::unique_ptr<Lookup>> lookups_;
};

std::size_t QuestionsAt(const Fd& server) {
  std::array<char, 512> question{};
  std::size_t count = 0;
  while (::recv(server.get(), question.data(), question.size(), MSG_DONTWAIT) > 0) ++count;
  return count;
}

TEST(Resolver, KeepsNobodyWaitingWhoHasGone) {
  sys::InNewNetwork([] {
    RaiseLoopback();
    const Fd silent = NameServerAt(kSilent);
    Asking asking({kSilent});
    Lookup& gone = asking.Ask("a.example");
    const Lookup& stays = asking.Ask("a.example");
    asking.RunFor(milliseconds(150));
    ASSERT_FALSE(gone.result) << "it must wait, or this shows nothing";
    CloseByReset(gone.client.theirs);
    EXPECT_LT(asking.RunUntil(gone, std::chrono::seconds(10)), std::chrono::seconds(1));
    ASSERT_TRUE(gone.result);
    ASSERT_FALSE(*gone.result);
    EXPECT_EQ(gone.result->error().sys_errno, ECANCELED);
    EXPECT_FALSE(stays.result) << "nobody else's business";
  });
}

TEST(Resolver, AsksOnceForAllWhoWantTheSameName) {
  sys::InNewNetwork([] {
    RaiseLoopback();
    const Fd silent = NameServerAt(kSilent);
    Asking asking({kSilent});
    std::vector<const Lookup*> lookups;
    for (int n = 0; n < 50; ++n) lookups.push_back(&asking.Ask("a.example"));
    asking.RunFor(milliseconds(200));
    EXPECT_EQ(QuestionsAt(silent), 2U) << "one for each family";
    // Now somebody answers, and all have it.
    const ChildProcess server = Forked([&] { AnswerForEver(silent.get()); });
    asking.RunUntil(*lookups.back(), std::chrono::seconds(10));
    for (const Lookup* lookup : lookups) {
      ASSERT_TRUE(lookup->result && *lookup->result);
      EXPECT_EQ(**lookup->result, std::vector{*policy::AddressIn("192.0.2.7")});
    }
  });
}

// Nobody waits any more, and yet c-ares asks on: so there is a bound.
TEST(Resolver, AsksForABoundedNumberOfNames) {
  sys::InNewNetwork([] {
    RaiseLoopback();
    const Fd silent = NameServerAt(kSilent);
    Asking asking({kSilent});
    for (std::size_t n = 0; n < Resolver::kMostAsked; ++n) {
      Lookup& lookup = asking.Ask("n" + std::to_string(n) + ".example");
      ASSERT_FALSE(lookup.result) << n;
      lookup.client.theirs.Reset();
    }
    const Lookup& more = asking.Ask("more.example");
    ASSERT_TRUE(more.result);
    ASSERT_FALSE(*more.result);
    EXPECT_EQ(more.result->error().code, Errc::kLimit);
    EXPECT_FALSE(asking.Ask("n1.example").result) << "that is one of them";
  });
}

// The first server is silent, so that all depends on when the second one is asked.
TEST(Resolver, TriesTheNextServerInTimeWhateverElseIsAsked) {
  sys::InNewNetwork([] {
    RaiseLoopback();
    const Fd silent = NameServerAt(kSilent);
    const Fd second = NameServerAt(kAnswers);
    const ChildProcess server = Forked([&] { AnswerForEver(second.get()); });
    Asking asking({kSilent, kAnswers});
    asking.Ask("dead.example");
    asking.RunFor(milliseconds(4150));  // asked twice of each; the next time comes at 8 s
    const Lookup& quick = asking.Ask("quick.example");
    EXPECT_LT(asking.RunUntil(quick, std::chrono::seconds(10)), milliseconds(2900));
    EXPECT_TRUE(quick.result && *quick.result);
  });
}

}  // namespace
}  // namespace ambit::egress
