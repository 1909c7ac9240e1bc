#include "policy/presets.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/net_decision.h"
#include "policy/net_rules.h"
#include "policy/registries.h"
#include "policy/toml_reader.h"

namespace ambit::policy {
namespace {

TEST(Presets, AreSortedAndNamedAsTheirFiles) {
  ASSERT_FALSE(Presets().empty());
  std::string_view before;
  for (const Preset& preset : Presets()) {
    EXPECT_LT(before, preset.name);
    before = preset.name;
    EXPECT_TRUE(
        std::ifstream(std::string(AMBIT_PRESETS_DIR "/") + std::string(preset.name) + ".toml"));
  }
}

TEST(Presets, AreReadWithoutAMistakeAndSayWhatTheyAreFor) {
  for (const Preset& preset : Presets()) {
    const ReadPolicy read = ReadToml(preset.text, SourceKind::kPreset, std::string(preset.name));
    for (const Mistake& mistake : read.mistakes) ADD_FAILURE() << Describe(mistake);
    EXPECT_FALSE(read.document.about.empty()) << preset.name;
  }
}

TEST(Presets, GiveAReasonOnEachLineThatGivesSomething) {
  const std::regex gives(R"re(^\s*("|[A-Za-z_"~/.]+"?\s*=\s*\[?["0-9]).*)re");
  const std::regex header(R"(^(about|commands)\s*=.*)");
  for (const Preset& preset : Presets()) {
    std::size_t line_number = 0;
    std::string_view rest = preset.text;
    bool in_text = false;      // of a file, which has its reason where it ends
    bool in_commands = false;  // on several lines
    while (!rest.empty()) {
      const std::string line(rest.substr(0, rest.find('\n')));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      ++line_number;
      if (line.starts_with("commands = [")) in_commands = true;
      const bool of_commands = in_commands;
      if (line.ends_with("]")) in_commands = false;
      const bool fence = line.contains("'''") && line.find("'''") == line.rfind("'''");
      const bool opens = fence && !in_text;
      const bool closes = fence && in_text;
      if (fence) in_text = !in_text;
      if (of_commands || opens || (in_text && !closes)) continue;
      if (closes || (std::regex_match(line, gives) && !std::regex_match(line, header))) {
        EXPECT_TRUE(line.contains(" # ")) << preset.name << ":" << line_number << ": " << line;
      }
    }
  }
}

TEST(Presets, AreChosenByNoTwoOfOneCommand) {
  std::set<std::string> commands;
  for (const Preset& preset : Presets()) {
    for (const std::string& command : ReadPreset(preset).commands) {
      EXPECT_TRUE(commands.insert(command).second) << command;
      ASSERT_NE(PresetOfCommand(command), nullptr);
      EXPECT_EQ(PresetOfCommand(command)->name, preset.name);
    }
  }
  EXPECT_EQ(PresetOfCommand("true"), nullptr);
}

/// Where programs of today keep sign-ins, keys and tokens, and what people type.
constexpr std::array kCredentials = {
    "~/.ssh/id_ed25519", "~/.gnupg/private-keys-v1.d", "~/.netrc", "~/.git-credentials",
    "~/.gitconfig", "~/.config/git/credentials", "~/.config/gh/hosts.yml",
    "~/.config/github-copilot/apps.json", "~/.aws/credentials", "~/.azure/msal_token_cache.json",
    "~/.config/gcloud/application_default_credentials.json", "~/.kube/config",
    "~/.docker/config.json", "~/.terraform.d/credentials.tfrc.json", "~/.vault-token",
    "~/.config/op/config", "~/.password-store", "~/.local/share/keyrings", "~/.mozilla",
    "~/.config/google-chrome", "~/.bash_history", "~/.zsh_history", "~/.local/state/ambit",
    // agents
    "~/.claude.json", "~/.claude/.credentials.json", "~/.claude/projects", "~/.codex/auth.json",
    "~/.codex/.env", "~/.codex/config.toml", "~/.codex/sessions", "~/.gemini/oauth_creds.json",
    "~/.gemini/.env", "~/.copilot/config.json", "~/.pi/agent/auth.json", "~/.pi/agent/models.json",
    "~/.local/share/opencode/auth.json",
    // toolchains
    "~/.npmrc", "~/.npm/_logs", "~/.cache/deno/location_data", "~/.yarnrc", "~/.yarnrc.yml",
    "~/.config/pnpm/rc", "~/.config/pnpm/auth.ini", "~/.bunfig.toml", "~/.pypirc",
    "~/.config/pip/pip.conf", "~/.pip/pip.conf", "~/.config/uv/uv.toml",
    "~/.local/share/uv/credentials/credentials.toml", "~/.config/pypoetry/auth.toml",
    "~/.local/share/python_keyring/keyring_pass.cfg", "~/.cargo/credentials.toml",
    "~/.cargo/credentials", "~/.cargo/config.toml", "~/.config/go/env", "~/.m2/settings.xml",
    "~/.m2/settings-security.xml", "~/.gradle/gradle.properties", "~/.gradle/init.d",
    "~/.gradle/caches/8.14/cc-keystore/gradle.keystore", "~/.ivy2/.credentials",
    "~/.sbt/.credentials", "~/.sdkman/etc/config", "~/.conan2/.conan.db",
    "~/.conan2/credentials.json", "~/.conan2/remotes.json", "~/.conan/.conan.db",
    "~/.ccache/ccache.conf", "~/.config/mise/config.toml", "~/.config/NuGet/NuGet.Config",
    "~/.gem/credentials"};

bool IsOrHolds(std::string_view directory, std::string_view path) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

std::vector<std::string> PathsOf(const Document& document, std::string_view key) {
  std::vector<std::string> paths;
  if (const Setting* setting = document.Find(key)) {
    for (const Item& item : setting->items) paths.push_back(item.text);
  }
  return paths;
}

TEST(Presets, ShowNoCredentialOfTheHost) {
  for (const Preset& preset : Presets()) {
    const Document document = ReadPreset(preset);
    for (const char* key : {"fs.ro", "fs.cow"}) {
      for (const std::string& path : PathsOf(document, key)) {
        EXPECT_TRUE(path.starts_with("~/")) << preset.name << ": " << path;
        for (const char* credential : kCredentials) {
          EXPECT_FALSE(IsOrHolds(path, credential) || IsOrHolds(credential, path))
              << preset.name << ": " << path << " shows " << credential;
        }
      }
    }
  }
}

TEST(Presets, TakeNoVariableAndNoProtectionAway) {
  const std::regex secret("KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH");
  for (const Preset& preset : Presets()) {
    const Document document = ReadPreset(preset);
    for (const char* key :
         {"env.pass", "fs.unmask", "fs.project", "net.host_ports", "net.private"}) {
      EXPECT_EQ(document.Find(key), nullptr) << preset.name << ": " << key;
    }
    const Setting* variables = document.Find("env.set");
    if (variables == nullptr) continue;
    for (const Item& item : variables->items) {
      EXPECT_FALSE(std::regex_search(item.text, secret)) << preset.name << ": " << item.text;
    }
  }
}

/// A run in which one of these lay in another would be refused.
TEST(Presets, KeepNothingWhereTheySomethingShow) {
  for (const Preset& preset : Presets()) {
    std::vector<Document> documents = {ReadPreset(preset)};
    for (const std::string& name : PathsOf(documents[0], "extends")) {
      ASSERT_NE(FindPreset(name), nullptr) << preset.name << " extends " << name;
      documents.push_back(ReadPreset(*FindPreset(name)));
    }
    for (const std::string& kept : PathsOf(documents[0], "fs.keep")) {
      for (const Document& document : documents) {
        for (const char* key : {"fs.ro", "fs.cow"}) {
          for (const std::string& shown : PathsOf(document, key)) {
            EXPECT_FALSE(IsOrHolds(kept, shown) || IsOrHolds(shown, kept))
                << preset.name << ": " << kept << " and " << shown;
          }
        }
      }
    }
  }
}

/// Registries come with what a person or a command chose, and an agent is no toolchain.
TEST(Presets, OfToolchainsHaveRegistriesAndNameNone) {
  bool any = false;
  for (const Preset& preset : Presets()) {
    const Document document = ReadPreset(preset);
    for (const std::string& name : document.registries) {
      EXPECT_TRUE(EcosystemNamed(name)) << preset.name << ": " << name;
      EXPECT_FALSE(IsOfAgent(preset)) << preset.name;
      any = true;
    }
    EXPECT_TRUE(document.Find("net.allow") == nullptr || IsOfAgent(preset)) << preset.name;
  }
  EXPECT_TRUE(any);
}

NetRules RulesOf(const Document& document) {
  NetRules rules;
  for (const std::string& text : PathsOf(document, "net.allow")) {
    rules.allow.push_back(ParseNetRule(text, "").value());
  }
  for (const std::string& text : PathsOf(document, "net.deny")) {
    rules.deny.push_back(ParseNetRule(text, "").value());
  }
  return rules;
}

/// A deny wins over what a person allows: one that the preset does not need itself would only be in
/// the way.
TEST(Presets, AllowNamesForTlsAloneAndDenyOnlyWhatTheyWouldAllow) {
  for (const Preset& preset : Presets()) {
    NetRules rules = RulesOf(ReadPreset(preset));
    for (const NetRule& rule : rules.allow) EXPECT_EQ(rule.port, 443) << preset.name;
    for (const NetRule& rule : std::exchange(rules.deny, {})) {
      EXPECT_TRUE(Decide(rules, *rule.name, 443).allowed) << preset.name << ": " << TextOf(rule);
    }
  }
}

TEST(Presets, AllowNoStatisticsAndNothingThatAnybodyMayWriteTo) {
  const auto allows = [](const Preset& preset, std::string_view host) {
    return Decide(RulesOf(ReadPreset(preset)), HostName::Parse(host).value(), 443).allowed;
  };
  for (const Preset& preset : Presets()) {
    for (const char* host :
         {"github.com", "gist.github.com", "raw.githubusercontent.com", "gitlab.com",
          "registry.npmjs.org", "storage.googleapis.com", "play.googleapis.com", "ab.chatgpt.com",
          "statsig.anthropic.com", "telemetry.individual.githubcopilot.com"}) {
      EXPECT_FALSE(allows(preset, host)) << preset.name << ": " << host;
    }
  }
  EXPECT_TRUE(allows(*FindPreset("copilot"), "api.individual.githubcopilot.com"));
  EXPECT_TRUE(allows(*FindPreset("claude"), "api.anthropic.com"));
}

TEST(Presets, OfAgentsAreThoseThatKeepState) {
  for (const char* agent : {"claude", "codex", "copilot", "gemini", "pi"}) {
    const Preset* preset = PresetOfCommand(agent);
    ASSERT_NE(preset, nullptr) << agent;
    EXPECT_TRUE(IsOfAgent(*preset)) << agent;
  }
  EXPECT_FALSE(IsOfAgent(*PresetOfCommand("python3")));
}

}  // namespace
}  // namespace ambit::policy
