#include "proto/dns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace ambit::proto::dns {
namespace {

using ::testing::HasSubstr;

std::string Number(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xFF)};
}

std::string Wire(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const auto label = name.substr(0, name.find('.'));
    out += static_cast<char>(label.size());
    out += label;
    name.remove_prefix(std::min(label.size() + 1, name.size()));
  }
  return out + '\0';
}

/// A query as resolvers send it, with `others` behind the question.
std::string Query(const std::string& name, unsigned type, unsigned flags = 0x0100,
                  const std::string& others = {}, unsigned number_of_others = 0) {
  return Number(0x1234) + Number(flags) + Number(1) + Number(0) + Number(0) +
         Number(number_of_others) + name + Number(type) + Number(1) + others;
}

std::string Opt(unsigned udp_bytes, unsigned version = 0) {
  return std::string(1, '\0') + Number(41) + Number(udp_bytes) + Number(version) + Number(0) +
         Number(0);
}

std::optional<Received> Read(const std::string& message) {
  return ReadQuestion(std::as_bytes(std::span(message)));
}

TEST(Dns, ReadsAQuestion) {
  const auto got = Read(Query(Wire("WwW.ExAmPlE.com"), 28));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->code, Code::kNoError);
  EXPECT_EQ(got->question.id, 0x1234);
  EXPECT_EQ(got->question.type, 28);
  EXPECT_EQ(got->question.klass, kInternet);
  EXPECT_TRUE(got->question.recursion_desired);
  EXPECT_FALSE(got->question.edns);
  EXPECT_EQ(got->question.asked, "WwW.ExAmPlE.com");
  ASSERT_TRUE(got->question.host);
  EXPECT_EQ(got->question.host->text(), "www.example.com");
}

TEST(Dns, ReadsHowMuchTheAskerTakes) {
  EXPECT_EQ(Read(Query(Wire("a.b"), 1))->question.udp_bytes, 512);
  EXPECT_EQ(Read(Query(Wire("a.b"), 1, 0x100, Opt(4096), 1))->question.udp_bytes, 1232);
  EXPECT_EQ(Read(Query(Wire("a.b"), 1, 0x100, Opt(700), 1))->question.udp_bytes, 700);
  EXPECT_EQ(Read(Query(Wire("a.b"), 1, 0x100, Opt(0), 1))->question.udp_bytes, 512);
  EXPECT_EQ(Read(Query(Wire("a.b"), 1, 0x100, Opt(0) + Opt(0), 2))->code, Code::kFormatError);
}

TEST(Dns, TakesNoOtherNameForAHosts) {
  for (const std::string& wire :
       {std::string("\3a.b\3com\0", 9), std::string("\2a\0\3com\0", 8), Wire("_dmarc.example.com"),
        std::string(1, '\0'), Wire("b\xc3\xbc.de"), Wire("1.2.3.4")}) {
    const auto got = Read(Query(wire, 1));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->code, Code::kNoError);
    EXPECT_FALSE(got->question.host) << got->question.asked;
  }
}

TEST(Dns, AnswersWhatIsNotInOrderWithAnError) {
  const std::string good = Query(Wire("example.com"), 1);
  for (std::size_t size = 12; size < good.size(); ++size) {
    EXPECT_EQ(Read(good.substr(0, size))->code, Code::kFormatError) << size;
  }
  EXPECT_EQ(Read(Query("\xC0\x0C", 1))->code, Code::kFormatError);
  EXPECT_EQ(Read(Query(std::string("\x40") + std::string(64, 'a') + '\0', 1))->code,
            Code::kFormatError);
  std::string long_name;
  for (int n = 0; n < 128; ++n) long_name += "\1a";
  EXPECT_EQ(Read(Query(long_name + '\0', 1))->code, Code::kFormatError);
  EXPECT_EQ(Read(Query(Wire("a.b"), 1, 0x2900))->code, Code::kNotImplemented);
  EXPECT_FALSE(Read(Query(Wire("a.b"), 1, 0x8100))) << "an answer is not answered";
  EXPECT_FALSE(Read("12345678901"));
  EXPECT_FALSE(Read(""));
}

TEST(Dns, EdnsOfAnotherVersionIsToldWhichOneThereIs) {
  const auto got = Read(Query(Wire("a.b"), 1, 0x100, Opt(1232, 1), 1));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->code, Code::kBadVersion);
  const std::string answer = WriteAnswer(got->question, {.code = got->code}, 512);
  constexpr unsigned kSixteen = 1U << 8;  // its upper bits, where the OPT has a time to live
  EXPECT_EQ(answer, Number(0x1234) + Number(0x8580) + Number(1) + Number(0) + Number(0) +
                        Number(1) + Wire("a.b") + Number(1) + Number(1) + std::string(1, '\0') +
                        Number(41) + Number(1232) + Number(kSixteen) + Number(0) + Number(0));
  EXPECT_EQ(Read(Query(Wire("a.b"), 1, 0x100, Opt(1232, 0), 1))->code, Code::kNoError);
  EXPECT_EQ(Read(Query(Wire("a.b"), 1, 0x100, Opt(1232, 255), 1))->code, Code::kBadVersion);
}

TEST(Dns, AnswersRepeatTheQuestionAsItWasAsked) {
  const auto got = Read(Query(Wire("ExAmple.com"), 1));
  const std::string answer =
      WriteAnswer(got->question, {.ttl_seconds = 60, .addresses = {"\1\2\3\4", "\5\6\7\x8"}}, 512);
  EXPECT_EQ(answer, Number(0x1234) + Number(0x8580) + Number(1) + Number(2) + Number(0) +
                        Number(0) + Wire("ExAmple.com") + Number(1) + Number(1) + "\xC0\x0C" +
                        Number(1) + Number(1) + Number(0) + Number(60) + Number(4) + "\1\2\3\4" +
                        "\xC0\x0C" + Number(1) + Number(1) + Number(0) + Number(60) + Number(4) +
                        "\5\6\7\x8");
}

TEST(Dns, NothingIsSaidWithAnSoa) {
  const auto got = Read(Query(Wire("a.b"), 65));
  const std::string answer = WriteAnswer(got->question, {.ttl_seconds = 5}, 512);
  EXPECT_EQ(answer.substr(0, 12),
            Number(0x1234) + Number(0x8580) + Number(1) + Number(0) + Number(1) + Number(0));
  EXPECT_THAT(answer, HasSubstr("\5ambit\7invalid"));
}

TEST(Dns, WhyIsToldToThoseWhoAskWithEdns) {
  const Answer refused{.code = Code::kRefused,
                       .extended = ExtendedError::kBlocked,
                       .text = "no rule allows example.com"};
  const auto with = Read(Query(Wire("a.b"), 1, 0x100, Opt(1232), 1));
  EXPECT_THAT(WriteAnswer(with->question, refused, 512),
              HasSubstr(Number(15) + Number(2 + 26) + Number(15) + "no rule allows example.com"));
  const auto without = Read(Query(Wire("a.b"), 1));
  EXPECT_EQ(WriteAnswer(without->question, refused, 512).find("no rule"), std::string::npos);
}

TEST(Dns, WhatIsTooLongIsAskedForAgain) {
  const auto got = Read(Query(Wire("a.b"), 28));
  Answer answer;
  for (int n = 0; n < 30; ++n) answer.addresses.emplace_back(16, 'x');
  EXPECT_GT(WriteAnswer(got->question, answer, 65535).size(), 512U);
  const std::string cut = WriteAnswer(got->question, answer, 512);
  EXPECT_EQ(cut.substr(2, 4), Number(0x8780) + Number(1));
  EXPECT_EQ(cut.size(), 12 + 5 + 4U);
}

TEST(Dns, PointersNameAddresses) {
  EXPECT_EQ(AddressOfPointer("4.3.2.1.in-addr.ARPA."), "\1\2\3\4");
  EXPECT_EQ(AddressOfPointer("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f."
                             "ip6.arpa"),
            std::string("\xfd") + std::string(14, '\0') + '\1');
  for (const char* name : {"3.2.1.in-addr.arpa", "5.4.3.2.1.in-addr.arpa", "256.3.2.1.in-addr.arpa",
                           "a.3.2.1.in-addr.arpa", ".in-addr.arpa", "in-addr.arpa",
                           "-1.2.3.4.in-addr.arpa", "10.ip6.arpa", "example.com", ""}) {
    EXPECT_FALSE(AddressOfPointer(name)) << name;
  }
}

}  // namespace
}  // namespace ambit::proto::dns
