#include "supervise/unheld_line.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/fd.h"

namespace ambit::supervise {
namespace {

constexpr std::string_view kLine = "ambit: the run waits\n";

struct Pair {
  Fd reader;
  Fd writer;
};

Pair Pipe() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  return {.reader = Fd(ends[0]), .writer = Fd(ends[1])};
}

Pair Sockets() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  return {.reader = Fd(ends[0]), .writer = Fd(ends[1])};
}

/// As a program inside does whose output nobody reads.
void Fill(const Pair& pair) {
  const int before = ::fcntl(pair.writer.get(), F_GETFL);
  ::fcntl(pair.writer.get(), F_SETFL, before | O_NONBLOCK);
  const std::string much(4096, 'x');
  while (::write(pair.writer.get(), much.data(), much.size()) > 0) continue;
  while (::write(pair.writer.get(), much.data(), 1) > 0) continue;
  ::fcntl(pair.writer.get(), F_SETFL, before);
}

std::string ReadFrom(int fd) {
  std::array<char, 256> bytes{};
  const ssize_t got = ::read(fd, bytes.data(), bytes.size());
  return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

TEST(UnheldLine, IsWhatTheReaderGets) {
  for (const Pair& pair : {Pipe(), Sockets()}) {
    EXPECT_TRUE(WriteUnheld(pair.writer.get(), kLine));
    EXPECT_EQ(ReadFrom(pair.reader.get()), kLine);
    EXPECT_EQ(::fcntl(pair.writer.get(), F_GETFL) & O_NONBLOCK, 0) << "it is the program's as well";
  }
}

TEST(UnheldLine, WaitsForNobodyWhoDoesNotRead) {
  for (const Pair& pair : {Pipe(), Sockets()}) {
    Fill(pair);
    EXPECT_FALSE(WriteUnheld(pair.writer.get(), kLine));
  }
}

TEST(UnheldLine, EndsNobodyWhenTheReaderIsGone) {
  for (Pair& pair : std::array{Pipe(), Sockets()}) {
    pair.reader.Reset();
    EXPECT_FALSE(WriteUnheld(pair.writer.get(), kLine));
  }
  sigset_t waiting{};
  ASSERT_EQ(::sigpending(&waiting), 0);
  EXPECT_EQ(::sigismember(&waiting, SIGPIPE), 0);
}

TEST(UnheldLine, StandsBehindWhatAFileHas) {
  std::string path = ::testing::TempDir() + "unheld.XXXXXX";
  const Fd file(::mkstemp(path.data()));
  ASSERT_TRUE(file);
  ASSERT_EQ(::write(file.get(), "first\n", 6), 6);
  EXPECT_TRUE(WriteUnheld(file.get(), kLine));
  ASSERT_EQ(::write(file.get(), "last\n", 5), 5);
  ASSERT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
  EXPECT_EQ(ReadFrom(file.get()), "first\n" + std::string(kLine) + "last\n");
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace ambit::supervise
