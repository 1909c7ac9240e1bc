#include "egress/reporter.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <thread>
#include <vector>

#include "base/fd.h"

namespace ambit::egress {
namespace {

/// A supervisor that has not read for a while.
class ReporterTest : public ::testing::Test {
 protected:
  ReporterTest() : control_(loop_) {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
    control_.assign(pair[0]);
    theirs_ = Fd(pair[1]);
  }
  /// Until the socket takes no more; how many it took.
  std::size_t Fill() {
    const EgressReport report{.kind = ReportKind::kDenied};
    std::size_t taken = 0;
    while (::send(control_.native_handle(), &report, sizeof report, MSG_DONTWAIT) > 0) ++taken;
    return taken;
  }
  /// Reads all there is, and lets the reporter go on until it owes nothing.
  std::vector<EgressReport> ReadAll() {
    std::vector<EgressReport> read;
    for (bool any = true; any;) {
      any = false;
      EgressReport report;
      while (::recv(theirs_.get(), &report, sizeof report, MSG_DONTWAIT) > 0) {
        any = true;
        read.push_back(report);
      }
      loop_.restart();
      any |= loop_.poll() > 0;
    }
    return read;
  }

  asio::io_context loop_;
  Descriptor control_;
  Fd theirs_;
  Reporter reporter_{control_};
};

TEST_F(ReporterTest, WhatTheSupervisorActsOnIsNotLost) {
  const std::size_t before = Fill();
  ASSERT_GT(before, 0U);
  reporter_.Send({.kind = ReportKind::kDenied});
  reporter_.Send({.kind = ReportKind::kHeld, .connection = 7});
  reporter_.Send({.kind = ReportKind::kDenied});
  reporter_.Send({.kind = ReportKind::kOutLimit, .count = 5});
  reporter_.Send({.kind = ReportKind::kLetGo, .connection = 3});
  const auto read = ReadAll();
  ASSERT_EQ(read.size(), before + 4);
  EXPECT_EQ(read[before].kind, ReportKind::kDropped);
  EXPECT_EQ(read[before].count, 2U);
  EXPECT_EQ(read[before + 1].kind, ReportKind::kHeld);
  EXPECT_EQ(read[before + 2].kind, ReportKind::kOutLimit);
  EXPECT_EQ(read[before + 2].count, 5U);
  EXPECT_EQ(read[before + 3].kind, ReportKind::kLetGo);
  EXPECT_EQ(read[before + 3].connection, 3U);
  reporter_.Send({.kind = ReportKind::kDenied});
  EXPECT_EQ(ReadAll().size(), 1U) << "nothing is owed any more";
}

TEST_F(ReporterTest, RefusalsHideNoConnectionWithinABound) {
  const std::size_t before = Fill();
  for (std::uint32_t n = 1; n <= Reporter::kMostKeptOfConnections + 10; ++n) {
    reporter_.Send({.kind = ReportKind::kNameRefused});
    reporter_.Send({.kind = ReportKind::kOpened, .connection = n});
  }
  const auto read = ReadAll();
  ASSERT_EQ(read.size(), before + 1 + Reporter::kMostKeptOfConnections);
  EXPECT_EQ(read[before].count, Reporter::kMostKeptOfConnections + 20);
  for (std::size_t n = 1; n <= Reporter::kMostKeptOfConnections; ++n) {
    ASSERT_EQ(read[before + n].connection, n);
  }
}

TEST_F(ReporterTest, TheLastWordsWaitForRoomAndForNothingElse) {
  constexpr std::uint32_t kWords = 1000;
  Fill();
  for (std::uint32_t n = 1; n <= kWords; ++n) {
    reporter_.Send({.kind = ReportKind::kClosed, .connection = n});
  }
  std::thread last([this] { reporter_.PayAllNow(); });
  for (std::uint32_t heard = 0; heard < kWords;) {
    EgressReport report;
    ASSERT_EQ(::recv(theirs_.get(), &report, sizeof report, 0),
              static_cast<ssize_t>(sizeof report));
    if (report.kind != ReportKind::kClosed) continue;
    EXPECT_EQ(report.connection, ++heard);
  }
  last.join();
}

// However long nobody reads: as many are kept as can wait at once.
TEST_F(ReporterTest, QuestionsThatAreGoneAreNotKept) {
  const std::size_t before = Fill();
  for (std::uint32_t question = 1; question < 10'000; ++question) {
    reporter_.Send({.kind = ReportKind::kHeld, .connection = question});
    reporter_.Send({.kind = ReportKind::kLetGo, .connection = question});
  }
  EXPECT_EQ(ReadAll().size(), before);
}

}  // namespace
}  // namespace ambit::egress
