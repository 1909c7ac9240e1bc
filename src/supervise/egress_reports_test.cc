#include "supervise/egress_reports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace ambit::supervise {
namespace {

using egress::EgressReport;
using egress::ReportKind;
using ::testing::ElementsAre;

class EgressReportsTest : public ::testing::Test {
 protected:
  EgressReportsTest() {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    ours_ = Fd(pair[0]);
    theirs_ = Fd(pair[1]);
  }
  EgressReports Within(const EventBounds& bounds) {
    return {io_, ours_.get(),
            EgressReports::Heard{.ready = [] {},
                                 .failed = [](Outcome) {},
                                 .event = [this](const event::Event& event) { Keep(event); }},
            bounds};
  }
  void Say(const EgressReport& report) const {
    ASSERT_EQ(::send(theirs_.get(), &report, sizeof report, MSG_DONTWAIT),
              static_cast<ssize_t>(sizeof report));
  }
  void Keep(const event::Event& event) {
    std::string line(event.name);
    for (const event::Field& field : event.fields) {
      if (field.name == "state") line += " " + std::get<std::string>(field.value);
      if (field.name == "connection" || field.name == "count") {
        line += " " + std::to_string(std::get<std::int64_t>(field.value));
      }
      if (field.name != "kinds") continue;
      for (const auto& kind : std::get<std::vector<std::string>>(field.value)) line += ", " + kind;
    }
    told_.push_back(std::move(line));
  }

  boost::asio::io_context io_;
  Fd ours_;
  Fd theirs_;
  std::vector<std::string> told_;
};

TEST_F(EgressReportsTest, OfAPublishedPortHaveANameOfTheirOwn) {
  EgressReports reports = Within(kEgressBounds);
  Say({.kind = ReportKind::kOpened, .port = 80, .connection = 1, .published = 8080});
  Say({.kind = ReportKind::kOpened, .port = 80, .connection = 2});
  Say({.kind = ReportKind::kClosed, .port = 80, .connection = 1, .published = 8080});
  Say({.kind = ReportKind::kUpstreamFailed, .port = 80, .published = 8080});
  reports.Finish();
  EXPECT_THAT(told_, ElementsAre("publish.connect 1 opened", "egress.connect 2 opened",
                                 "publish.connect 1 closed", "publish.connect 0 failed"));
}

/// With the same words as of names.
TEST_F(EgressReportsTest, OfARefusedAddressNameTheRange) {
  policy::NetRules rules;
  rules.allow = {*policy::ParseNetRule("0.0.0.0/0", "--allow")};
  rules.deny = {*policy::ParseNetRule("192.0.2.0/24", "ambit.toml:2:9: net.deny")};
  std::vector<std::string> told;
  const auto keep = [&](const event::Event& event) {
    for (const event::Field& field : event.fields) {
      if (field.name == "rule") told.push_back(std::get<std::string>(field.value));
    }
  };
  EgressReports reports(io_, ours_.get(),
                        {.ready = [] {}, .failed = [](Outcome) {}, .event = keep, .rules = &rules},
                        kEgressBounds);
  const auto refused = [](std::array<std::uint8_t, 16> address, std::uint16_t port) {
    EgressReport report{.kind = ReportKind::kDenied, .family = 4, .port = port};
    report.address = address;
    return report;
  };
  Say(refused({192, 0, 2, 7}, 443));
  Say(refused({10, 0, 0, 5}, 443));
  Say(refused({10, 0, 0, 5}, 22));
  reports.Finish();
  EXPECT_THAT(told, ElementsAre("192.0.2.0/24 (ambit.toml:2:9: net.deny)",
                                "no rule names it by itself: 0.0.0.0/0 (--allow) does not mean an "
                                "address of a private network",
                                "no rule names it"));
}

TEST_F(EgressReportsTest, OfAFloodAreCountedByNameAndHideNoConnection) {
  EgressReports reports =
      Within({.burst = 2, .per_second = 0, .events = 1'000, .bytes = 1'000'000});
  Say({.kind = ReportKind::kUpstreamFailed, .port = 1});
  Say({.kind = ReportKind::kDenied, .port = 2});
  for (int i = 0; i < 20; ++i) Say({.kind = ReportKind::kUpstreamFailed, .port = 1});
  for (int i = 0; i < 10; ++i) Say({.kind = ReportKind::kTooMany});
  Say({.kind = ReportKind::kDropped, .count = 7});
  reports.Finish();
  EXPECT_THAT(told_, ElementsAre("egress.connect 0 failed", "denial", "egress.connect 0 failed",
                                 "denial", "events.dropped 26, egress: 7, egress.connect: 19",
                                 "events.dropped 9, denial: 9"));
}

TEST_F(EgressReportsTest, OfAConnectionOnRecordItsEndIsToo) {
  EgressReports reports =
      Within({.burst = 5, .per_second = 0, .events = 1'000, .bytes = 1'000'000});
  for (std::uint32_t id : {1U, 2U, 3U}) Say({.kind = ReportKind::kOpened, .connection = id});
  for (std::uint32_t id : {2U, 1U}) Say({.kind = ReportKind::kClosed, .connection = id});
  // One place is left: for the end of one that was not told, and for no second end.
  for (std::uint32_t id : {3U, 1U}) Say({.kind = ReportKind::kClosed, .connection = id});
  reports.Finish();
  EXPECT_THAT(told_, ElementsAre("egress.connect 1 opened", "egress.connect 2 opened",
                                 "egress.connect 2 closed", "egress.connect 1 closed",
                                 "egress.connect 3 closed", "events.dropped 2, egress.connect: 2"));
}

}  // namespace
}  // namespace ambit::supervise
