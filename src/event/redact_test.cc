#include "event/redact.h"

#include <gtest/gtest.h>

namespace ambit::event {
namespace {

using Words = std::vector<std::string>;

TEST(Redactor, TakesOutKnownValuesWhereverTheyStand) {
  const Redactor redactor({"MY_TOKEN=swordfish-1", "LONGER_SECRET=swordfish-12", "HOME=/home/ada",
                           "SHORT_TOKEN=abc", "EDITOR=swordfish-editor"});
  EXPECT_EQ(redactor.Clean("a=swordfish-1,b=swordfish-12,swordfish-editor"),
            "a=[redacted MY_TOKEN],b=[redacted LONGER_SECRET],swordfish-editor");
  EXPECT_EQ(redactor.Clean("abc /home/ada"), "abc /home/ada");
  EXPECT_EQ(redactor.CleanArguments({"curl", "-H", "X: swordfish-1"}),
            (Words{"curl", "-H", "X: [redacted MY_TOKEN]"}));
}

TEST(Redactor, TakesOutWhatHasTheFormOfAToken) {
  const Redactor redactor;
  const std::string letters(40, 'a');
  for (const std::string prefix : {"ghp_", "gho_", "github_pat_", "sk-ant-", "sk-", "glpat-",
                                   "AKIA", "xoxb-", "npm_", "hf_"}) {
    EXPECT_EQ(redactor.Clean("x " + prefix + letters + " y"), "x [redacted] y") << prefix;
    EXPECT_EQ(redactor.Clean("/tmp/" + prefix + letters), "/tmp/[redacted]") << prefix;
  }
  for (const std::string& plain : {std::string("sk-short"), std::string("task-") + letters,
                                   std::string("/usr/bin/AKIA"), std::string(64, 'f')}) {
    EXPECT_EQ(redactor.Clean(plain), plain);
  }
}

TEST(Redactor, TakesOutWhatStandsWhereASecretBelongs) {
  const Redactor redactor;
  EXPECT_EQ(redactor.CleanArguments({"x", "Authorization: Bearer abc.def", "--password=p w",
                                     "--token", "t", "--api-key", "-v", "API_TOKEN=xyz",
                                     "-passwordless=1", "x-api-key: k"}),
            (Words{"x", "Authorization: Bearer [redacted]", "--password=[redacted]", "--token",
                   "[redacted]", "--api-key", "[redacted]", "API_TOKEN=[redacted]",
                   "-passwordless=1", "x-api-key: [redacted]"}));
  EXPECT_EQ(redactor.Clean("git clone https://ada:hunter2@host/x ssh://git@host/y"),
            "git clone https://ada:[redacted]@host/x ssh://git@host/y");
}

TEST(Redactor, LeavesOrdinaryArgumentsAsTheyAre) {
  const Redactor redactor({"PATH=/usr/bin", "SSH_AUTH_SOCK=/run/user/1000/agent"});
  const Words plain = {"g++",
                       "-O2",
                       "-DKEY=3",
                       "-o",
                       "a.out",
                       "main.cc",
                       "",
                       "--author=Ada",
                       "\xff",
                       "k=v",
                       "/run/user/1000/agent"};
  EXPECT_EQ(redactor.CleanArguments(plain), plain);
}

TEST(LooksSecret, ByTheNameAlone) {
  for (const char* name :
       {"GITHUB_TOKEN", "aws_secret_access_key", "DB_PASSWORD", "ANTHROPIC_API_KEY"})
    EXPECT_TRUE(LooksSecret(name)) << name;
  for (const char* name : {"HOME", "PATH", "KEYBOARD", "PASSENGER", ""})
    EXPECT_FALSE(LooksSecret(name)) << name;
}

}  // namespace
}  // namespace ambit::event
