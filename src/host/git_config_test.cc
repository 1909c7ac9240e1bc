#include "host/git_config.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace ambit::host {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

/// "section.subsection.key=value" of every entry, with '!' for a bare key.
std::vector<std::string> Flat(std::string_view text) {
  const auto config = ParseGitConfig(text);
  if (!config) return {"error: " + config.error().what};
  std::vector<std::string> out;
  for (const GitConfigEntry& entry : config->entries) {
    out.push_back(entry.section + "." + entry.subsection + "." + entry.key +
                  (entry.value ? "=" + *entry.value : "!"));
  }
  return out;
}

std::string Strip(std::string_view text) {
  const auto out = WithoutCredentials(text);
  if (!out) return "error: " + out.error().what;
  return out->value_or("unchanged");
}

TEST(ParseGitConfig, ReadsSectionsKeysAndValues) {
  EXPECT_THAT(Flat("[Core]\n\tBare = false\n[remote \"Or\\\"igin\\\\\"] url=x\n[A.B]\nkey\n"),
              ::testing::ElementsAre("core..bare=false", "remote.Or\"igin\\.url=x", "a.b.key!"));
}

TEST(ParseGitConfig, ReadsQuotesEscapesContinuationsAndComments) {
  EXPECT_THAT(
      Flat("[a]\nk = \" x # y\" z ; c\n# c\nl = one \\\n  two\\t\\\"\nm = a \t \n n = \"\"\r\n"),
      ::testing::ElementsAre("a..k= x # y z", "a..l=one   two\t\"", "a..m=a", "a..n="));
}

TEST(ParseGitConfig, RefusesWhatGitRefuses) {
  for (const std::string_view bad :
       {"k = v\n", "[a\nk=v", "[a \"x]\n", "[a]\nk = \"x\n", "[a]\nk = \\x\n", "[a]\n1k = v\n",
        "[a]\nk v\n", "[]\n", "[a b]\n", "[a]\nk = v\\"}) {
    EXPECT_FALSE(ParseGitConfig(bad)) << bad;
  }
  EXPECT_FALSE(ParseGitConfig(std::string_view("[a]\nk=\0\n", 8)));
}

TEST(ParseGitConfig, IsBounded) {
  EXPECT_EQ(ParseGitConfig(std::string(kMaxGitConfigBytes + 1, '\n')).error().code, Errc::kLimit);
  EXPECT_EQ(ParseGitConfig(std::string(kMaxGitConfigLines + 1, '\n')).error().code, Errc::kLimit);
  EXPECT_EQ(ParseGitConfig("[a]\nk = " + std::string(kMaxGitConfigLineBytes, 'x')).error().code,
            Errc::kLimit);
}

TEST(ParseGitConfig, AgreesWithGit) {
  const std::string text =
      "[core]\n\tx = a\\tb \"c  d\" e ; no\n[s \"Sub.Sect\"]\n  K-1 = \\\n v\n [o.L]f = \"#\"\n";
  const std::string path =
      fs::temp_directory_path() / ("ambit-config-" + std::to_string(::getpid()));
  std::ofstream(path) << text;
  FILE* git = ::popen(("git config -z --list -f '" + path + "'").c_str(), "r");
  ASSERT_NE(git, nullptr);
  std::string listed;
  for (int c = std::fgetc(git); c != EOF; c = std::fgetc(git)) listed += static_cast<char>(c);
  ASSERT_EQ(::pclose(git), 0);
  fs::remove(path);
  std::string ours;
  for (const GitConfigEntry& entry : ParseGitConfig(text)->entries) {
    ours += entry.section + (entry.subsection.empty() ? "" : "." + entry.subsection) + "." +
            entry.key + "\n" + *entry.value + '\0';
  }
  EXPECT_EQ(ours, listed);
}

TEST(WithoutCredentials, LeavesACleanFileAlone) {
  EXPECT_EQ(
      Strip("[remote \"o\"]\n\turl = ssh://git@host/x\n\turl = git@host:x\n# see https://h/\n"),
      "unchanged");
  EXPECT_EQ(Strip("[core]\n\taskpass = /usr/bin/askpass\n"), "unchanged");
}

TEST(WithoutCredentials, TakesUserAndPasswordOutOfUrls) {
  EXPECT_EQ(Strip("[remote \"o\"]\n  url = https://u:p@h/x # c\n  fetch = +a:b\n"),
            "[remote \"o\"]\n  url = \"https://h/x\" # c\n  fetch = +a:b\n");
  EXPECT_EQ(Strip("[a]\nk = https://token@h/x"), "[a]\nk = \"https://h/x\"");
  EXPECT_EQ(Strip("[a]\nk = ssh://u:p@h/x"), "[a]\nk = \"ssh://h/x\"");
  EXPECT_EQ(Strip("[a]\nk = https://u:p@q:r@h/x@y"), "[a]\nk = \"https://h/x@y\"");
  EXPECT_EQ(Strip("[a]\nk = \"https://u:\"p\\\n@h"), "[a]\nk = \"https://h\"");
  EXPECT_EQ(Strip("[url \"https://u:p@h/\"]\ninsteadOf = x:"),
            "[url \"https://h/\"]\ninsteadOf = x:");
}

TEST(WithoutCredentials, DropsHeadersHelpersPasswordsAndCommentedSecrets) {
  EXPECT_EQ(
      Strip("[http \"https://h/\"] extraHeader = AUTHORIZATION: basic Zm9v\nsslVerify = true\n"),
      "[http \"https://h/\"] \nsslVerify = true\n");
  for (const std::string_view text :
       {"[credential]\nhelper = !echo SECRET\n", "[credential \"https://h\"]\nusername = SECRET\n",
        "[sendemail]\nsmtpPass = SECRET\n", "[hub]\noauthtoken = SECRET\n",
        "[a]\n# url = https://u:SECRET@h/\n", "[a]\nk = v ; extraheader = SECRET\n"}) {
    EXPECT_THAT(Strip(text), Not(HasSubstr("SECRET"))) << text;
    EXPECT_THAT(Strip(text), Not(HasSubstr("unchanged"))) << text;
  }
}

TEST(WithoutCredentials, AFileThatCannotBeParsedIsAnError) {
  EXPECT_FALSE(WithoutCredentials("[a\n"));
}

class Identity : public ::testing::Test {
 protected:
  Identity() {
    std::string name = (fs::temp_directory_path() / "ambit-home-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    home_ = name;
  }
  ~Identity() override { fs::remove_all(home_); }
  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((home_ / path).parent_path());
    std::ofstream(home_ / path) << text;
  }
  fs::path home_;
};

TEST_F(Identity, TheHomeFileWinsOverTheConfigDirectory) {
  Write(".config/git/config", "[user]\nname = A\nemail = a@x\n");
  Write(".gitconfig", "[user]\nname = B\n[user \"sub\"]\nname = C\n");
  const UserIdentity who = ReadUserIdentity(home_.string(), "");
  EXPECT_EQ(who.name, "B");
  EXPECT_EQ(who.email, "a@x");
}

TEST_F(Identity, FollowsIncludesButNotForEver) {
  Write(".gitconfig",
        "[include]\npath = one\npath = ~/two\n[includeIf \"gitdir:/\"]\npath = three\n");
  Write("one", "[include]\npath = one\n[user]\nname = One\n");
  Write("two", "[user]\nemail = two@x\n");
  Write("three", "[user]\nemail = three@x\n");
  const UserIdentity who = ReadUserIdentity(home_.string(), "");
  EXPECT_EQ(who.name, "One");
  EXPECT_EQ(who.email, "two@x");
}

TEST_F(Identity, AFifoAHugeOrABrokenFileCountsAsEmpty) {
  ASSERT_EQ(::mkfifo((home_ / ".gitconfig").c_str(), 0600), 0);
  Write("xdg/git/config", "[user]\nname = X\n[include]\npath = huge\npath = broken\n");
  Write("xdg/git/huge", "[user]\nname = Huge\n" + std::string(1 << 20, '\n'));
  Write("xdg/git/broken", "[user]\nname = Broken\n[");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(ReadUserIdentity(home_.string(), (home_ / "xdg").string()).name, "X");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

}  // namespace
}  // namespace ambit::host
