#include "supervise/refused.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "event/forget.h"
#include "sys/file.h"

namespace ambit::supervise {
namespace {

class RefusedTest : public ::testing::Test {
 protected:
  RefusedTest() {
    EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
    run_ = *sys::OpenAt(AT_FDCWD, directory_.c_str(), O_RDONLY | O_DIRECTORY);
    EXPECT_TRUE(MakeDenialsFile(run_.get()));
    sink_ = *TellingSink::Open(run_.get(), plan_, std::make_unique<event::Forget>());
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void Denied(const std::string& host, std::int64_t count = 1,
              const std::string& rule = "no rule names it") {
    event::Event event{event::kDenial,
                       {{"what", std::string("resolve")}, {"host", host}, {"rule", rule}}};
    if (count > 1) event.fields.push_back({"count", count});
    sink_->Emit(event);
  }
  [[nodiscard]] const Refused& Told() const { return sink_->refused(); }

  std::string directory_ = "/tmp/refused-XXXXXX";
  Fd run_;
  plan::LaunchPlan plan_;
  std::unique_ptr<TellingSink> sink_;
};

TEST_F(RefusedTest, CountsThingsHoweverOftenTheyAreTried) {
  Denied("a.example");
  Denied("b.example");
  Denied("a.example", 40);
  EXPECT_EQ(Told().things, 2U);
  EXPECT_EQ(Told().newest->what, "resolve b.example") << "what was collected came before it";
  Denied("a.example");
  EXPECT_EQ(Told().things, 2U);
  EXPECT_EQ(Told().newest->what, "resolve a.example");
  EXPECT_FALSE(Told().more);
}

TEST_F(RefusedTest, TellsNoMoreThingsApartThanABound) {
  for (std::size_t n = 0; n < Refused::kMostThings; ++n) Denied(fmt::format("n{}.example", n));
  EXPECT_EQ(Told().things, Refused::kMostThings);
  EXPECT_FALSE(Told().more);
  Denied("last.example");
  EXPECT_EQ(Told().things, Refused::kMostThings);
  EXPECT_TRUE(Told().more);
  EXPECT_EQ(Told().newest->what, "resolve last.example");
}

TEST_F(RefusedTest, CountsWhatFailedByItself) {
  Denied("none.example", 3, "there is no such name");
  sink_->Emit({event::kEgressConnect,
               {{"host", std::string("example.com")},
                {"port", std::int64_t{81}},
                {"state", std::string("failed")},
                {"errno", std::int64_t{ECONNREFUSED}}}});
  sink_->Emit({event::kPublishConnect,
               {{"host_port", std::int64_t{81}},
                {"port", std::int64_t{81}},
                {"state", std::string("failed")},
                {"errno", std::int64_t{ECONNREFUSED}}}});
  EXPECT_EQ(Told().things, 0U);
  EXPECT_FALSE(Told().newest);
  EXPECT_EQ(Told().failed, 4U);
  EXPECT_EQ(Told().newest_failed->what, "a connection to example.com port 81");
}

}  // namespace
}  // namespace ambit::supervise
