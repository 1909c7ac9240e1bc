// ambit why: which rule refuses something, and the flag that allows it, which then does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "own_mounts.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Why : public ::testing::TestWithParam<Who> {
 protected:
  Why() {
    person_.Write("project/file.txt", "host\n");
    person_.Write("project/.env", "TOKEN=real-token\nDB_URL=real-db\n", 0600);
    person_.Write("project/server.pem", "real-pem\n", 0600);
    person_.Write("home/notes.txt", "mine\n");
  }
  void Run(std::vector<std::string> flags = {}) {
    ASSERT_EQ(person_.Sh("true", std::move(flags)).exit_code, 0);
  }
  Finished Ask(std::vector<std::string> words) {
    words.insert(words.begin(), "why");
    return person_.Ambit(std::move(words));
  }
  void ExpectRefused(const Finished& done, const std::string& rule, const std::string& way) {
    EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
    EXPECT_THAT(done.out, AllOf(StartsWith("refused "), HasSubstr(rule), HasSubstr(way)));
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Why, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Why, APathThatNothingNamesAndTheFlagThatShowsIt) {
  Run();
  const std::string notes = person_.home() + "/notes.txt";
  const Finished asked = Ask({"--path", notes});
  ExpectRefused(asked, "the home is the run's own", "allow   --ro " + notes);
  EXPECT_EQ(person_.Sh("cat " + notes).exit_code, 1);  // what it says is true
  Run({"--ro", notes});
  ExpectRefused(Ask({"--path", notes}), "shown read-only", "nothing allows it");
  EXPECT_EQ(person_.Sh("cat " + notes, {"--ro", notes}).out, "mine\n");
}

TEST_P(Why, ASecretFileIsNamedWithItsKeysAndNoValue) {
  Run();
  const Finished masked = Ask({"--path", ".env"});
  ExpectRefused(masked, ".env*, by default; its keys: TOKEN, DB_URL", "--unmask .env");
  EXPECT_THAT(masked.out, Not(HasSubstr("real")));
  ExpectRefused(Ask({"--path", "server.pem"}), "*.pem, by default", "--unmask server.pem");
  Run({"--hide", "file.*"});
  ExpectRefused(Ask({"--path", "file.txt"}), "--hide 'file.*'", "--unmask file.txt");
  EXPECT_EQ(person_.Sh("cat server.pem", {"--unmask", "server.pem"}).out, "real-pem\n");
  Run({"--project", "ro"});
  ExpectRefused(Ask({"--path", "server.pem"}), "*.pem, by default", "--unmask server.pem");
}

TEST_P(Why, WhatIsAllowedIsExitCodeOne) {
  Run();
  const Finished file = Ask({"--path", "file.txt"});
  EXPECT_EQ(file.exit_code, 1);
  EXPECT_THAT(file.out, AllOf(StartsWith("allowed "), HasSubstr("stay in the run's layer")));
  EXPECT_EQ(Ask({}).exit_code, 1);
  EXPECT_EQ(Ask({"--newest"}).exit_code, 1);
}

TEST_P(Why, SystemPathsAreReadOnlyAndTheRestOfTheHostIsNotThere) {
  Run();
  ExpectRefused(Ask({"--path", "/usr/bin"}), "read-only in every run", "nothing allows it");
  ExpectRefused(Ask({"--path", "/etc/shadow"}), "of /etc a run has", "nothing allows it");
  ExpectRefused(Ask({"--path", "/sys/kernel"}), "no /sys of the host's", "nothing allows it");
  ExpectRefused(Ask({"--path", "/srv/data"}), "nothing names it", "--ro /srv/data");
  ExpectRefused(Ask({"--path", "/tmp/x y"}), "/tmp is the run's own", "--ro '/tmp/x y'");
  EXPECT_EQ(person_.Sh("touch /usr/bin/x || ls /etc/shadow /sys/kernel /srv").out, "");
}

TEST_P(Why, AHostIsReachedByANamedPortOfTheLoopbackAlone) {
  Run({"--host-port", "5432"});
  const std::string none = "no network: the policy names no host";
  ExpectRefused(Ask({"--host", "example.com"}), none, "--allow example.com");
  ExpectRefused(Ask({"--host", "https://example.com/x"}), none, "example.com");
  ExpectRefused(Ask({"--host", "localhost:6379"}), "loopback of its own", "--host-port 6379");
  const Finished named = Ask({"--host", "127.0.0.1:5432"});
  EXPECT_EQ(named.exit_code, 1);
  EXPECT_THAT(named.out, HasSubstr("--host-port 5432 names it"));
}

TEST_P(Why, APathOrAHostNeedsNoFlag) {
  Run({"--allow", "example.com"});
  const std::string notes = person_.home() + "/notes.txt";
  ExpectRefused(Ask({notes}), "the home is the run's own", "allow   --ro " + notes);
  ExpectRefused(Ask({"server.pem"}), "*.pem, by default", "--unmask server.pem");
  ExpectRefused(Ask({"other.example"}), "no rule names it", "--allow other.example");
  ExpectRefused(Ask({"https://other.example:8443/x"}), "no rule names it", "other.example:8443");
  EXPECT_EQ(Ask({"example.com"}).exit_code, 1);
  EXPECT_THAT(Ask({"r-00000000"}).err, HasSubstr("there is no run 'r-00000000'"));
}

TEST_P(Why, AHostThatCannotBeOneIsAMistake) {
  Run({"--allow", "example.com"});
  for (const std::vector<std::string>& typed : std::vector<std::vector<std::string>>{
           {"--host", "example.com:http"}, {"example.com:http"}, {"--host", "localhost:x"}}) {
    const Finished why = Ask(typed);
    EXPECT_EQ(why.exit_code, 125) << why.out;
    EXPECT_THAT(why.err, HasSubstr("a port is a number from 1 to 65535")) << typed.back();
    EXPECT_EQ(why.out, "");
  }
}

/// It does not claim to know more than is on record.
TEST_P(Why, OfNothingRefusedSaysWhatIsOnNoRecord) {
  Run({"--allow", "example.com"});
  EXPECT_THAT(Ask({}).out, AllOf(HasSubstr("it was refused nothing that is on record"),
                                 HasSubstr("what does not exist inside, and UDP, are on none"),
                                 Not(HasSubstr("kernel refuses by itself"))));
}

TEST_P(Why, OfARunWithoutANetworkSaysThat) {
  Run();
  const Finished none = Ask({});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.out, AllOf(HasSubstr("It had no network, as no rule names a host"),
                              HasSubstr("allow   --allow NAME\n")));
  Run({"--host-port", "5432"});
  EXPECT_THAT(Ask({}).out, Not(HasSubstr("no network")));
}

TEST_P(Why, AWordThatIsNoRunIsAHostOrAPath) {
  person_.Write("project/Makefile", "all:\n");
  Run({"--host-port", "5432", "--allow", "db"});
  const Finished loopback = Ask({"localhost"});
  EXPECT_EQ(loopback.exit_code, 1) << loopback.err;
  EXPECT_THAT(loopback.out, HasSubstr("allowed localhost can be reached from inside"));
  EXPECT_EQ(Ask({"db"}).exit_code, 1);
  ExpectRefused(Ask({"cache"}), "no rule names it", "--allow cache");
  EXPECT_THAT(Ask({"Makefile"}).out, HasSubstr("/project/Makefile can be read and written inside"));
  EXPECT_THAT(Ask({"r-typo"}).err, HasSubstr("there is no run 'r-typo'"));
}

TEST_P(Why, ADenialNamesWhereItsRuleStands) {
  person_.Write("home/.config/ambit/config.toml", "[net]\ndeny = [\"b.example\"]\n");
  Run({"--allow", "a.example", "--allow", "b.example", "--deny", "a.example"});
  ExpectRefused(Ask({"a.example"}), "a.example denies it (--deny)",
                "allow   a run without --deny a.example\n");
  ExpectRefused(
      Ask({"b.example"}), "b.example denies it",
      "allow   take 'b.example' out of " + person_.home() + "/.config/ambit/config.toml:2:9\n");
}

TEST_P(Why, NamesNoFlagThatTheManagedPolicyDoesNotAllow) {
  person_.Write("managed/policy.toml", "[net]\nallow = [\"good.example\"]\n");
  const std::string ambit = "'" + AmbitBinary() + "'";
  const Finished run = InOwnMounts(
      person_,
      "mount -t tmpfs none /mnt; cp -a /etc/. /mnt 2>/dev/null || :; mkdir /mnt/ambit; cp " +
          person_.root() +
          "/managed/policy.toml /mnt/ambit/; chmod 644 /mnt/ambit/policy.toml; "
          "mount --bind /mnt /etc",
      ambit + " run --allow github.com --allow good.example -- sh -c 'getent hosts github.com'\n" +
          ambit + " why github.com; " + ambit + " why; " + ambit + " why good.example:22; " +
          ambit + " run -q -- true; " + ambit + " why good.example");
  if (::geteuid() != 0) {  // it is not root's, and nothing else can be made here
    EXPECT_THAT(run.err, HasSubstr("can be written by others than root"));
    return;
  }
  EXPECT_THAT(run.err, HasSubstr("--allow 'github.com' is left out"));
  EXPECT_THAT(
      run.out,
      AllOf(HasSubstr("and the managed policy does not allow it\nnothing allows it\n"),
            HasSubstr("refused resolve github.com"), Not(HasSubstr("--allow github")),
            Not(HasSubstr("--allow good.example:22")), HasSubstr("allow   --allow good.example\n")))
      << run.err;
}

TEST_P(Why, TheNewestRefusalIsTheOneOfTheJournal) {
  ASSERT_EQ(person_
                .Ambit({"run", "-q", "--host-port", "9", "--", "bash", "-c",
                        "exec 2>/dev/null; read -t 5 < /dev/tcp/127.0.0.1/1; "
                        "read -t 5 < /dev/tcp/::1/1; sleep 0.3"})
                .exit_code,
            0);
  const Finished newest = Ask({"--newest"});
  EXPECT_EQ(newest.exit_code, 0) << newest.err;
  EXPECT_THAT(newest.out, AllOf(HasSubstr("a connection to ::1 port 1, "),
                                HasSubstr("because no rule names it"), Not(HasSubstr("127."))));
  const Finished all = Ask({});
  EXPECT_EQ(all.exit_code, 0) << all.err;
  EXPECT_THAT(all.out, StartsWith(newest.out + "\nrefused a connection to 127.0.0.1 port 1, "));
  const Finished one = Ask({"--host", "127.0.0.1:1", "--json"});
  EXPECT_EQ(one.exit_code, 0) << one.err;
  const auto answer = nlohmann::json::parse(one.out);
  EXPECT_EQ(answer.at("refused"), true);
  EXPECT_THAT(answer.at("what").get<std::string>(), HasSubstr("port 1 (2 times), "));
}

TEST_P(Why, ARunWhoseCommandIsNotThereTellsThat) {
  EXPECT_EQ(person_.Ambit({"run", "-q", "--", "no-such-command"}).exit_code, 127);
  const Finished why = Ask({});
  EXPECT_EQ(why.exit_code, 0) << why.out;
  EXPECT_THAT(why.out, AllOf(HasSubstr("not-found"), HasSubstr("no-such-command")));
}

TEST_P(Why, HostileNamesSteerNoTerminal) {
  Run();
  const Finished why = Ask({"--path", "/srv/\x1b[2J\xe2\x80\xae"});
  EXPECT_THAT(why.out,
              AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\xe2\x80\xae")), HasSubstr("\\x1b[2J")));
  EXPECT_EQ(Ask({"--path", "/x", "--host", "y"}).exit_code, 125);
}

}  // namespace
}  // namespace ambit::testing
