#include "host/registries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace ambit::host {
namespace {

using policy::Ecosystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A machine of its own with one person's home on it.
class RegistriesOfTools : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/ambit-registries-XXXXXX";
    root_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root_ + "/" + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  policy::PackageHosts Find(Ecosystem ecosystem) const {
    return FindRegistries(ecosystem, {.home = root_ + "/home",
                                      .project = root_ + "/project",
                                      .variable =
                                          [&](const char* name) {
                                            const auto found = variables_.find(name);
                                            return found != variables_.end() ? found->second : "";
                                          },
                                      .machine = root_});
  }

  /// "RULE by WHOM" of each.
  std::vector<std::string> Allowed(Ecosystem ecosystem) const {
    std::vector<std::string> all;
    for (const policy::Item& item : Find(ecosystem).allow) {
      all.push_back(item.text + " by " + item.origin.name);
    }
    return all;
  }

  std::vector<std::string> Set(Ecosystem ecosystem) const {
    std::vector<std::string> all;
    for (const policy::Item& item : Find(ecosystem).set)
      all.push_back(item.text + "=" + item.value);
    return all;
  }

  std::vector<std::string> Notes(Ecosystem ecosystem) const {
    std::vector<std::string> all;
    for (const policy::RegistryNote& note : Find(ecosystem).notes) all.push_back(note.text);
    return all;
  }

  std::string root_;
  std::map<std::string, std::string> variables_;
};

TEST_F(RegistriesOfTools, AreThoseTheyGoToByThemselvesWhereNothingIsSet) {
  EXPECT_THAT(Allowed(Ecosystem::kNpm),
              ElementsAre("registry.npmjs.org:443 by npm's registry (its default)",
                          "registry.yarnpkg.com:443 by Yarn's registry (its default)"));
  EXPECT_THAT(Allowed(Ecosystem::kPypi),
              ElementsAre("pypi.org:443 by pip's index (its default)",
                          "files.pythonhosted.org:443 by pip's index (its default)"));
  EXPECT_THAT(Allowed(Ecosystem::kCrates),
              ElementsAre("index.crates.io:443 by Cargo's registry (its default)",
                          "static.crates.io:443 by Cargo's registry (its default)"));
  EXPECT_THAT(Allowed(Ecosystem::kGo),
              ElementsAre("proxy.golang.org:443 by Go's module proxy (its default)",
                          "sum.golang.org:443 by Go's checksum database (its default)"));
  EXPECT_THAT(Allowed(Ecosystem::kMaven),
              ElementsAre("repo.maven.apache.org:443 by Maven's repository (its default)",
                          "repo1.maven.org:443 by coursier's repository (its default)"));
  for (const Ecosystem one :
       {Ecosystem::kNpm, Ecosystem::kPypi, Ecosystem::kCrates, Ecosystem::kGo, Ecosystem::kMaven}) {
    EXPECT_THAT(Set(one), IsEmpty());
    EXPECT_THAT(Notes(one), IsEmpty());
  }
}

TEST_F(RegistriesOfTools, AreWhatTheirOwnSettingsNameAndNotTheDefault) {
  Write("home/.npmrc", "\nregistry=https://npm.corp/npm/\n@t:registry=https://team.corp:8443/\n");
  EXPECT_THAT(Allowed(Ecosystem::kNpm),
              ElementsAre("npm.corp:443 by npm's registry (~/.npmrc:2)",
                          "team.corp:8443 by npm's registry (~/.npmrc:3)"));
  EXPECT_THAT(Set(Ecosystem::kNpm), ElementsAre("NPM_CONFIG_REGISTRY=https://npm.corp/npm/"));
  Write("home/.config/pip/pip.conf",
        "[global]\nindex-url=https://pypi.corp/simple\nextra-index-url=https://x.corp/a\n");
  EXPECT_THAT(Allowed(Ecosystem::kPypi),
              ElementsAre("pypi.corp:443 by pip's index (~/.config/pip/pip.conf:2)",
                          "x.corp:443 by pip's index (~/.config/pip/pip.conf:3)"));
  EXPECT_THAT(Set(Ecosystem::kPypi), ElementsAre("PIP_INDEX_URL=https://pypi.corp/simple",
                                                 "PIP_EXTRA_INDEX_URL=https://x.corp/a"));
  Write("home/.config/go/env", "GOPROXY=https://go.corp,direct\nGOSUMDB=off\n");
  EXPECT_THAT(Allowed(Ecosystem::kGo),
              ElementsAre("go.corp:443 by Go's module proxy (~/.config/go/env:1)"));
  EXPECT_THAT(Set(Ecosystem::kGo), ElementsAre("GOPROXY=https://go.corp"));
  Write("home/.cargo/config.toml",
        "[source.crates-io]\nreplace-with='c'\n[source.c]\nregistry='sparse+https://c.corp/'\n");
  EXPECT_THAT(Allowed(Ecosystem::kCrates),
              ElementsAre("c.corp:443 by Cargo's registry (~/.cargo/config.toml:4)"));
  EXPECT_THAT(Notes(Ecosystem::kCrates), ElementsAre(HasSubstr("unless the project has it")));
  Write("home/.m2/settings.xml",
        "<mirror><mirrorOf>central</mirrorOf><url>http://m.corp:8081/x</url></mirror>");
  EXPECT_THAT(Allowed(Ecosystem::kMaven),
              ElementsAre("m.corp:8081 by Maven's repository (~/.m2/settings.xml:1)"));
}

TEST_F(RegistriesOfTools, OfTheDefaultsNameBringWhatTheyLeadTo) {
  variables_["PIP_INDEX_URL"] = "https://pypi.org/simple/";
  EXPECT_THAT(Allowed(Ecosystem::kPypi),
              ElementsAre("pypi.org:443 by pip's index ($PIP_INDEX_URL)",
                          "pypi.org:443 by pip's index (its default)",
                          "files.pythonhosted.org:443 by pip's index (its default)"));
}

TEST_F(RegistriesOfTools, AreTheStrongestOfTheirSourcesAndWhatIsBesideAllOfThem) {
  Write("etc/npmrc", "registry=https://machine.corp\n@m:registry=https://m.corp\n");
  EXPECT_THAT(Allowed(Ecosystem::kNpm),
              ElementsAre(HasSubstr("machine.corp:443"), HasSubstr("m.corp:443")));
  Write("home/.npmrc", "registry=https://mine.corp\n");
  EXPECT_THAT(Allowed(Ecosystem::kNpm),
              ElementsAre(HasSubstr("mine.corp:443"), HasSubstr("m.corp:443")));
  variables_["npm_config_registry"] = "https://now.corp";
  EXPECT_THAT(Allowed(Ecosystem::kNpm),
              ElementsAre("now.corp:443 by npm's registry ($NPM_CONFIG_REGISTRY)",
                          HasSubstr("m.corp:443")));
}

TEST_F(RegistriesOfTools, OnThisMachineAreToldAndNotOpened) {
  Write("home/.npmrc", "registry=http://127.0.0.1:4873/\n");
  EXPECT_THAT(Allowed(Ecosystem::kNpm), IsEmpty());
  EXPECT_THAT(Notes(Ecosystem::kNpm),
              ElementsAre("npm's registry (~/.npmrc:1) is at 127.0.0.1:4873: --host-port 4873"));
  EXPECT_THAT(Set(Ecosystem::kNpm), ElementsAre("NPM_CONFIG_REGISTRY=http://127.0.0.1:4873/"));
}

TEST_F(RegistriesOfTools, NeverTellASignIn) {
  Write("home/.npmrc",
        "registry=https://me:SECRET@npm.corp/\n//npm.corp/:_authToken=SECRET\n"
        "@t:registry=ftp://me:SECRET@t.corp/\n");
  const policy::PackageHosts hosts = Find(Ecosystem::kNpm);
  EXPECT_THAT(Allowed(Ecosystem::kNpm), ElementsAre(HasSubstr("npm.corp:443")));
  EXPECT_THAT(hosts.set, IsEmpty());
  EXPECT_THAT(Notes(Ecosystem::kNpm),
              ElementsAre(HasSubstr("(~/.npmrc:3): no address of http or https"),
                          HasSubstr("--env NPM_CONFIG_REGISTRY=ADDRESS")));
  for (const std::string& note : Notes(Ecosystem::kNpm)) {
    EXPECT_THAT(note, ::testing::Not(HasSubstr("SECRET")));
  }
}

TEST_F(RegistriesOfTools, OfAFileThatCannotBeReadAreNone) {
  Write("home/.cargo/config.toml", "not = [toml");
  EXPECT_THAT(Allowed(Ecosystem::kCrates), IsEmpty());
  EXPECT_THAT(Notes(Ecosystem::kCrates), ElementsAre(HasSubstr("not in its tool's syntax")));
  std::filesystem::create_directories(root_ + "/home/.npmrc");
  EXPECT_THAT(Allowed(Ecosystem::kNpm), IsEmpty());
  EXPECT_THAT(Notes(Ecosystem::kNpm), ElementsAre(HasSubstr("cannot be read")));
}

/// A run may have written it, with --project rw or by an apply that looked harmless.
TEST_F(RegistriesOfTools, AreNotReadFromTheProjectBehindALink) {
  Write("project/npmrc", "registry=https://evil.example\n");
  std::filesystem::create_directories(root_ + "/home");
  std::filesystem::create_symlink(root_ + "/project/npmrc", root_ + "/home/.npmrc");
  EXPECT_THAT(Allowed(Ecosystem::kNpm), IsEmpty());
  EXPECT_THAT(Notes(Ecosystem::kNpm), ElementsAre(HasSubstr("lies in the project")));
  Write("elsewhere/npmrc", "registry=https://mine.corp\n");
  std::filesystem::remove(root_ + "/home/.npmrc");
  std::filesystem::create_symlink(root_ + "/elsewhere/npmrc", root_ + "/home/.npmrc");
  EXPECT_THAT(Allowed(Ecosystem::kNpm), ElementsAre(HasSubstr("mine.corp:443")));
}

}  // namespace
}  // namespace ambit::host
