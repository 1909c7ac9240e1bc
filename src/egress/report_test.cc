#include "egress/report.h"

#include <gtest/gtest.h>

#include <bit>
#include <functional>
#include <random>

namespace ambit::egress {
namespace {

using Bytes = std::array<std::byte, sizeof(EgressReport)>;

std::string WhyRefused(const std::function<void(EgressReport&)>& spoil) {
  EgressReport report{.kind = ReportKind::kDenied, .family = 4, .port = 443};
  report.address[0] = 203;
  spoil(report);
  const auto bytes = std::bit_cast<Bytes>(report);
  const auto decoded = DecodeReport(bytes);
  return decoded ? "accepted" : decoded.error().what;
}

TEST(DecodeReport, GivesBackWhatWasSent) {
  EgressReport sent{.kind = ReportKind::kClosed,
                    .family = 6,
                    .port = 8080,
                    .connection = 7,
                    .error = 104,
                    .bytes_to_host = 1,
                    .bytes_from_host = ~std::uint64_t{0}};
  sent.address.fill(0xff);
  const auto decoded = DecodeReport(std::bit_cast<Bytes>(sent));
  ASSERT_TRUE(decoded) << decoded.error().what;
  EXPECT_EQ(*decoded, sent);
}

TEST(DecodeReport, RefusesEveryOtherLength) {
  const std::array<std::byte, sizeof(EgressReport) + 1> zeros{};
  for (std::size_t size = 0; size <= zeros.size(); ++size) {
    const auto decoded = DecodeReport(std::span(zeros).first(size));
    ASSERT_FALSE(decoded);  // of the right size, zeros are no known version
    EXPECT_EQ(decoded.error().code, Errc::kInvalidArgument);
  }
}

TEST(DecodeReport, NamesTheFieldThatNoHonestRelaySends) {
  EXPECT_EQ(WhyRefused([](EgressReport&) {}), "accepted");
  EXPECT_EQ(WhyRefused([](EgressReport& r) { r.version = 1; }),
            "egress report: bad field 'version'");
  EXPECT_EQ(WhyRefused([](EgressReport& r) { r.kind = static_cast<ReportKind>(0); }),
            "egress report: bad field 'kind'");
  EXPECT_EQ(WhyRefused([](EgressReport& r) { r.kind = static_cast<ReportKind>(14); }),
            "egress report: bad field 'kind'");
  EXPECT_EQ(WhyRefused([](EgressReport& r) { r.stage = Stage::kSeccomp; }),
            "egress report: bad field 'stage'");
  EXPECT_EQ(WhyRefused([](EgressReport& r) { r.kind = ReportKind::kFailed; }),
            "egress report: bad field 'stage'");
  EXPECT_EQ(WhyRefused([](EgressReport& r) { r.family = 5; }), "egress report: bad field 'family'");
  EXPECT_EQ(WhyRefused([](EgressReport& r) { r.mismatch = static_cast<Mismatch>(99); }),
            "egress report: bad field 'mismatch'");
  EXPECT_EQ(WhyRefused([](EgressReport& r) { r.reach = static_cast<policy::Reach>(99); }),
            "egress report: bad field 'reach'");
  EXPECT_EQ(WhyRefused([](EgressReport& r) { r.name = TextOfName("not a name"); }),
            "egress report: bad field 'name'");
  EXPECT_EQ(WhyRefused([](EgressReport& r) { r.name.fill('a'); }),
            "egress report: bad field 'name'");
  EXPECT_EQ(WhyRefused([](EgressReport& r) { r.claimed[9] = 'x'; }),
            "egress report: bad field 'claimed'");
  EXPECT_EQ(WhyRefused([](EgressReport& r) { r.error = -1; }), "egress report: bad field 'error'");
  EXPECT_EQ(WhyRefused([](EgressReport& r) { r.error = 4096; }),
            "egress report: bad field 'error'");
  EXPECT_EQ(WhyRefused([](EgressReport& r) { r.address[4] = 1; }),
            "egress report: bad field 'address'");
  EXPECT_EQ(WhyRefused([](EgressReport& r) { r.family = 0; }),
            "egress report: bad field 'address'");
}

// The property a fuzz target checks as well: what is accepted encodes to the same bytes.
TEST(DecodeReport, AcceptsOnlyWhatEncodesToTheSameBytes) {
  std::mt19937 random(1);
  std::uniform_int_distribution<int> small(0, 12);
  int accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    Bytes bytes{};
    bytes[0] = std::byte{EgressReport::kVersion};
    for (std::size_t i = 1; i < 5; ++i) bytes[i] = static_cast<std::byte>(small(random));
    const auto decoded = DecodeReport(bytes);
    if (!decoded) continue;
    ++accepted;
    ASSERT_EQ(std::bit_cast<Bytes>(*decoded), bytes);
    ASSERT_LE(decoded->kind, kLastReportKind);
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace ambit::egress
