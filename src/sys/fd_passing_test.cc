#include "sys/fd_passing.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <vector>

#include "sys/new_network_for_test.h"

namespace ambit::sys {
namespace {

constexpr std::array kOneByte = {std::byte{'x'}};

Fd OpenNull() { return Fd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }

std::size_t OpenDescriptors() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    (void)entry;
    ++count;
  }
  return count;
}

ino_t InodeOf(int fd) {
  struct stat info{};
  EXPECT_EQ(::fstat(fd, &info), 0);
  return info.st_ino;
}

TEST(FdPassing, DeliversBytesAndDescriptorsInOrderAndCloseOnExec) {
  const auto pair = MakeSeqpacketPair();
  ASSERT_TRUE(pair);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), 0), 0);
  const Fd read_end(ends[0]);
  const Fd write_end(ends[1]);
  const Fd null = OpenNull();
  const std::array fds = {read_end.get(), null.get()};
  ASSERT_TRUE(SendFds(pair->first.get(), kOneByte, fds));

  std::array<std::byte, 8> buffer{};
  std::array<Fd, 4> received;
  const auto got = ReceiveFds(pair->second.get(), buffer, received);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->bytes, 1U);
  EXPECT_EQ(buffer[0], std::byte{'x'});
  ASSERT_EQ(got->fds, 2U);
  EXPECT_EQ(InodeOf(received[0].get()), InodeOf(read_end.get()));
  EXPECT_EQ(InodeOf(received[1].get()), InodeOf(null.get()));
  EXPECT_EQ(::fcntl(received[0].get(), F_GETFD), FD_CLOEXEC);
  EXPECT_FALSE(received[2]);
}

// For each number of descriptors that is agreed on, one more is refused and nothing leaks; an odd
// number is where the padding of the control buffer would let one more through.
TEST(FdPassing, RefusesMoreDescriptorsThanAgreedAndClosesThemAll) {
  const auto pair = MakeSeqpacketPair();
  ASSERT_TRUE(pair);
  const Fd null = OpenNull();
  const std::vector<int> five(5, null.get());
  for (std::size_t agreed = 0; agreed < 5; ++agreed) {
    const std::size_t before = OpenDescriptors();
    ASSERT_TRUE(SendFds(pair->first.get(), kOneByte, std::span(five).first(agreed + 1)));
    std::array<std::byte, 8> buffer{};
    std::vector<Fd> received(agreed);
    const auto got = ReceiveFds(pair->second.get(), buffer, received);
    ASSERT_FALSE(got) << agreed;
    EXPECT_EQ(got.error().code, Errc::kLimit);
    EXPECT_EQ(OpenDescriptors(), before) << agreed;
  }
}

TEST(FdPassing, RefusesALongerMessageAndClosesItsDescriptors) {
  const auto pair = MakeSeqpacketPair();
  ASSERT_TRUE(pair);
  const Fd null = OpenNull();
  const std::array fds = {null.get()};
  const std::array<std::byte, 9> long_message{};
  const std::size_t before = OpenDescriptors();
  ASSERT_TRUE(SendFds(pair->first.get(), long_message, fds));
  std::array<std::byte, 8> buffer{};
  std::array<Fd, 1> received;
  EXPECT_FALSE(ReceiveFds(pair->second.get(), buffer, received));
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST(FdPassing, ReportsDescriptorsThatTheProcessHasNoRoomFor) {
  InForkedChild([] {
    const auto pair = MakeSeqpacketPair();
    ASSERT_TRUE(pair);
    const Fd null = OpenNull();
    const std::array fds = {null.get(), null.get(), null.get()};
    ASSERT_TRUE(SendFds(pair->first.get(), kOneByte, fds));
    const std::size_t before = OpenDescriptors();
    const auto lowest_free = static_cast<rlim_t>(::dup(null.get()));
    ::close(static_cast<int>(lowest_free));
    const rlimit room_for_one{.rlim_cur = lowest_free + 1, .rlim_max = lowest_free + 1};
    rlimit old{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
    const rlimit soft{.rlim_cur = room_for_one.rlim_cur, .rlim_max = old.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &soft), 0);
    std::array<std::byte, 8> buffer{};
    std::array<Fd, 3> received;
    EXPECT_FALSE(ReceiveFds(pair->second.get(), buffer, received));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
    EXPECT_EQ(OpenDescriptors(), before);
  });
}

TEST(FdPassing, CarriesTheMostTheKernelTakesAndRefusesMoreItself) {
  const auto pair = MakeSeqpacketPair();
  ASSERT_TRUE(pair);
  const Fd null = OpenNull();
  const std::vector<int> most(kMaxPassedFds, null.get());
  ASSERT_TRUE(SendFds(pair->first.get(), kOneByte, most));
  std::array<std::byte, 1> buffer{};
  std::vector<Fd> received(kMaxPassedFds);
  const auto got = ReceiveFds(pair->second.get(), buffer, received);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->fds, kMaxPassedFds);

  const std::vector<int> too_many(kMaxPassedFds + 1, null.get());
  const auto refused = SendFds(pair->first.get(), kOneByte, too_many);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kInvalidArgument);
}

TEST(FdPassing, TellsTheEndFromAMessage) {
  auto pair = MakeSeqpacketPair();
  ASSERT_TRUE(pair);
  EXPECT_FALSE(SendFds(pair->first.get(), {}, {}));
  pair->first.Reset();
  std::array<std::byte, 8> buffer{};
  const auto got = ReceiveFds(pair->second.get(), buffer, {});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->bytes, 0U);
  EXPECT_FALSE(SendFds(pair->second.get(), kOneByte, {}));  // EPIPE, no SIGPIPE
}

}  // namespace
}  // namespace ambit::sys
