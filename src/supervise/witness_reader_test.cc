#include "supervise/witness_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "sys/fd_passing.h"

namespace ambit::supervise {
namespace {

using event::InsideKind;
using event::InsideRecord;

std::int64_t Number(const event::Event& event, std::string_view name) {
  for (const event::Field& field : event.fields) {
    if (field.name == name) return std::get<std::int64_t>(field.value);
  }
  return -1;
}

class WitnessReaderTest : public ::testing::Test {
 protected:
  void Say(const InsideRecord& record) {
    std::string bytes;
    AppendInsideRecord(record, bytes);
    SayBytes(bytes);
  }
  void SayBytes(const std::string& bytes) {
    ASSERT_EQ(::send(pair_.second.get(), bytes.data(), bytes.size(), MSG_DONTWAIT),
              static_cast<ssize_t>(bytes.size()));
  }

  sys::StreamPair pair_ = *sys::MakeStreamPair();
  std::vector<event::Event> events_;
  BoundedEvents::Emit keep_ = [this](const event::Event& event) { events_.push_back(event); };
};

TEST_F(WitnessReaderTest, CountsByKindWhatIsBeyondTheBounds) {
  WitnessReader reader(plan::LaunchPlan{}, keep_, {},
                       {.burst = 5, .per_second = 0, .events = 100, .bytes = 1 << 20});
  for (int i = 0; i < 4; ++i) Say({.kind = InsideKind::kCreate});
  for (int i = 0; i < 8; ++i) Say({.kind = InsideKind::kDelete});
  // And what init itself could not send.
  Say({.kind = InsideKind::kDropped,
       .detail = static_cast<std::uint8_t>(InsideKind::kExec),
       .number = 30});
  EXPECT_TRUE(*reader.Read(pair_.first.get()));
  ASSERT_TRUE(reader.Finish(pair_.first.get()));
  ASSERT_EQ(events_.size(), 6U);
  EXPECT_EQ(events_.back().name, event::kEventsDropped);
  EXPECT_EQ(Number(events_.back(), "count"), 37);
  EXPECT_EQ(std::get<std::vector<std::string>>(events_.back().fields.at(1).value),
            (std::vector<std::string>{"file.delete: 7", "process.exec: 30"}));
}

TEST_F(WitnessReaderTest, TellsNoMoreThanTheSumOfARun) {
  WitnessReader reader(plan::LaunchPlan{}, keep_, {},
                       {.burst = 1000, .per_second = 1e9, .events = 10, .bytes = 1 << 20});
  for (int i = 0; i < 30; ++i) Say({.kind = InsideKind::kWrite});
  ASSERT_TRUE(reader.Finish(pair_.first.get()));
  ASSERT_EQ(events_.size(), 11U);
  EXPECT_EQ(Number(events_.back(), "count"), 20);
}

TEST_F(WitnessReaderTest, RefusesWhatInitDoesNotSay) {
  WitnessReader reader(plan::LaunchPlan{}, keep_);
  SayBytes(std::string(64, '\xff'));
  EXPECT_FALSE(reader.Read(pair_.first.get()));
  EXPECT_TRUE(events_.empty());
}

TEST_F(WitnessReaderTest, EndsWithInit) {
  WitnessReader reader(plan::LaunchPlan{}, keep_);
  Say({.kind = InsideKind::kMode, .number = 0755});
  pair_.second.Reset();
  EXPECT_FALSE(*reader.Read(pair_.first.get()));
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(std::get<std::string>(events_[0].fields.back().value), "0755");
}

}  // namespace
}  // namespace ambit::supervise
