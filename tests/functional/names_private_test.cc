// Names and rules that lead to private networks, to this machine, and to nothing of the kind: real
// programs inside, and an outside in a network namespace of the test's own.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "outside.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

/// Tells of each target whether and where it was reached.
constexpr const char* kTry = R"sh(
for target in %s; do
  where=$(curl -sS -m 9 http://$target/where 2>/dev/null); echo "$target $where ($?)"
done
)sh";

class PrivateNames : public ::testing::TestWithParam<Who> {
 protected:
  /// Tries `targets` inside, with `flags`; then `after` outside.
  Finished Try(const std::string& targets, const std::string& flags,
               const std::string& after = ":") {
    std::string script = kTry;
    script.replace(script.find("%s"), 2, targets);
    return RunWithOutside(person_, flags, script, after);
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, PrivateNames, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(PrivateNames, LeadToPrivateNetworksAndToThisMachineButNotToItsLoopback) {
  const Finished run =
      Try("private.example laboratory.example own.example public-own.example local.example "
          "metadata.example",
          "--allow private.example --allow laboratory.example --allow own.example --allow "
          "public-own.example "
          "--allow local.example --allow metadata.example --private private.example "
          "--private laboratory.example --private own.example --private public-own.example "
          "--private local.example "
          "--private metadata.example",
          "ambit why");
  EXPECT_THAT(
      run.out,
      AllOf(HasSubstr("private.example /where at 10.1.2.3 (0)"),
            HasSubstr("laboratory.example /where at 203.0.113.80 (0)"),
            HasSubstr("own.example /where at 192.168.77.2 (0)"),
            HasSubstr("public-own.example /where at 8.8.4.4 (0)"),
            HasSubstr("local.example ambit: a connection to local.example:80 is refused: it leads "
                      "to this machine itself, ambit run --private local.example=127.0.0.1 would "
                      "allow it (0)"),
            HasSubstr("metadata.example ambit: a connection to metadata.example:80 is refused: it "
                      "leads to the metadata of a cloud machine (0)"),
            HasSubstr("because it leads to this machine itself"),
            HasSubstr("allow   --private local.example=127.0.0.1"),
            HasSubstr("because it leads to the metadata of a cloud machine\nnothing allows it")))
      << run.err;
}

TEST_P(PrivateNames, ThatAreNotLeadToNothingOfTheKindAndTheFlagIsNamed) {
  const Finished run = Try("private.example own.example public-own.example example.com",
                           "--allow private.example --allow own.example --allow public-own.example "
                           "--allow example.com --private other.example --allow other.example",
                           "ambit why; ambit why --host private.example");
  EXPECT_THAT(
      run.out,
      AllOf(
          HasSubstr(
              "private.example ambit: a connection to private.example:80 is refused: it leads to"),
          HasSubstr("own.example ambit: a connection to own.example:80 is refused: it leads to an "
                    "address of this machine, ambit run --private own.example would allow it"),
          HasSubstr("public-own.example ambit: a connection to public-own.example:80 is refused: "
                    "it leads to"),
          HasSubstr("example.com /where at 93.184.216.34 (0)"),
          HasSubstr("it leads to an address of this machine"),
          HasSubstr("allow   --private private.example")))
      << run.err;
}

/// Many connections to names whose answers take turns: what came of them, how often, and which
/// addresses of the outside were reached.
constexpr const char* kTryOften = R"sh(
try() { seq $2 | xargs -P 4 -I% curl -sS -m 9 http://$1/where 2>&1 | sort | uniq -c; }
try changes.example 84
try kept.example 20
try kept-private.example 20
)sh";
constexpr const char* kReached =
    "sort -u ../reached | sed 's/^/reached /'\n"
    "for at in 127.0.0.1 169.254.169.254; do curl -sS -m 9 http://$at/where; done";

TEST_P(PrivateNames, WhoseAnswersChangeNeverLeadToNothingOfTheKind) {
  person_.Write("project/often.sh", kTryOften);
  const Finished run =
      WithOutside(person_, fmt::format("'{}' run -q --allow changes.example --allow kept.example "
                                       "--allow kept-private.example -- sh often.sh\n{}",
                                       AmbitBinary(), kReached));
  EXPECT_THAT(
      run.out,
      AllOf(HasSubstr("it leads to this machine itself"),
            HasSubstr("it leads to an address of a private network"),
            HasSubstr("it leads to an address of this machine"),
            HasSubstr("it leads to the metadata of a cloud machine"),
            HasSubstr("reached 93.184.216.34\n"), Not(ContainsRegex("reached (1|8|93.184.216.35)")),
            // What is kept is judged each time.
            HasSubstr("     20 /where at 93.184.216.34\n"),
            HasSubstr("     20 ambit: a connection to kept-private.example:80 is refused"),
            // They would have answered.
            HasSubstr("\n/where at 127.0.0.1\n/where at 169.254.169.254\n")))
      << run.err;
  const std::string asked = person_.Read("asked");
  for (const char* name : {"\nkept.example\n", "\nkept-private.example\n"}) {
    std::size_t times = 0;
    for (auto at = asked.find(name); at != std::string::npos; at = asked.find(name, at + 1))
      ++times;
    EXPECT_EQ(times, 2U) << name << "is asked for once in each family";
  }
}

TEST_P(PrivateNames, WhoseAnswersChangeLeadToPrivateNetworksWhenTheyMay) {
  person_.Write("project/often.sh", kTryOften);
  const Finished run =
      WithOutside(person_, fmt::format("'{}' run -q --allow changes.example --allow kept.example "
                                       "--allow kept-private.example --private changes.example "
                                       "--private kept-private.example -- sh often.sh\n{}",
                                       AmbitBinary(), kReached));
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("reached 10.1.2.3\n"), HasSubstr("reached 192.168.77.2\n"),
                    HasSubstr("reached 93.184.216.34\n"), Not(ContainsRegex("reached 1(27|69)")),
                    HasSubstr("     20 /where at 10.1.2.3\n")))
      << run.err;
}

TEST_P(PrivateNames, WithAnAddressAreNotLookedUp) {
  const Finished run = Try("local.example never.example a.port.example",
                           "--allow local.example --allow never.example --allow a.port.example "
                           "--private local.example=127.0.0.1 --private never.example=10.1.2.3 "
                           "--private '*.port.example=8.8.4.4'");
  EXPECT_THAT(run.out, AllOf(HasSubstr("local.example /where at 127.0.0.1 (0)"),
                             HasSubstr("never.example /where at 10.1.2.3 (0)"),
                             HasSubstr("a.port.example /where at 8.8.4.4 (0)")))
      << run.err;
  EXPECT_EQ(person_.Read("asked"), "");
}

TEST_P(PrivateNames, AllowNothingByThemselves) {
  const Finished run = Try("private.example", "--private private.example --allow example.com");
  EXPECT_THAT(run.out, HasSubstr("private.example  (6)"));
  EXPECT_THAT(run.err, HasSubstr("--private private.example: no rule allows it"));
}

TEST_P(PrivateNames, AreNeverTheMetadataOfACloud) {
  const Finished run = Try("x", "--allow a.example --private a.example=169.254.169.254");
  EXPECT_THAT(run.err, HasSubstr("the metadata of a cloud machine is never reached"));
  EXPECT_THAT(run.out, HasSubstr("run 125"));
}

TEST_P(PrivateNames, OfARangeOfAddressesAreMeantOnlyByARangeOfTheirOwn) {
  const std::string targets = "93.184.216.34 10.1.2.3 192.168.77.2 8.8.4.4";
  const Finished all = Try(targets, "--allow 0.0.0.0/0:80");
  EXPECT_THAT(all.out, AllOf(HasSubstr("93.184.216.34 /where at 93.184.216.34 (0)"),
                             Not(HasSubstr("at 10.1.2.3")), Not(HasSubstr("at 192.168.77.2")),
                             Not(HasSubstr("at 8.8.4.4"))))
      << all.err;
  const Finished own = Try(targets, "--allow 10.0.0.0/8 --allow 192.168.0.0/16 --allow 8.8.4.4");
  EXPECT_THAT(own.out,
              AllOf(Not(HasSubstr("at 93.")), HasSubstr("10.1.2.3 /where at 10.1.2.3 (0)"),
                    Not(HasSubstr("at 192.168.77.2")), HasSubstr("8.8.4.4 /where at 8.8.4.4 (0)")))
      << own.err;
}

TEST_P(PrivateNames, OfSeveralAddressesLeadToThosePublic) {
  const Finished run =
      Try("both.example alias.example six.example",
          "--allow both.example --allow alias.example --allow six.example", "ambit why");
  EXPECT_THAT(
      run.out,
      AllOf(HasSubstr("both.example /where at 93.184.216.34 (0)"),
            HasSubstr("alias.example ambit: a connection to alias.example:80 is refused: it leads "
                      "to this machine itself"),
            HasSubstr("six.example ambit: a connection to six.example:80 is refused: it leads to "
                      "an address of a private network")))
      << run.err;
}

// A name whose answer is public for whoever judges it and private for whoever dials it next.
TEST_P(PrivateNames, ThatChangeWithEachQuestionLeadOnlyWhereTheyWereJudged) {
  std::string targets;
  for (int n = 0; n < 12; ++n) targets += "turns.example ";
  const Finished run = Try(targets, "--allow turns.example");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("turns.example /where at 93.184.216.34 (0)\n"),
                    HasSubstr("turns.example ambit: a connection to turns.example:80 is refused: "
                              "it leads to an address of a private network"),
                    Not(HasSubstr("/where at 10.1.2.3"))))
      << run.err;
}

TEST_P(PrivateNames, LeadToNoAddressThatARuleDenies) {
  const Finished run =
      Try("example.com www.example.com private.example both.example",
          "--allow example.com --allow www.example.com --allow private.example "
          "--allow both.example --private private.example --private both.example "
          "--deny 10.0.0.0/8 --private www.example.com=93.184.216.37 --deny 93.184.216.37",
          "ambit audit show --denied");
  EXPECT_THAT(
      run.out,
      AllOf(HasSubstr("example.com /where at 93.184.216.34 (0)"),
            HasSubstr("www.example.com ambit: a connection to www.example.com:80 is refused: it "
                      "leads to an address that a rule denies (0)"),
            HasSubstr("private.example ambit: a connection to private.example:80 is refused: it "
                      "leads to an address that a rule denies (0)"),
            HasSubstr("both.example /where at 93.184.216.34 (0)"),
            HasSubstr("private.example port 80: it leads to an address that a rule denies")))
      << run.err;
}

}  // namespace
}  // namespace ambit::testing
