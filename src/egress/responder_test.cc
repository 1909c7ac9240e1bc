#include "egress/responder.h"

#include <arpa/nameser.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include <array>
#include <string>
#include <vector>

namespace ambit::egress {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Asked by libc's own resolver code, and read by it.
class Names : public ::testing::Test {
 protected:
  Names() {
    for (const char* text : {"example.com", "*.deep.example", "git.example:22"}) {
      rules_.allow.push_back(*policy::ParseNetRule(text, "--allow"));
    }
    rules_.deny.push_back(*policy::ParseNetRule("no.deep.example", "--deny"));
  }

  struct Got {
    int code = -1;
    std::vector<std::string> records;  // data as it stands
    std::string message;
  };

  Got Ask(const char* name, int type, Responder::Over over = Responder::Over::kUdp) {
    std::array<unsigned char, 512> query{};
    const int size = ::res_mkquery(ns_o_query, name, ns_c_in, type, nullptr, 0, nullptr,
                                   query.data(), static_cast<int>(query.size()));
    EXPECT_GT(size, 0);
    const auto bytes = std::as_bytes(std::span(query)).first(static_cast<std::size_t>(size));
    Got got{.message = responder_.AnswerTo(bytes, over)};
    ns_msg parsed;
    const auto* data = reinterpret_cast<const unsigned char*>(got.message.data());
    if (::ns_initparse(data, static_cast<int>(got.message.size()), &parsed) != 0) return got;
    got.code = static_cast<int>(ns_msg_getflag(parsed, ns_f_rcode));
    for (int n = 0; n < ns_msg_count(parsed, ns_s_an); ++n) {
      ns_rr record;
      EXPECT_EQ(::ns_parserr(&parsed, ns_s_an, n, &record), 0);
      if (ns_rr_type(record) == ns_t_ptr) {
        std::array<char, 256> target{};
        ::ns_name_uncompress(data, data + got.message.size(), ns_rr_rdata(record), target.data(),
                             target.size());
        got.records.emplace_back(target.data());
      } else {
        got.records.emplace_back(reinterpret_cast<const char*>(ns_rr_rdata(record)),
                                 ns_rr_rdlen(record));
      }
    }
    return got;
  }

  policy::NetRules rules_;
  NameTable table_{{0xfd, 1, 2, 3, 4, 5, 6, 7}};
  std::vector<std::string> refused_;
  std::vector<int> families_;
  Responder responder_{rules_, table_,
                       [this](const HostName* name, const policy::NetDecision& why, int family) {
                         families_.push_back(family);
                         refused_.push_back((name != nullptr ? name->text() : "?") +
                                            (why.rule != nullptr ? " denied" : ""));
                       }};
};

TEST_F(Names, ThatAreAllowedHaveAnAddressEach) {
  EXPECT_THAT(Ask("example.com", ns_t_a).records, ElementsAre(std::string("\xc6\x12\0\1", 4)));
  EXPECT_THAT(Ask("EXAMPLE.com", ns_t_aaaa).records,
              ElementsAre(std::string("\xfd\1\2\3\4\5\6\7\0\0\0\0\0\0\0\1", 16)));
  EXPECT_THAT(Ask("a.deep.example", ns_t_a).records, ElementsAre(std::string("\xc6\x12\0\2", 4)));
  EXPECT_THAT(Ask("git.example", ns_t_a).records, ElementsAre(std::string("\xc6\x12\0\3", 4)));
  EXPECT_THAT(Ask("example.com", ns_t_a).records, ElementsAre(std::string("\xc6\x12\0\1", 4)));
  const Address third{.family = 4, .bytes = {198, 18, 0, 3}};
  EXPECT_EQ(table_.NameOf(third)->text(), "git.example");
  EXPECT_THAT(refused_, IsEmpty());
}

TEST_F(Names, HaveNothingElse) {
  for (const int type :
       std::vector<int>{ns_t_mx, ns_t_txt, ns_t_ns, 65 /* HTTPS */, 64 /* SVCB */, 255 /* ANY */}) {
    const Got got = Ask("example.com", type);
    EXPECT_EQ(got.code, ns_r_noerror) << type;
    EXPECT_THAT(got.records, IsEmpty()) << type;
  }
}

TEST_F(Names, ThatAreNotAllowedAreNone) {
  for (const char* name : {"other.org", "www.example.com", "deep.example", "no.deep.example",
                           "_x.example.com", "com"}) {
    const Got got = Ask(name, ns_t_a);
    EXPECT_EQ(got.code, ns_r_nxdomain) << name;
    EXPECT_THAT(got.records, IsEmpty()) << name;
  }
  EXPECT_THAT(refused_, ElementsAre("other.org", "www.example.com", "deep.example",
                                    "no.deep.example denied", "?", "com"));
  const Address first{.family = 4, .bytes = {198, 18, 0, 1}};
  EXPECT_EQ(table_.NameOf(first), nullptr);
}

TEST_F(Names, ThatAreRefusedAreToldWithTheFamilyThatWasAskedFor) {
  for (const int type : {ns_t_a, ns_t_aaaa, ns_t_mx}) Ask("other.org", type);
  EXPECT_THAT(families_, ElementsAre(4, 6, 0));
}

TEST_F(Names, OfThisMachineAreItsLoopback) {
  EXPECT_THAT(Ask("localhost", ns_t_a).records, ElementsAre(std::string("\x7f\0\0\1", 4)));
  EXPECT_THAT(Ask("app.localhost", ns_t_aaaa).records, ElementsAre(std::string(15, '\0') + '\1'));
}

TEST_F(Names, AreFoundByTheirAddress) {
  Ask("example.com", ns_t_a);
  EXPECT_THAT(Ask("1.0.18.198.in-addr.arpa", ns_t_ptr).records, ElementsAre("example.com"));
  EXPECT_EQ(Ask("2.0.18.198.in-addr.arpa", ns_t_ptr).code, ns_r_nxdomain);
  EXPECT_THAT(Ask("1.0.0.127.in-addr.arpa", ns_t_ptr).records, ElementsAre("localhost"));
  EXPECT_EQ(Ask("8.8.8.8.in-addr.arpa", ns_t_ptr).code, ns_r_nxdomain);
  EXPECT_EQ(Ask("example.com", ns_t_ptr).code, ns_r_nxdomain);
}

TEST_F(Names, OfOtherClassesAreRefused) {
  std::string query = std::string("\x12\x34\x01\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\3", 29);
  const std::string answer =
      responder_.AnswerTo(std::as_bytes(std::span(query)), Responder::Over::kUdp);
  ASSERT_GT(answer.size(), 3U);
  EXPECT_EQ(answer[3] & 0xF, ns_r_refused);
  EXPECT_EQ(responder_.AnswerTo({}, Responder::Over::kTcp), "");
}

TEST_F(Names, BelowOneWildcardAreBounded) {
  for (std::size_t n = 0; n < NameTable::kMostBelow; ++n) {
    ASSERT_EQ(Ask(("n" + std::to_string(n) + ".deep.example").c_str(), ns_t_a).code, ns_r_noerror);
  }
  EXPECT_EQ(Ask("more.deep.example", ns_t_a).code, ns_r_servfail);
  EXPECT_EQ(Ask("n1.deep.example", ns_t_a).code, ns_r_noerror);
  EXPECT_EQ(Ask("example.com", ns_t_a).code, ns_r_noerror);
  EXPECT_THAT(refused_, ElementsAre("more.deep.example denied"));
}

TEST(NameTable, KeepsPlacesForNamesThatARuleNames) {
  NameTable table(NameTable::RandomNetwork());
  std::size_t given = 0;
  for (const char* domain : {"a.example", "b.example", "c.example", "d.example", "e.example",
                             "f.example", "g.example", "h.example", "i.example", "j.example"}) {
    const policy::NetRule wildcard{.name = *HostName::Parse(domain), .below = true};
    for (std::size_t n = 0; n < NameTable::kMostBelow; ++n) {
      const auto name = HostName::Parse("n" + std::to_string(given + 1) + ".example");
      if (!table.AddressesOf(*name, &wildcard)) break;
      ++given;
    }
  }
  EXPECT_EQ(given, 65'535U - policy::kMostNetRules);
  EXPECT_TRUE(table.AddressesOf(*HostName::Parse("named.example")));
}

TEST(NameTable, CountsForAWildcardWhereverItsRuleLies) {
  NameTable table(NameTable::RandomNetwork());
  std::vector<policy::NetRule> rules = {*policy::ParseNetRule("*.deep.example", "--allow")};
  std::size_t given = 0;
  const auto give = [&] {
    const auto name = HostName::Parse("n" + std::to_string(given) + ".deep.example");
    const bool has = table.AddressesOf(*name, &rules.front()).has_value();
    given += has ? 1 : 0;
    return has;
  };
  while (given < NameTable::kMostBelow / 2 && give()) {
  }
  const auto old = rules;  // so that none can come to lie where one was
  rules.reserve(rules.capacity() + 1);
  while (give()) {
  }
  EXPECT_EQ(given, NameTable::kMostBelow);
}

TEST(NameTable, IsBounded) {
  NameTable table(NameTable::RandomNetwork());
  for (int n = 1; n <= 65'535; ++n) {
    ASSERT_TRUE(table.AddressesOf(*HostName::Parse("n" + std::to_string(n) + ".example")));
  }
  EXPECT_FALSE(table.AddressesOf(*HostName::Parse("more.example")));
  EXPECT_TRUE(table.AddressesOf(*HostName::Parse("n1.example")));
  const Address last{.family = 4, .bytes = {198, 18, 255, 255}};
  EXPECT_EQ(table.NameOf(last)->text(), "n65535.example");
  const Address none{.family = 4, .bytes = {198, 18, 0, 0}};
  EXPECT_EQ(table.NameOf(none), nullptr);
  const Address foreign{.family = 4, .bytes = {8, 8, 0, 1}};
  EXPECT_EQ(table.NameOf(foreign), nullptr);
}

}  // namespace
}  // namespace ambit::egress
