#include "policy/registries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace ambit::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

NamedRegistry Chief(std::string url, unsigned line) {
  return {.url = std::move(url), .line = line, .chief = true};
}
NamedRegistry Beside(std::string url, unsigned line) {
  return {.url = std::move(url), .line = line, .chief = false};
}

TEST(Registries, OfNpmAreItsOwnAndThoseOfScopesAndNoSignIn) {
  EXPECT_THAT(RegistriesOfNpmrc("; mine\n"
                                "registry = \"https://npm.corp/\"\n"
                                "#registry=https://old.corp/\n"
                                "@team:registry=https://team.corp:8443/npm/\n"
                                "//npm.corp/:_authToken=SECRET\n"
                                "@x:registry=https://x.corp ; for x\n"
                                "proxy=http://proxy.corp\r\n"
                                "registry=https://crlf.corp/\r\n"),
              testing::Optional(ElementsAre(
                  Chief("https://npm.corp/", 2), Beside("https://team.corp:8443/npm/", 4),
                  Beside("https://x.corp", 6), Chief("https://crlf.corp/", 8))));
}

TEST(Registries, OfYarnAreThoseOfBothItsFiles) {
  EXPECT_THAT(RegistriesOfYarnrc("# x\nregistry \"https://one.corp/\"\n"
                                 "\"@team:registry\" \"https://two.corp/\"\nlastUpdateCheck 1\n"),
              testing::Optional(
                  ElementsAre(Chief("https://one.corp/", 2), Beside("https://two.corp/", 3))));
  EXPECT_THAT(
      RegistriesOfYarnrcYml("nodeLinker: node-modules\n"
                            "npmRegistryServer: \"https://one.corp\" # ours\n"
                            "npmScopes:\n  team:\n"
                            "    npmRegistryServer: https://two.corp\n"
                            "    npmAuthToken: SECRET\n"),
      testing::Optional(ElementsAre(Chief("https://one.corp", 2), Beside("https://two.corp", 5))));
}

TEST(Registries, OfPipAreItsIndexAndWhatIsBesideItOnAsManyLinesAsThereAre) {
  EXPECT_THAT(RegistriesOfPipConf("[global]\nindex_url: https://pypi.corp/simple\n"
                                  "extra-index-url =\n    https://a.corp/simple\n"
                                  "    # a comment\n    https://b.corp/simple\n"
                                  "timeout = 60\n    https://no.corp\n"
                                  "[install]\nfind-links = /srv/wheels https://c.corp/\n"
                                  "trusted-host = t.corp\n"),
              testing::Optional(ElementsAre(
                  Chief("https://pypi.corp/simple", 2), Beside("https://a.corp/simple", 4),
                  Beside("https://b.corp/simple", 6), Beside("/srv/wheels", 10),
                  Beside("https://c.corp/", 10))));
}

TEST(Registries, OfUvAreThoseOfBothItsSpellings) {
  EXPECT_THAT(
      RegistriesOfUvToml("index-url = 'https://old.corp'\n[[index]]\nname = 'x'\n"
                         "url = 'https://x.corp'\ndefault = true\n[[index]]\n"
                         "url = 'https://y.corp'\n[pip]\n"
                         "extra-index-url = ['https://z.corp']\n"),
      testing::Optional(ElementsAre(Chief("https://old.corp", 1), Chief("https://x.corp", 4),
                                    Beside("https://y.corp", 7), Beside("https://z.corp", 9))));
  EXPECT_EQ(RegistriesOfUvToml("index-url = "), std::nullopt);
}

TEST(Registries, OfCargoAreWhatStandsInThePlaceOfCratesIoAndThoseWithAName) {
  EXPECT_THAT(RegistriesOfCargoToml("[source.crates-io]\nreplace-with = 'corp'\n"
                                    "[source.corp]\nreplace-with = 'far'\n"
                                    "[source.far]\nregistry = 'sparse+https://far.corp/'\n"
                                    "[source.unused]\nregistry = 'https://unused.corp'\n"
                                    "[registries.team]\nindex = 'https://team.corp/index'\n"),
              testing::Optional(ElementsAre(Chief("sparse+https://far.corp/", 6),
                                            Beside("https://team.corp/index", 10))));
  EXPECT_THAT(RegistriesOfCargoToml("[source.crates-io]\nreplace-with = 'v'\n"
                                    "[source.v]\ndirectory = 'vendor'\n"),
              testing::Optional(ElementsAre(Chief("file:vendor", 4))));
  EXPECT_THAT(RegistriesOfCargoToml("[source.crates-io]\nreplace-with = 'team'\n"
                                    "[registries.team]\nindex = 'sparse+https://team.corp/'\n"),
              testing::Optional(ElementsAre(Chief("sparse+https://team.corp/", 4))));
  // A circle ends.
  EXPECT_THAT(RegistriesOfCargoToml("[source.crates-io]\nreplace-with = 'a'\n"
                                    "[source.a]\nreplace-with = 'crates-io'\n"),
              testing::Optional(IsEmpty()));
}

TEST(Registries, OfGoAreItsProxiesAndItsChecksums) {
  const std::string_view env =
      "GOFLAGS=-mod=mod\nGOPROXY=https://a.corp|https://b.corp,direct\n"
      "GOSUMDB=sum.corp+1a2b https://sums.corp/x\n";
  EXPECT_THAT(ProxiesOfGoEnv(env),
              testing::Optional(ElementsAre(Chief("https://a.corp", 2), Chief("https://b.corp", 2),
                                            Chief("direct", 2))));
  EXPECT_THAT(SumDatabaseOfGoEnv(env),
              testing::Optional(ElementsAre(Chief("https://sums.corp/x", 3))));
  EXPECT_THAT(SumDatabaseOfValue("sum.corp+1a2b"), ElementsAre(Chief("https://sum.corp", 0)));
  EXPECT_THAT(SumDatabaseOfValue("off"), ElementsAre(Chief("off", 0)));
  EXPECT_THAT(SumDatabaseOfValue(""), IsEmpty());
}

TEST(Registries, OfMavenAreMirrorsAndRepositoriesAndNothingInAComment) {
  EXPECT_THAT(
      RegistriesOfMavenSettings("<settings>\n<!-- <mirror><url>https://no.corp</url></mirror>\n"
                                "-->\n<mirrors><mirror>\n<mirrorOf>*,!local</mirrorOf>\n"
                                "<url>\n  https://mvn.corp/all </url></mirror>\n"
                                "<mirror><url>https://j.corp</url><mirrorOf>jboss</mirrorOf>"
                                "</mirror></mirrors>\n<servers><server><password>SECRET</password>"
                                "</server></servers>\n<repository><url>https://r.corp</url>"
                                "</repository>\n<mirror><url>https://open.corp</url>"),
      testing::Optional(ElementsAre(Chief("https://mvn.corp/all", 7), Beside("https://j.corp", 8),
                                    Beside("https://r.corp", 10))));
}

TEST(Registries, AreTakenUpToABound) {
  std::string many;
  for (int i = 0; i < 200; ++i) many += "@a:registry=https://x.corp\n";
  EXPECT_EQ(RegistriesOfNpmrc(many)->size(), kMostRegistries);
  EXPECT_THAT(RegistriesOfNpmrc(std::string(kMaxRegistryFile, '\n') + "registry=https://x.corp"),
              testing::Optional(IsEmpty()));
}

TEST(RegistryTarget, IsTheNameAndThePortOfAnAddress) {
  EXPECT_EQ(TargetOf("https://npm.corp/x/")->rule, "npm.corp:443");
  EXPECT_EQ(TargetOf("http://NPM.corp:8081/x/")->rule, "npm.corp:8081");
  EXPECT_EQ(TargetOf("http://npm.corp")->rule, "npm.corp:80");
  EXPECT_EQ(TargetOf("sparse+HTTPS://index.corp")->rule, "index.corp:443");
  EXPECT_EQ(TargetOf("https://10.1.2.3:8443/")->rule, "10.1.2.3:8443");
  EXPECT_EQ(TargetOf("https://[2001:db8::1]/")->rule, "[2001:db8::1]:443");
  for (const char* none : {"", "npm.corp", "ssh://git@npm.corp/x", "https://", "https://a b/",
                           "https://*.corp/", "https://npm.corp:x/", "https://npm.corp:0/",
                           "https://10.0.0.0/8", "https://${HOST}/", "file:///srv", "https://@/"}) {
    const auto target = TargetOf(none);
    if (std::string_view(none) == "https://10.0.0.0/8") {
      EXPECT_EQ(target->rule, "10.0.0.0:443");  // the path is none of its prefix
    } else {
      EXPECT_FALSE(target) << none;
    }
  }
}

/// Where readers of addresses differ the host is what curl, npm and pip take for it.
TEST(RegistryTarget, IsNotWhatIsBeforeTheLastAt) {
  EXPECT_EQ(TargetOf("https://me:SECRET@npm.corp/")->rule, "npm.corp:443");
  EXPECT_EQ(TargetOf("https://github.com@npm.corp/")->rule, "npm.corp:443");
  EXPECT_EQ(TargetOf("https://a@b@npm.corp:8443/")->rule, "npm.corp:8443");
  EXPECT_EQ(TargetOf("https://npm.corp/@github.com")->rule, "npm.corp:443");
  EXPECT_EQ(TargetOf("https://npm.corp?@github.com")->rule, "npm.corp:443");
  EXPECT_EQ(TargetOf("https://npm.corp\\@github.com")->rule, "npm.corp:443");
}

TEST(RegistryTarget, OnThisMachineIsAPortOfIt) {
  for (const char* local :
       {"http://127.0.0.1:4873/", "http://localhost:4873", "http://[::1]:4873",
        "http://LocalHost:4873/", "http://npm.localhost:4873/", "http://0.0.0.0:4873/"}) {
    const auto target = TargetOf(local);
    ASSERT_TRUE(target) << local;
    EXPECT_EQ(target->rule, "") << local;
    EXPECT_EQ(target->host_port, 4873) << local;
  }
  EXPECT_FALSE(TargetOf("http://localhost:0/"));
}

TEST(RegistryTarget, IsPlainWhenNoPartOfTheAddressCouldBeASignIn) {
  for (const char* plain :
       {"https://npm.corp/", "https://corp.jfrog.io/artifactory/api/npm/npm-virtual/",
        "https://nexus.corp/repository/npm-all/", "https://gitlab.corp/api/v4/projects/12/packages",
        "https://a-111122223333.d.codeartifact.us-east-1.amazonaws.com/npm/repo/",
        "https://mirrors.corp/pypi/web/simple"}) {
    EXPECT_TRUE(TargetOf(plain)->plain) << plain;
  }
  for (const char* not_plain :
       {"https://me:SECRET@npm.corp/", "https://TOKEN@npm.corp/", "https://npm.corp/?token=x",
        "https://npm.corp/#x", "https://dl.corp/a1B2c3D4e5F6g7H8/npm/",
        "https://pypi.corp/0123456789ab/me/", "https://npm.corp/AbCdEfGhIjKlMn/",
        "https://npm.corp/${TOKEN}/", "https://npm.corp/a\x1b[2J/"}) {
    EXPECT_FALSE(TargetOf(not_plain)->plain) << not_plain;
  }
}

}  // namespace
}  // namespace ambit::policy
