#include "supervise/bounded_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace ambit::supervise {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

class BoundedEventsTest : public ::testing::Test {
 protected:
  BoundedEvents Within(const EventBounds& bounds) {
    return {bounds, [this](const event::Event& event) { told_.push_back(event); }};
  }
  std::int64_t Count(std::size_t at) const {
    return std::get<std::int64_t>(told_.at(at).fields.at(0).value);
  }
  std::vector<std::string> Kinds(std::size_t at) const {
    return std::get<std::vector<std::string>>(told_.at(at).fields.at(1).value);
  }
  static int AdmittedOf(int tries, BoundedEvents& events) {
    int admitted = 0;
    for (int i = 0; i < tries; ++i) admitted += events.Admit(event::kFileWrite, 10) ? 1 : 0;
    return admitted;
  }

  std::vector<event::Event> told_;
};

TEST_F(BoundedEventsTest, EndAtEachBoundByItself) {
  const EventBounds wide = {
      .burst = 1e9, .per_second = 0, .events = 1'000'000, .bytes = 1'000'000'000};
  for (const auto& [change, admitted] : std::vector<std::pair<void (*)(EventBounds&), int>>{
           {[](EventBounds& bounds) { bounds.burst = 7; }, 7},
           {[](EventBounds& bounds) { bounds.events = 8; }, 8},
           {[](EventBounds& bounds) { bounds.bytes = 90; }, 9},
           {[](EventBounds&) {}, 100}}) {
    EventBounds bounds = wide;
    change(bounds);
    BoundedEvents events = Within(bounds);
    EXPECT_EQ(AdmittedOf(100, events), admitted);
    told_.clear();
    events.TellDropped();
    if (admitted == 100) {
      EXPECT_TRUE(told_.empty());
    } else {
      ASSERT_EQ(told_.size(), 1U);
      EXPECT_EQ(Count(0), 100 - admitted);
    }
  }
}

TEST_F(BoundedEventsTest, GoOnAtTheRate) {
  BoundedEvents events =
      Within({.burst = 5, .per_second = 1e12, .events = 1'000, .bytes = 1'000'000});
  EXPECT_EQ(AdmittedOf(500, events), 500);
}

TEST_F(BoundedEventsTest, AdmitSeveralTogetherOrNone) {
  BoundedEvents events = Within({.burst = 3, .per_second = 0, .events = 100, .bytes = 1'000});
  EXPECT_TRUE(events.Admit(event::kEgressConnect, 10, 2));
  EXPECT_FALSE(events.Admit(event::kEgressConnect, 10, 2));
  EXPECT_TRUE(events.Admit(event::kEgressConnect, 10));
}

TEST_F(BoundedEventsTest, TellWhatWasDroppedOnceAndByName) {
  BoundedEvents events = Within({});
  events.CountDropped("b", 2);
  events.CountDropped("a", 1);
  events.CountDropped("b", 3);
  events.TellDroppedWhenDue();
  EXPECT_TRUE(told_.empty());  // not yet a second
  events.TellDropped();
  events.TellDropped();
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_EQ(told_[0].name, event::kEventsDropped);
  EXPECT_EQ(Count(0), 6);
  EXPECT_THAT(Kinds(0), ElementsAre("a: 1", "b: 5"));
}

TEST_F(BoundedEventsTest, CountsThatAreLiesStayNumbers) {
  BoundedEvents events = Within({});
  events.CountDropped("a", kMost);
  events.CountDropped("a", kMost);
  events.CountDropped("b", kMost);
  events.CountDropped("c", -5);
  events.TellDropped();
  EXPECT_EQ(Count(0), kMost);
  EXPECT_EQ(Kinds(0).size(), 2U);
}

}  // namespace
}  // namespace ambit::supervise
