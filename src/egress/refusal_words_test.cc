#include "egress/refusal_words.h"

#include <errno.h>
#include <gtest/gtest.h>

#include "policy/private_names.h"

namespace ambit::egress {
namespace {

const HostName kName = *HostName::Parse("db.example");

std::string Why(policy::Reach reach, std::string_view address) {
  return WhyUnreachable(
      &kName,
      {.kind = ReportKind::kUnreachable, .reach = reach, .address = *policy::AddressIn(address)});
}

TEST(RefusalWords, NameTheFlagThatLetsANameLeadThere) {
  EXPECT_EQ(Why(policy::Reach::kPrivate, "10.1.2.3"),
            "it leads to an address of a private network, ambit run --private db.example would "
            "allow it");
  EXPECT_EQ(Why(policy::Reach::kOwn, "192.168.77.2"),
            "it leads to an address of this machine, ambit run --private db.example would allow "
            "it");
  EXPECT_EQ(Why(policy::Reach::kLoopback, "127.0.0.1"),
            "it leads to this machine itself, ambit run --private db.example=127.0.0.1 would "
            "allow it");
  EXPECT_EQ(Why(policy::Reach::kLoopback, "::1"),
            "it leads to this machine itself, ambit run --private db.example=::1 would allow it");
}

TEST(RefusalWords, NameNoFlagWhereThereIsNone) {
  EXPECT_EQ(Why(policy::Reach::kMetadata, "169.254.169.254"),
            "it leads to the metadata of a cloud machine");
  EXPECT_EQ(WhyUnreachable(nullptr, {.reach = policy::Reach::kMetadata}),
            "it leads to the metadata of a cloud machine");
  EXPECT_EQ(WhyUnreachable(&kName, {.error = ENOENT}), "there is no such name");
  EXPECT_EQ(WhyUnreachable(&kName, {.error = ETIMEDOUT}), "no name server answered");
}

/// What is named has to be what the policy's reader takes, and what the rules then mean.
TEST(RefusalWords, NameAFlagThatIsOne) {
  for (const char* address : {"127.0.0.1", "::1", "127.1.2.3"}) {
    const std::string words = Why(policy::Reach::kLoopback, address);
    const auto begin = words.find("--private ") + 10;
    const auto named =
        policy::ParsePrivateName(words.substr(begin, words.find(' ', begin) - begin), {});
    ASSERT_TRUE(named) << words;
    EXPECT_EQ(named->address, policy::AddressIn(address));
  }
}

TEST(RefusalWords, NameTheRuleOrTheFlagForATarget) {
  const Address address{.family = 4, .port = 22, .bytes = {10, 1, 2, 3}};
  EXPECT_EQ(WordsOf(address, nullptr, "why"), "ambit: a connection to 10.1.2.3:22 is refused: why");
  EXPECT_EQ(WhyNotAllowed(address, nullptr, {}, policy::Reach::kPrivate),
            "no rule names it by itself (an address of a private network), ambit run --allow "
            "10.1.2.3:22 would allow it");
  EXPECT_EQ(WhyNotAllowed(address, &kName, {}, policy::Reach::kPublic),
            "no rule names it, ambit run --allow db.example:22 would allow it");
  const auto denial = policy::ParseNetRule("*.db.example", "--deny");
  ASSERT_TRUE(denial) << denial.error().what;
  EXPECT_EQ(WhyNotAllowed(address, &kName, {.rule = &*denial}, policy::Reach::kPublic),
            "*.db.example denies it (--deny)");
}

}  // namespace
}  // namespace ambit::egress
