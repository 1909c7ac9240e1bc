// What presets reach: the hosts of an agent, the registries of a toolchain as its tools' own
// settings name them, and nothing else; with an outside in which some of those hosts are.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "outside.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class PresetHosts : public ::testing::TestWithParam<Who> {
 protected:
  /// "RULE from WHOM" of each that the plan of `arguments` allows.
  std::vector<std::string> Allowed(const std::vector<std::string>& arguments,
                                   const std::map<std::string, std::string>& environment = {}) {
    std::vector<std::string> words = {"plan", "--json"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    const Finished plan = person_.Ambit(words, {}, environment);
    EXPECT_EQ(plan.exit_code, 0) << plan.err;
    told_ = plan.err;
    std::vector<std::string> allowed;
    const auto json = nlohmann::json::parse(plan.out, nullptr, /*allow_exceptions=*/false);
    for (const auto& rule : json["allow"]) {
      allowed.push_back(rule["rule"].get<std::string>() + " from " +
                        rule["from"].get<std::string>());
    }
    return allowed;
  }

  std::string told_;  // on stderr by the last plan
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, PresetHosts, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(PresetHosts, OfAToolchainAreWhatItsOwnSettingsName) {
  person_.Write("project/.npmrc", "registry=https://evil.example/\n");
  person_.Write("home/.npmrc",
                "//npm.example/:_authToken=PLANTED\nregistry=https://me:PLANTED@npm.example/\n");
  EXPECT_THAT(Allowed({"--", "npm", "ci"}),
              ElementsAre("npm.example:443 from npm's registry (~/.npmrc:2)"));
  EXPECT_THAT(told_,
              AllOf(HasSubstr("--env NPM_CONFIG_REGISTRY=ADDRESS"), Not(HasSubstr("PLANTED"))));
  EXPECT_THAT(Allowed({"--", "npm", "ci"}, {{"NPM_CONFIG_REGISTRY", "https://now.example:8443"}}),
              ElementsAre("now.example:8443 from npm's registry ($NPM_CONFIG_REGISTRY)"));
  EXPECT_THAT(Allowed({"--no-net", "--", "npm", "ci"}), IsEmpty());
  EXPECT_THAT(Allowed({"--no-preset", "--", "npm", "ci"}), IsEmpty());
  EXPECT_THAT(Allowed({"--", "true"}), IsEmpty());
  const Finished show = person_.Ambit({"policy", "show", "--", "npm"});
  EXPECT_THAT(show.out, AllOf(HasSubstr("npm's registry (~/.npmrc:2)"), Not(HasSubstr("PLANTED"))));
}

TEST_P(PresetHosts, OfAToolchainComeWhenItIsChosenAndNotWithAnAgentThatExtendsIt) {
  EXPECT_THAT(Allowed({"--", "claude"}),
              ElementsAre(HasSubstr("api.anthropic.com:443 from preset claude:"),
                          HasSubstr("platform.claude.com:443"), HasSubstr("claude.ai:443")));
  EXPECT_THAT(Allowed({"--preset", "node", "--", "claude"}),
              ::testing::Contains("registry.npmjs.org:443 from npm's registry (its default)"));
  EXPECT_THAT(Allowed({"--no-net", "--preset", "node", "--", "claude"}), IsEmpty());
  // A project's file that is not trusted chooses none.
  person_.Write("project/ambit.toml", "extends = ['node']\n");
  EXPECT_THAT(Allowed({"--", "true"}), IsEmpty());
  EXPECT_EQ(person_.Ambit({"trust", "--yes"}).exit_code, 0);
  EXPECT_THAT(Allowed({"--", "true"}), Not(IsEmpty()));
}

TEST_P(PresetHosts, OnThisMachineAreToldAndNotOpened) {
  person_.Write("home/.npmrc", "registry=http://127.0.0.1:4873/\n");
  EXPECT_THAT(Allowed({"--", "npm", "ci"}), IsEmpty());
  EXPECT_THAT(told_,
              HasSubstr("npm's registry (~/.npmrc:1) is at 127.0.0.1:4873: --host-port 4873"));
  EXPECT_THAT(Allowed({"--host-port", "4873", "--", "npm", "ci"}), IsEmpty());
  EXPECT_THAT(told_, Not(HasSubstr("4873")));
}

/// A real client asks the registry that the person's own settings name, told by a variable, and
/// gets no other.
TEST_P(PresetHosts, AreReachedAndNothingElseIs) {
  person_.Write("home/.config/pip/pip.conf",
                "[global]\nindex-url = https://www.example.com/simple\n");
  person_.Write("project/inside.sh",
                "echo \"index $PIP_INDEX_URL\"\n"
                "curl -sSk -m 9 \"$PIP_INDEX_URL/\"\n"
                "curl -sSk -m 9 https://example.com/; echo \"other $?\"\n"
                "curl -sS -m 9 http://www.example.com/; echo \"plain $?\"\n");
  const auto run = [&](const std::string& flags) {
    return WithOutside(
        person_, fmt::format("'{}' run --preset python {} -- sh inside.sh", AmbitBinary(), flags));
  };
  const Finished with = run("");
  EXPECT_THAT(with.out, AllOf(HasSubstr("index https://www.example.com/simple\n"),
                              HasSubstr("/simple/ at www.example.com\n"), HasSubstr("other 6\n"),
                              HasSubstr("plain 7\n")))
      << with.err;
  EXPECT_THAT(with.err, HasSubstr("no network but www.example.com:443; "));
  const Finished without = run("--no-net");
  EXPECT_THAT(without.out,
              AllOf(HasSubstr("other 6\n"), HasSubstr("plain 6\n"), Not(HasSubstr("/simple/ at"))))
      << without.err;
  EXPECT_THAT(without.err, HasSubstr("no network; "));
  EXPECT_EQ(person_.Read("asked"), "") << "no question left the machine";
}

TEST_P(PresetHosts, DoNotGoWithoutNamesAndWithOne) {
  const Finished both = person_.Ambit({"run", "--no-net", "--allow", "example.com", "--", "true"});
  EXPECT_EQ(both.exit_code, 125);
  EXPECT_THAT(both.err, AllOf(HasSubstr("--no-net"), HasSubstr("--allow")));
  const Finished deny = person_.Ambit({"run", "--deny", "example.com", "--", "true"});
  EXPECT_EQ(deny.exit_code, 0);
  EXPECT_THAT(deny.err, HasSubstr("no network (what is denied allows nothing else"));
}

}  // namespace
}  // namespace ambit::testing
