// The presets on a real home: what they show is there, what lies beside it is not, and the host's
// files stay as they are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

enum class Shown { kReadOnly, kCopyOnWrite };

struct Place {
  std::string preset;
  std::string shown;   // files of the home
  std::string hidden;  // beside it
  Shown how = Shown::kReadOnly;
};

const std::vector<Place>& Places() {
  static const std::vector<Place> places = {
      {"claude", ".local/share/claude/versions/1", ".claude/.credentials.json"},
      {"codex", ".codex/packages/standalone/1", ".codex/auth.json"},
      {"copilot", ".cache/copilot/pkg/1/index.js", ".copilot/config.json", Shown::kCopyOnWrite},
      {"cpp", ".conan2/p/one", ".conan2/credentials.json", Shown::kCopyOnWrite},
      {"gemini", ".local/bin/gemini", ".gemini/oauth_creds.json"},
      {"go", "go/pkg/mod/one", ".config/go/env", Shown::kCopyOnWrite},
      {"java", ".m2/repository/one", ".m2/settings.xml", Shown::kCopyOnWrite},
      {"java", ".gradle/caches/modules-2/one", ".gradle/caches/8.14/cc-keystore/gradle.keystore",
       Shown::kCopyOnWrite},
      {"mise", ".local/share/mise/installs/one", ".config/mise/config.toml"},
      {"node", ".npm/_cacache/one", ".npmrc", Shown::kCopyOnWrite},
      {"pi", ".local/bin/pi", ".pi/agent/auth.json"},
      {"python", ".local/share/uv/python/one", ".local/share/uv/credentials/credentials.toml"},
      {"rust", ".cargo/registry/one", ".cargo/credentials.toml", Shown::kCopyOnWrite},
      {"rust", ".cargo/bin/cargo", ".cargo/config.toml"},
  };
  return places;
}

class HomesOfPeople : public ::testing::TestWithParam<Who> {
 protected:
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, HomesOfPeople, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(HomesOfPeople, CoverTheCredentialsInsideTheTreesOfTools) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> planted = {
      {"node",
       {".npm-global/etc/npmrc", ".nvm/versions/node/v22.0.0/etc/npmrc", ".nvm/.git/config",
        ".volta/tools/image/node/22.0.0/etc/npmrc",
        ".nvm/versions/node/v22.0.0/lib/node_modules/npm/npmrc"}},
      {"python",
       {".pyenv/versions/3.12.1/pip.conf", ".pyenv/.git/config",
        ".cache/pypoetry/virtualenvs/a/pip.conf", ".local/share/pipx/venvs/a/pip.conf",
        ".local/share/pipx/venvs/a/pipx_metadata.json", ".local/share/uv/tools/a/uv-receipt.toml",
        ".pyenv/versions/miniconda3/.condarc", ".pyenv/versions/3.12.1/src/x/.git/config"}},
      {"mise", {".local/share/mise/installs/node/22/etc/npmrc", ".asdf/.git/config"}},
      {"cpp", {"vcpkg/.git/config"}}};
  person_.Write("project/file", "x\n");
  for (const auto& [preset, files] : planted) {
    for (const std::string& file : files) {
      person_.Write("home/" + file, "PLANTED\n");
      person_.Write("home/" + file + ".shown", "beside\n");
    }
  }
  // A link to such a file shows it no more than its own name.
  std::filesystem::create_symlink("../../../../.npm-global/etc/npmrc",
                                  person_.home() + "/.nvm/versions/node/linked");
  for (const auto& [preset, files] : planted) {
    const Finished run =
        person_.Sh("grep -rs PLANTED ~; cat ~/" + files[0] + " && cat ~/" + files[0] +
                       ".shown; rm -f ~/" + files[0] + " 2>/dev/null; cat ~/" + files[0],
                   {"--preset", preset});
    EXPECT_EQ(run.out, "beside\n") << preset << run.err;
    EXPECT_EQ(person_.Read("home/" + files[0]), "PLANTED\n");
  }
  EXPECT_EQ(
      person_.Sh("cat ~/.npm-global/etc/npmrc", {"--ro", person_.home() + "/.npm-global/etc/npmrc"})
          .out,
      "PLANTED\n")
      << "what a person names is shown";
}

TEST_P(HomesOfPeople, CoverTheSettingsOfToolsOnlyWhenTheyHoldASignIn) {
  const std::string maven = "home/.sdkman/candidates/maven/3.9.9/conf/settings.xml";
  const std::string gradle = "home/.gradle/wrapper/dists/g/hash/gradle-8/init.d/a.gradle";
  const std::string go = "home/sdk/go1.22/go.env";
  person_.Write("project/file", "x\n");
  person_.Write(maven, "<settings><!-- <password>x</password> --></settings>\n");
  person_.Write(go, "GOPROXY=https://proxy.example,direct\n");
  const std::vector<std::string> presets = {"--preset", "java", "--preset", "go"};
  const std::string look = "cat ~/" + maven.substr(5) + " ~/" + go.substr(5);
  EXPECT_THAT(
      person_.Sh(look, presets).out,
      ::testing::AllOf(::testing::HasSubstr("<settings>"), ::testing::HasSubstr("proxy.example")));
  person_.Write(maven, "<settings><server><password>PLANTED</password></server></settings>\n");
  person_.Write(gradle, "credentials { password = 'PLANTED' }\n");
  person_.Write(go, "GOPROXY=https://me:PLANTED@proxy.example\n");
  EXPECT_EQ(person_.Sh(look + "; grep -rs PLANTED ~", presets).out, "");
}

TEST_P(HomesOfPeople, AreShownAsFarAsThePresetSaysAndNotTheCredentialBeside) {
  person_.Write("project/file", "x\n");
  for (const Place& place : Places()) {
    person_.Write("home/" + place.shown, "shown\n", 0755);
    person_.Write("home/" + place.hidden, "PLANTED\n");
  }
  for (const Place& place : Places()) {
    SCOPED_TRACE(place.preset + ": " + place.shown);
    const Finished run = person_.Sh(
        "cat ~/" + place.shown + "; cat ~/" + place.hidden + "; (echo written >~/" + place.shown +
            ") 2>/dev/null && cat ~/" + place.shown + "; grep -rs PLANTED ~ ",
        {"--preset", place.preset});
    EXPECT_EQ(run.out, place.how == Shown::kCopyOnWrite ? "shown\nwritten\n" : "shown\n")
        << run.err;
    EXPECT_THAT(run.err, ::testing::HasSubstr(place.hidden + ": No such file or directory"));
    EXPECT_EQ(person_.Read("home/" + place.shown), "shown\n");
  }
}

}  // namespace
}  // namespace ambit::testing
