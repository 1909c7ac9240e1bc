#include "egress/repeats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "base/fd.h"

namespace ambit::egress {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class RepeatsTest : public ::testing::Test {
 protected:
  RepeatsTest() : control_(loop_) {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    control_.assign(pair[0]);
    theirs_ = Fd(pair[1]);
  }
  void Refuse(const char* name) {
    repeats_.Send({.kind = ReportKind::kNameRefused, .name = TextOfName(name)});
  }
  void RefusePort(const char* name, std::uint8_t family, std::uint8_t last) {
    EgressReport report{.kind = ReportKind::kDenied, .family = family, .port = 8080};
    report.address[0] = family;
    report.address[1] = last;
    report.name = TextOfName(name);
    repeats_.Send(report);
  }
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    EgressReport report;
    while (::recv(theirs_.get(), &report, sizeof report, MSG_DONTWAIT) > 0) {
      told.push_back(std::string(NameIn(report.name)) + " " + std::to_string(report.count));
    }
    return told;
  }

  asio::io_context loop_;
  Descriptor control_;
  Fd theirs_;
  Reporter reporter_{control_};
  Repeats repeats_{loop_, reporter_};
};

TEST_F(RepeatsTest, AreCountedAndTheFirstIsToldAtOnce) {
  for (int n = 0; n < 5; ++n) Refuse("a.example");
  Refuse("b.example");
  EXPECT_THAT(Told(), ElementsAre("a.example 1", "b.example 1"));
  loop_.run();  // until nobody waits: a second
  EXPECT_THAT(Told(), ElementsAre("a.example 4"));
  Refuse("a.example");
  EXPECT_THAT(Told(), ElementsAre("a.example 1"));
}

TEST_F(RepeatsTest, InBothFamiliesOfANameAreOneTry) {
  RefusePort("a.example", 6, 1);
  RefusePort("a.example", 4, 1);
  EXPECT_THAT(Told(), ElementsAre("a.example 1"));
  loop_.run();
  EXPECT_THAT(Told(), ElementsAre());
  for (int n = 0; n < 3; ++n) {
    RefusePort("b.example", 4, 1);
    RefusePort("b.example", 6, 1);
  }
  RefusePort("b.example", 6, 1);
  loop_.restart();
  loop_.run();
  EXPECT_THAT(Told(), ElementsAre("b.example 1", "b.example 3"));
}

TEST_F(RepeatsTest, OfAddressesAreNeverOne) {
  RefusePort("", 4, 1);
  RefusePort("", 4, 2);
  RefusePort("", 6, 1);
  EXPECT_THAT(Told(), ElementsAre(" 1", " 1", " 1"));
}

TEST_F(RepeatsTest, OfManyDifferentOnesAreToldOneByOne) {
  for (std::size_t n = 0; n < Repeats::kMost; ++n) {
    Refuse(("n" + std::to_string(n) + ".example").c_str());
    ASSERT_THAT(Told(), SizeIs(1));
  }
  for (int n = 0; n < 3; ++n) Refuse("more.example");
  EXPECT_THAT(Told(), ElementsAre("more.example 1", "more.example 1", "more.example 1"));
}

}  // namespace
}  // namespace ambit::egress
