#include "plan/why.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/plan_json.h"
#include "plan/target.h"
#include "policy/private_names.h"

namespace ambit::plan {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Why : public ::testing::Test {
 protected:
  Why() {
    plan_.mounts = {
        {.kind = Mount::Kind::kBind, .inside = "/usr", .host = "/usr", .read_only = true},
        {.kind = Mount::Kind::kProc, .inside = "/proc"},
        {.kind = Mount::Kind::kTmpfs, .inside = "/tmp"},
        {.kind = Mount::Kind::kHome, .inside = "/home/ann"},
        {.kind = Mount::Kind::kLayer, .inside = "/home/ann/p"},
        {.kind = Mount::Kind::kBind,
         .inside = "/home/ann/data",
         .host = "/home/ann/data",
         .read_only = true,
         .owned = true}};
    plan_.layers = {{.name = "project",
                     .inside = "/home/ann/p",
                     .lower = "/home/ann/p",
                     .masks = {{.path = ".env", .content = "K=x\n", .rule = ".env*, by default"},
                               {.path = "keys", .hidden = true, .rule = "--hide 'keys/'"},
                               {.path = ".git/config", .content = "x"}}}};
    plan_.root = {{.path = "/etc/passwd", .content = "x"}};
    plan_.proc_masked = {"kcore"};
    plan_.proc_read_only = {"sys"};
    plan_.network.host_ports = {5432};
  }
  void ExpectRefused(const std::string& path, const std::string& rule, const std::string& way) {
    const Answer answer = WhyPath(plan_, path);
    EXPECT_TRUE(answer.refused) << path;
    EXPECT_THAT(answer.what, HasSubstr(path));
    EXPECT_THAT(answer.rule, HasSubstr(rule)) << path;
    EXPECT_EQ(answer.way.substr(0, answer.way.find(',')), way) << path;
  }
  LaunchPlan plan_;
};

TEST_F(Why, EachPathHasItsRuleAndItsFlag) {
  ExpectRefused("/home/ann/.ssh/id", "the home is the run's own", "--ro /home/ann/.ssh/id");
  ExpectRefused("/home/bob", "nothing names it", "--ro /home/bob");
  ExpectRefused("/opt/two words", "nothing names it", "--ro '/opt/two words'");
  // What is shown is escaped once more: a word that needs that is no word to paste.
  for (const char* hostile :
       {"/opt/it's", "/opt/'$(touch x)'", "/opt/a\\b", "/opt/\xc3\xa9", "/opt/\n"}) {
    ExpectRefused(hostile, "nothing names it", "");
  }
  ExpectRefused("/tmp/x", "/tmp is the run's own", "--ro /tmp/x");
  ExpectRefused("/usr/bin/sh", "read-only in every run", "");
  ExpectRefused("/home/ann/data/x", "shown read-only", "--cow /home/ann/data");
  ExpectRefused("/home/ann/p/.env", "a secret file: .env*, by default", "--unmask .env");
  ExpectRefused("/home/ann/p/keys/a", "--hide 'keys/'", "--unmask keys");
  ExpectRefused("/home/ann/p/.git/config", "credentials", "");
  ExpectRefused("/etc/passwd", "built from nothing", "");
  ExpectRefused("/etc/shadow", "of /etc a run has", "");
  ExpectRefused("/sys/fs", "no /sys", "");
  ExpectRefused("/proc/kcore", "whole machine", "");
  ExpectRefused("/proc/sys/kernel", "whole machine", "");
}

TEST_F(Why, WhatIsThereIsAllowed) {
  for (const char* path : {"/home/ann/p/src/a.c", "/home/ann/p", "/home/ann", "/tmp", "/proc/1"}) {
    EXPECT_FALSE(WhyPath(plan_, path).refused) << path;
  }
}

TEST_F(Why, OnlyPlaceholdersAreShownInPlace) {
  EXPECT_EQ(WhyPath(plan_, "/home/ann/p/.env").shown_in_place, "mask/project/.env");
  EXPECT_EQ(WhyPath(plan_, "/home/ann/p/keys").shown_in_place, "");
  EXPECT_EQ(WhyPath(plan_, "/home/ann/p/.git/config").shown_in_place, "");
}

TEST_F(Why, AHostIsALoopbackPortThatIsNamedOrNothing) {
  EXPECT_FALSE(WhyHost(plan_, "localhost:5432").refused);
  EXPECT_FALSE(WhyHost(plan_, "[::1]:5432").refused);
  EXPECT_EQ(WhyHost(plan_, "127.0.0.1:80").way, "--host-port 80");
  EXPECT_EQ(WhyHost(plan_, "http://localhost/x").way, "--host-port 80");
  EXPECT_EQ(WhyHost(plan_, "https://example.com/x").rule, "no network: the policy names no host");
  EXPECT_EQ(WhyHost(plan_, "https://example.com/x").way, "--allow example.com");
  EXPECT_EQ(WhyHost(plan_, "ssh://git.example:22").way, "--allow git.example:22");
  EXPECT_EQ(WhyHost(plan_, "2001:db8::1").way, "--allow [2001:db8::1]");
}

TEST_F(Why, AHostIsWhatARuleNames) {
  plan_.network.rules.allow = {*policy::ParseNetRule("*.example.com", "--allow")};
  plan_.network.rules.deny = {*policy::ParseNetRule("no.example.com", "ambit.toml:2:9: net.deny")};
  EXPECT_FALSE(WhyHost(plan_, "https://a.example.com/x").refused);
  EXPECT_FALSE(WhyHost(plan_, "a.example.com").refused);
  EXPECT_TRUE(WhyHost(plan_, "a.example.com:22").refused);
  EXPECT_THAT(WhyHost(plan_, "other.example").rule, HasSubstr("no rule names it"));
  EXPECT_THAT(WhyHost(plan_, "no.example.com").rule, HasSubstr("ambit.toml:2:9: net.deny"));
  const Result<LaunchPlan> read = DecodeJson(EncodeJson(plan_));
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->network.rules, plan_.network.rules);
}

TEST_F(Why, AHostThatAPersonIsAskedAboutIsRefusedUntilThen) {
  plan_.network.rules.ask = true;
  plan_.network.rules.deny = {*policy::ParseNetRule("no.example.com", "--deny")};
  EXPECT_TRUE(WhyHost(plan_, "example.com:22").refused);
  EXPECT_EQ(WhyHost(plan_, "example.com:22").way, "ambit approve example.com:22");
  EXPECT_EQ(WhyHost(plan_, "example.com:80").way, "ambit approve example.com:80");
  EXPECT_EQ(WhyHost(plan_, "com:80").way, "ambit approve com.:80");
  EXPECT_THAT(WhyHost(plan_, "no.example.com").rule, HasSubstr("--deny"));
  EXPECT_TRUE(DecodeJson(EncodeJson(plan_))->network.rules.ask);
}

TEST_F(Why, OfAPrivateNameTellsWhereItLeads) {
  plan_.network.rules.allow = {*policy::ParseNetRule("*.corp.example", "--allow")};
  plan_.network.rules.private_names = {
      *policy::ParsePrivateName("db.corp.example", "--private"),
      *policy::ParsePrivateName("app.corp.example=127.0.0.1", "ambit.toml:3:9: net.private")};
  EXPECT_THAT(WhyHost(plan_, "db.corp.example").rule,
              HasSubstr("and it may lead to private addresses (--private)"));
  EXPECT_THAT(WhyHost(plan_, "app.corp.example").rule,
              HasSubstr("and it leads to 127.0.0.1 (ambit.toml:3:9: net.private)"));
  EXPECT_THAT(WhyHost(plan_, "x.corp.example").rule, Not(HasSubstr("lead")));
  const Result<LaunchPlan> read = DecodeJson(EncodeJson(plan_));
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->network.rules, plan_.network.rules);
}

TEST_F(Why, OfARangeMeansPrivateNetworksOnlyWhereItIsOne) {
  plan_.network.rules.allow = {*policy::ParseNetRule("0.0.0.0/0", "--allow")};
  EXPECT_FALSE(WhyHost(plan_, "8.8.8.8").refused);
  EXPECT_EQ(WhyHost(plan_, "10.0.0.5").way, "--allow 10.0.0.5");
  EXPECT_THAT(WhyHost(plan_, "10.0.0.5").rule,
              HasSubstr("no rule names it by itself: 0.0.0.0/0 (--allow) does not mean an address "
                        "of a private network"));
  EXPECT_EQ(WhyHost(plan_, "169.254.169.254").way, "") << "no rule reaches it";
}

TEST_F(Why, OfAnAddressNamesTheRangeThatDecides) {
  plan_.network.rules.allow = {*policy::ParseNetRule("10.0.0.0/8:22", "--allow")};
  plan_.network.rules.deny = {*policy::ParseNetRule("10.9.0.0/16", "--deny")};
  for (const char* allowed : {"10.1.2.3:22", "10.1.2.3"}) {
    EXPECT_FALSE(WhyHost(plan_, allowed).refused) << allowed;
    EXPECT_EQ(WhyHost(plan_, allowed).rule, "10.0.0.0/8:22 allows it (--allow)");
  }
  EXPECT_EQ(WhyHost(plan_, "10.9.2.3:22").rule, "10.9.0.0/16 denies it (--deny)");
  EXPECT_THAT(WhyHost(plan_, "10.1.2.3:443").rule, ::testing::EndsWith("no rule names it"));
}

TEST_F(Why, OfManyIsWhetherOneRuleNamesAllOfThem) {
  plan_.network.rules.allow = {*policy::ParseNetRule("10.0.0.0/8:22", "--allow"),
                               *policy::ParseNetRule("*.example.com", "--allow")};
  plan_.network.rules.deny = {*policy::ParseNetRule("10.9.0.0/16", "--deny")};
  EXPECT_EQ(WhyHost(plan_, "10.8.0.0/15:22").rule,
            "10.0.0.0/8:22 allows it (--allow), but 10.9.0.0/16 denies a part of it (--deny)");
  EXPECT_EQ(WhyHost(plan_, "*.a.example.com").rule, "*.example.com allows it (--allow)");
  EXPECT_EQ(WhyHost(plan_, "10.9.8.0/24:22").rule, "10.9.0.0/16 denies it (--deny)");
  EXPECT_EQ(WhyHost(plan_, "10.0.0.0/8").way, "--allow 10.0.0.0/8");
  EXPECT_EQ(WhyHost(plan_, "[2001:db8::/32]").way, "--allow [2001:db8::/32]");
  plan_.network.rules.allow = {*policy::ParseNetRule("0.0.0.0/0", "--allow")};
  EXPECT_FALSE(WhyHost(plan_, "8.8.8.0/24").refused);
  EXPECT_FALSE(WhyHost(plan_, "0.0.0.0/0").refused);
  EXPECT_TRUE(WhyHost(plan_, "192.168.0.0/16").refused) << "it means no private network";
}

TEST(TypedTarget, IsANameOrAnAddressAndAPort) {
  for (const char* good :
       {"example.com", "EXAMPLE.com:443", "https://example.com/x", "192.0.2.7:22", "2001:db8::1",
        "[2001:db8::1]:443", "localhost:80", "::1", "10.0.0.0/8:22", "*.example.com", "com."}) {
    EXPECT_TRUE(ReadTypedTarget(good)) << good;
  }
  const auto told = [](const char* text) {
    const auto target = ReadTypedTarget(text);
    return target ? "taken" : target.error().what + "; " + target.error().remedy;
  };
  for (const char* bad : {"example.com:http", "example.com:", "example.com:0", "example.com:65536",
                          "localhost:http", "127.0.0.1:http", "[::1]:http"}) {
    EXPECT_EQ(told(bad), std::string("'") + bad +
                             "': no port behind its colon; a port is a number from 1 to 65535, as "
                             "in example.com:443");
  }
  EXPECT_THAT(told("two words"), HasSubstr("neither a name nor an address"));
  EXPECT_THAT(told("10.0.0.1/8"), HasSubstr("has bits behind its prefix; write 10.0.0.0/8"));
}

TEST_F(Why, IsTheSameOfThePlanOnRecord) {
  const Result<LaunchPlan> read = DecodeJson(EncodeJson(plan_));
  ASSERT_TRUE(read) << read.error().what;
  for (const char* path : {"/home/ann/.ssh", "/usr/bin", "/home/ann/p/.env", "/home/ann/p/a",
                           "/etc/passwd", "/proc/kcore", "/home/ann/data", "/tmp/x", "/srv"}) {
    EXPECT_EQ(WhyPath(*read, path).what, WhyPath(plan_, path).what);
    EXPECT_EQ(WhyPath(*read, path).rule, WhyPath(plan_, path).rule);
    EXPECT_EQ(WhyPath(*read, path).way, WhyPath(plan_, path).way);
  }
  EXPECT_FALSE(WhyHost(*read, "localhost:5432").refused);
}

TEST(PlanOnRecord, KeepsTheLimits) {
  LaunchPlan plan;
  plan.limits.all = {{.kind = policy::Limit::kTime,
                      .value = 60'000,
                      .means = Means::kClock,
                      .interval_ms = 0,
                      .overshoot = {},
                      .from = "--time"},
                     {.kind = policy::Limit::kDisk,
                      .value = 1 << 20,
                      .means = Means::kSampled,
                      .interval_ms = 250,
                      .overshoot = "what is written in 250 ms",
                      .from = "default"}};
  const Result<LaunchPlan> read = DecodeJson(EncodeJson(plan));
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->limits.all, plan.limits.all);
}

TEST(PlanOnRecord, ThatIsNoneIsAnError) {
  for (const char* text : {"", "{}", "[]", "{\"format\": 99}",
                           R"({"format": 1, "mounts": [{"kind": "new", "layer": 0}]})",
                           R"({"format": 1, "mounts": [{"kind": "layer", "layer": 7}]})"}) {
    EXPECT_FALSE(DecodeJson(text)) << text;
  }
}

}  // namespace
}  // namespace ambit::plan
