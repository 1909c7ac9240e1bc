#include "egress/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <vector>

#include <boost/asio/co_spawn.hpp>

#include "egress/loopback_for_test.h"

namespace ambit::egress {
namespace {

Descriptor Watched(asio::io_context& loop, Fd fd) {
  EXPECT_EQ(::fcntl(fd.get(), F_SETFL, O_NONBLOCK), 0);
  return Descriptor(loop, std::move(fd).Release());
}

char ByteAt(std::size_t position) { return static_cast<char>((position * 2654435761U) >> 13U); }

void WriteStream(int socket, std::size_t total) {
  std::vector<char> block(100'000);
  for (std::size_t at = 0; at < total;) {
    const std::size_t size = std::min(block.size(), total - at);
    for (std::size_t i = 0; i < size; ++i) block[i] = ByteAt(at + i);
    const ssize_t sent = ::send(socket, block.data(), size, MSG_NOSIGNAL);
    if (sent <= 0) return;
    at += static_cast<std::size_t>(sent);
  }
}

/// How many bytes came intact before the end of the stream.
std::size_t ReadStream(int socket, std::chrono::microseconds pause) {
  std::vector<char> block(50'000);
  std::size_t at = 0;
  for (;;) {
    const ssize_t got = ::recv(socket, block.data(), block.size(), 0);
    if (got <= 0) return at;
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i, ++at) {
      if (block[i] != ByteAt(at)) return at;
    }
    if (pause.count() > 0) ::usleep(static_cast<useconds_t>(pause.count()));
  }
}

/// Runs `body` in a child process that ends with it.
template <class Body>
pid_t InBackground(Body body) {
  const pid_t pid = ::fork();
  EXPECT_GE(pid, 0);
  if (pid == 0) {
    body();
    ::_exit(0);
  }
  return pid;
}

struct Outcome {
  int error = -1;
  std::uint64_t moved = 0;
  std::size_t received = 0;
};

/// One stream of `total` bytes through a Pump with `pipes` pipes, read with a pause per block.
Outcome Transfer(std::size_t pipes, std::size_t total, std::chrono::microseconds pause) {
  Ends source = Connected();
  Ends sink = Connected();
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd count_read(ends[0]);
  const Fd count_write(ends[1]);
  const pid_t writer = InBackground([&] {
    WriteStream(source.client.get(), total);
    ::shutdown(source.client.get(), SHUT_WR);
  });
  const pid_t reader = InBackground([&] {
    const std::size_t intact = ReadStream(sink.server.get(), pause);
    (void)::write(count_write.get(), &intact, sizeof intact);
  });

  asio::io_context loop(1);
  Descriptor from = Watched(loop, std::move(source.server));
  Descriptor to = Watched(loop, std::move(sink.client));
  PipePool pool(pipes);
  Outcome outcome;
  asio::co_spawn(loop.get_executor(), Pump(from, to, pool, outcome.moved),
                 [&](const std::exception_ptr&, int error) {
                   outcome.error = error;
                   ::shutdown(to.native_handle(), SHUT_WR);
                 });
  loop.run();
  EXPECT_EQ(::read(count_read.get(), &outcome.received, sizeof outcome.received),
            static_cast<ssize_t>(sizeof outcome.received));
  EXPECT_EQ(::waitpid(writer, nullptr, 0), writer);
  EXPECT_EQ(::waitpid(reader, nullptr, 0), reader);
  EXPECT_EQ(pool.lent(), 0U);
  return outcome;
}

void ExpectIntact(const Outcome& outcome, std::size_t total) {
  EXPECT_EQ(outcome.error, 0);
  EXPECT_EQ(outcome.moved, total);
  EXPECT_EQ(outcome.received, total);
}

TEST(Pump, MovesEveryByteThroughAPipe) {
  ExpectIntact(Transfer(1, 20'000'000, std::chrono::microseconds(0)), 20'000'000);
}

TEST(Pump, MovesEveryByteWithoutAnyPipe) {
  ExpectIntact(Transfer(0, 20'000'000, std::chrono::microseconds(0)), 20'000'000);
}

TEST(Pump, WaitsForASlowReader) {
  ExpectIntact(Transfer(1, 12'000'000, std::chrono::microseconds(200)), 12'000'000);
  ExpectIntact(Transfer(0, 12'000'000, std::chrono::microseconds(200)), 12'000'000);
}

TEST(Pump, PassesAnEmptyStream) { ExpectIntact(Transfer(1, 0, std::chrono::microseconds(0)), 0); }

int BreakWith(std::size_t pipes, bool break_source) {
  Ends source = Connected();
  Ends sink = Connected();
  asio::io_context loop(1);
  Descriptor from = Watched(loop, std::move(source.server));
  Descriptor to = Watched(loop, std::move(sink.client));
  PipePool pool(pipes);
  std::uint64_t moved = 0;
  int result = -1;
  asio::co_spawn(loop.get_executor(), Pump(from, to, pool, moved),
                 [&](const std::exception_ptr&, int error) { result = error; });
  CloseByReset(break_source ? source.client : sink.server);
  if (!break_source) {
    WriteStream(source.client.get(), 10'000);
  }
  loop.run();
  EXPECT_EQ(pool.lent(), 0U);
  return result;
}

TEST(Pump, TellsABrokenSideFromAnEnd) {
  for (const std::size_t pipes : {std::size_t{0}, std::size_t{1}}) {
    EXPECT_EQ(BreakWith(pipes, true), ECONNRESET) << pipes;
    const int sink_error = BreakWith(pipes, false);
    EXPECT_TRUE(sink_error == EPIPE || sink_error == ECONNRESET) << pipes << ": " << sink_error;
  }
}

TEST(Pump, EndsWhenItsSocketsAreClosed) {
  Ends source = Connected();
  Ends sink = Connected();
  asio::io_context loop(1);
  Descriptor from = Watched(loop, std::move(source.server));
  Descriptor to = Watched(loop, std::move(sink.client));
  PipePool pool(1);
  std::uint64_t moved = 0;
  int result = -1;
  asio::co_spawn(loop.get_executor(), Pump(from, to, pool, moved),
                 [&](const std::exception_ptr&, int error) { result = error; });
  loop.poll();
  EXPECT_EQ(result, -1);
  EXPECT_EQ(pool.lent(), 0U) << "an idle connection holds no pipe";
  from.close();
  to.close();
  loop.run();
  EXPECT_EQ(result, ECANCELED);
}

}  // namespace
}  // namespace ambit::egress
