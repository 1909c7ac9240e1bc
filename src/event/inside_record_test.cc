#include "event/inside_record.h"

#include <gtest/gtest.h>

#include <string>

namespace ambit::event {
namespace {

InsideRecord AnExec() {
  return {.kind = InsideKind::kExec,
          .detail = 0,
          .cut = true,
          .unreadable = false,
          .pid = 7,
          .parent = 2,
          .number = -1,
          .path = "/usr/bin/env",
          .other = std::string("/a\n\x1b\xff", 5),
          .argv = {"env", "", std::string(4000, 'x')}};
}

TEST(InsideRecord, ComesBackAsItWasHoweverItIsCutIntoPieces) {
  std::string stream;
  AppendInsideRecord(AnExec(), stream);
  InsideRecord longest{.kind = InsideKind::kRename};
  longest.path = std::string(kMaxInsidePath, 'a');
  longest.other = std::string(kMaxInsidePath, 'b');
  longest.argv.assign(kMaxInsideArguments, std::string(64, 'c'));
  AppendInsideRecord(longest, stream);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{5000}}) {
    InsideRecordReader reader;
    std::vector<InsideRecord> got;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.Take(std::string_view(stream).substr(at, piece));
      for (;;) {
        const auto next = reader.Next();
        ASSERT_TRUE(next) << next.error().what;
        if (!*next) break;
        got.push_back(**next);
      }
    }
    EXPECT_EQ(got, (std::vector{AnExec(), longest})) << piece;
  }
}

TEST(InsideRecord, OfAnInitThatLiesIsRefused) {
  std::string honest;
  AppendInsideRecord(AnExec(), honest);
  const auto refused = [](std::string bytes) {
    InsideRecordReader reader;
    reader.Take(bytes);
    return !reader.Next();
  };
  const auto with = [&](std::size_t at, char value) {
    std::string bytes = honest;
    bytes[at] = value;
    return bytes;
  };
  EXPECT_FALSE(refused(honest));
  EXPECT_TRUE(refused(with(3, 1)));        // longer than any frame
  EXPECT_TRUE(refused(with(4, 0)));        // no kind
  EXPECT_TRUE(refused(with(4, 11)));       // nor this
  EXPECT_TRUE(refused(with(5, 100)));      // no detail
  EXPECT_TRUE(refused(with(6, 4)));        // no flag
  EXPECT_TRUE(refused(with(10, '\x80')));  // a pid below zero
  EXPECT_TRUE(refused(with(23, 1)));       // a text that ends elsewhere
  EXPECT_TRUE(refused(with(24, 127)));     // and one beyond the frame
  std::string too_short = honest;
  too_short[0] = static_cast<char>(too_short[0] - 1);
  EXPECT_TRUE(refused(too_short));
}

TEST(InsideRecord, OfArgumentsBeyondTheBoundIsRefused) {
  for (const bool many : {true, false}) {
    InsideRecord record{.kind = InsideKind::kExec};
    record.argv.assign(many ? kMaxInsideArguments + 1 : 2, std::string(many ? 1 : 2049, 'x'));
    std::string bytes;
    AppendInsideRecord(record, bytes);
    InsideRecordReader reader;
    reader.Take(bytes);
    EXPECT_FALSE(reader.Next());
  }
}

}  // namespace
}  // namespace ambit::event
