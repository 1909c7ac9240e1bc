#include "policy/limits.h"

#include <gtest/gtest.h>

#include <string>

namespace ambit::policy {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

TEST(LimitText, ReadsWhatPeopleWrite) {
  struct Row {
    Limit limit;
    const char* text;
    std::uint64_t value;
  };
  const Row rows[] = {{Limit::kTime, "90s", 90'000},
                      {Limit::kTime, "15m", 900'000},
                      {Limit::kTime, "1h30m", 5'400'000},
                      {Limit::kTime, "1d2h3m4s5ms", 93'784'005},
                      {Limit::kIdle, "500ms", 500},
                      {Limit::kMemory, "512MiB", 512 * kMiB},
                      {Limit::kMemory, "512 MiB", 512 * kMiB},
                      {Limit::kMemory, "1.5GiB", 1536 * kMiB},
                      {Limit::kMemory, "1.25GiB", 1280 * kMiB},
                      {Limit::kDisk, "10GB", 10'000'000'000},
                      {Limit::kDisk, "0.0025TB", 2'500'000'000},
                      {Limit::kMemory, "16777216", 16 * kMiB},
                      {Limit::kMemory, "16777216B", 16 * kMiB},
                      {Limit::kDisk, "1024KiB", kMiB},
                      {Limit::kProcesses, "256", 256},
                      {Limit::kCpus, "2", 2000},
                      {Limit::kCpus, "1.5", 1500},
                      {Limit::kCpus, "0.01", 10},
                      {Limit::kCpus, "0.30000000000000004", 300}};
  for (const Row& row : rows) {
    const auto value = ParseLimit(row.limit, row.text);
    ASSERT_TRUE(value) << row.text << ": " << value.error().what;
    EXPECT_EQ(*value, row.value) << row.text;
  }
  for (std::size_t i = 0; i < kLimits; ++i) {
    EXPECT_EQ(ParseLimit(static_cast<Limit>(i), "none"), kNoLimit);
  }
}

TEST(LimitText, RefusesWhatIsNone) {
  for (const char* text : {"", "15", "s", "1.5h", "30m1h", "1h1h", "1 h", "-1s", "+1s", "1h ", "1x",
                           "ms", "99999999999999999999s", "18446744073709551615d", "None"}) {
    EXPECT_FALSE(ParseLimit(Limit::kTime, text)) << text;
  }
  for (const char* text : {"", "GiB", "1.GiB", ".5GiB", "1.5", "1..5GiB", "1.5.5GiB", "4G", "4gib",
                           "-4GiB", "4  GiB", "4GiB ", "0x10GiB", "1e9", "inf", "nan",
                           "18446744073709551615TiB", "2000000000000000000"}) {
    EXPECT_FALSE(ParseLimit(Limit::kMemory, text)) << text;
  }
  for (const char* text : {"", "-1", "1.5", "4k", "4294967296", " 4"}) {
    EXPECT_FALSE(ParseLimit(Limit::kProcesses, text)) << text;
  }
  for (const char* text : {"", "-1", "1.", ".5", "1e3", "inf", "nan", "two", "1000000000"}) {
    EXPECT_FALSE(ParseLimit(Limit::kCpus, text)) << text;
  }
}

TEST(LimitText, RefusesWhatNoRunCouldDoAnythingWith) {
  struct Row {
    Limit limit;
    const char* too_little;
    const char* enough;
  };
  for (const Row& row : {Row{Limit::kTime, "0s", "1ms"}, Row{Limit::kIdle, "0ms", "1s"},
                         Row{Limit::kCpuTime, "0h", "1s"}, Row{Limit::kCpus, "0.009", "0.01"},
                         Row{Limit::kMemory, "15MiB", "16MiB"}, Row{Limit::kProcesses, "3", "4"},
                         Row{Limit::kDisk, "1MB", "1MiB"}, Row{Limit::kInodes, "63", "64"},
                         Row{Limit::kIo, "63KiB", "64KiB"}, Row{Limit::kOpenFiles, "15", "16"}}) {
    const auto refused = ParseLimit(row.limit, row.too_little);
    ASSERT_FALSE(refused) << row.too_little;
    EXPECT_EQ(refused.error().code, Errc::kInvalidArgument);
    EXPECT_FALSE(refused.error().remedy.empty());
    EXPECT_TRUE(ParseLimit(row.limit, row.enough)) << row.enough;
  }
  EXPECT_EQ(ParseLimit(Limit::kMemory, "1MiB").error().what,
            "'1MiB': with less than 16 MiB nothing starts");
}

TEST(LimitText, TellsAMistakeSafely) {
  const auto refused = ParseLimit(Limit::kTime, "1\x1b[2Jh");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what.find('\x1b'), std::string::npos);
}

TEST(LimitText, TellsValuesForPeople) {
  EXPECT_EQ(TextOf(Limit::kTime, 5'400'000), "1h30m");
  EXPECT_EQ(TextOf(Limit::kTime, 0), "0s");
  EXPECT_EQ(TextOf(Limit::kIdle, 1'500), "1s500ms");
  EXPECT_EQ(TextOf(Limit::kMemory, 1536 * kMiB), "1.5 GiB");
  EXPECT_EQ(TextOf(Limit::kMemory, 4096 * kMiB), "4 GiB");
  EXPECT_EQ(TextOf(Limit::kMemory, 10'000'000'000), "9.3 GiB");
  EXPECT_EQ(TextOf(Limit::kCpus, 1500), "1.5");
  EXPECT_EQ(TextOf(Limit::kProcesses, 4096), "4096");
  EXPECT_EQ(TextOf(Limit::kDisk, kNoLimit), "none");
  EXPECT_EQ(TextOf(Limit::kIo, 10 * kMiB), "10 MiB/s");
}

TEST(LimitText, EveryNameIsOfItsLimit) {
  for (std::size_t i = 0; i < kLimits; ++i) {
    EXPECT_EQ(LimitNamed(NameOf(static_cast<Limit>(i))), static_cast<Limit>(i));
  }
  EXPECT_FALSE(LimitNamed("memry"));
}

}  // namespace
}  // namespace ambit::policy
