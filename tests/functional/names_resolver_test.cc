// A host that finds names in another way while a run goes on, as with a VPN that comes and goes:
// real programs inside, and an outside in a network namespace of the test's own.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "outside.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// Tries until it is so, 15 seconds at most.
constexpr const char* kUntil = R"sh(
until_so() { n=0; until "$@" 2>/dev/null; do [ $((n+=1)) -lt 75 ] || return 1; sleep 0.2; done; }
)sh";

class ResolverOfTheHost : public ::testing::TestWithParam<Who> {
 protected:
  /// `script` inside; `meanwhile` outside, when the run has made the file `started`.
  Finished Run(const std::string& flags, const std::string& script, const std::string& meanwhile,
               const std::string& after) {
    person_.Write("project/inside.sh", kUntil + script);
    return WithOutside(
        person_, AmbitAsCommand() +
                     fmt::format("{}ambit run -q --project rw {} -- sh inside.sh & run=$!\n"
                                 "until_so [ -e started ]\n{}\nwait $run; echo \"run $?\"\n{}",
                                 kUntil, flags, meanwhile, after));
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, ResolverOfTheHost, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(ResolverOfTheHost, IsFollowedWhileARunGoesOn) {
  const Finished run = Run("--allow example.com --allow vpn.example", R"sh(
curl -sSf -m 9 http://example.com/before
curl -sSf -m 9 http://vpn.example/; echo "no vpn $?"
touch started
until_so curl -sSf -m 9 http://vpn.example/after; echo "vpn $?"
)sh",
                           "printf 'nameserver 127.0.0.54\\n' > ../resolv.conf",
                           "ambit audit show --type egress.resolver; ambit audit verify");
  EXPECT_THAT(run.out, AllOf(HasSubstr("/before at example.com"),
                             ::testing::ContainsRegex("no vpn (22|56|7|52)\n"),
                             HasSubstr("/after at vpn.example"), HasSubstr("vpn 0\n"),
                             HasSubstr("run 0"), HasSubstr("127.0.0.54"), HasSubstr("intact")))
      << run.err;
}

TEST_P(ResolverOfTheHost, WhoseHostsFileChangesIsFollowedAndStaysFiltered) {
  const Finished run = Run("--allow new.example --allow bad.example", R"sh(
curl -sSf -m 9 http://new.example/; echo "none $?"
touch started
until_so curl -sSf -m 9 http://new.example/known; echo "known $?"
curl -sSf -m 9 http://bad.example/; echo "bad $?"
)sh",
                           "printf '93.184.216.34 new.example\\n127.0.0.1 bad.example\\n' "
                           ">> ../hosts",
                           "ambit audit show --type egress.resolver; ambit why");
  EXPECT_THAT(run.out, AllOf(::testing::ContainsRegex("none (22|56|7|52)\n"),
                             HasSubstr("/known at new.example"), HasSubstr("known 0\n"),
                             ::testing::ContainsRegex("bad (22|56|7|52)\n"),
                             HasSubstr("hosts file"), HasSubstr("it leads to this machine itself")))
      << run.err;
}

TEST_P(ResolverOfTheHost, ThatDoesNotChangeIsNotOnRecord) {
  const Finished run = Run("--allow example.com", "touch started; sleep 2.5",
                           "touch ../resolv.conf", "ambit audit show --type egress.resolver");
  EXPECT_THAT(run.out, AllOf(HasSubstr("run 0"), Not(HasSubstr("egress.resolver")))) << run.err;
}

TEST_P(ResolverOfTheHost, WhoseOwnAddressesChangeIsKnownToThem) {
  const Finished run = Run("--allow later.example", R"sh(
curl -sSf -m 9 http://later.example/where
touch started
until_so sh -c '! curl -sSf -m 9 http://later.example/where'; echo "refused $?"
)sh",
                           // What was another machine's address becomes this one's.
                           "until_so [ -e ../moved ]", "ambit why");
  EXPECT_THAT(run.out, AllOf(HasSubstr("/where at 93.184.216.36"), HasSubstr("refused 0"),
                             HasSubstr("it leads to an address of this machine")))
      << run.err;
}

}  // namespace
}  // namespace ambit::testing
