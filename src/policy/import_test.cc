#include "policy/import.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "policy/import_tree.h"
#include "policy/toml_reader.h"

namespace ambit::policy {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

/// A machine with a project /home/ann/p and a few things beside it.
class Importing : public ::testing::Test {
 protected:
  Imported Of(std::string_view format, std::vector<ImportFile> files) {
    const ImportFormat& known = *FindImportFormat(format);
    const Result<Imported> imported = Import(known, files, host_);
    EXPECT_TRUE(imported) << imported.error().what;
    if (!imported) return {};
    text_ = ToToml(*imported, known, files);
    const ReadPolicy read = ReadToml(text_, SourceKind::kProject, "ambit.toml");
    for (const Mistake& mistake : read.mistakes)
      ADD_FAILURE() << Describe(mistake) << "\n" << text_;
    return *imported;
  }
  Imported Of(std::string_view format, const std::string& text) {
    return Of(format, {{.name = "settings", .text = text, .base = "/home/ann/p"}});
  }

  static std::vector<std::string> Lines(const Imported& imported, std::string_view key) {
    std::vector<std::string> texts;
    for (const ImportLine& line : imported.lines) {
      if (line.option->key != key) continue;
      texts.push_back(line.text + (line.value.empty() ? "" : "=" + line.value));
    }
    return texts;
  }
  static std::vector<std::string> Tests(const Imported& imported, std::string_view key) {
    std::vector<std::string> texts;
    for (const ImportTest& test : imported.tests) {
      if (test.key == key) texts.push_back(test.text);
    }
    return texts;
  }
  static std::vector<std::string> Settings(const std::vector<ImportNote>& notes) {
    std::vector<std::string> settings;
    for (const ImportNote& note : notes) settings.push_back(note.setting);
    return settings;
  }

  std::map<std::string, PathKind> there_ = {
      {"/home/ann/p/secrets", PathKind::kDirectory}, {"/home/ann/p/prod.cfg", PathKind::kFile},
      {"/home/ann/.cache", PathKind::kDirectory},    {"/home/ann/.cargo", PathKind::kDirectory},
      {"/home/ann/.gitconfig", PathKind::kFile},     {"/data/lib", PathKind::kDirectory}};
  ImportHost host_{
      .home = "/home/ann", .project = "/home/ann/p", .kind = [this](const std::string& path) {
        const auto found = there_.find(path);
        return found == there_.end() ? PathKind::kAbsent : found->second;
      }};
  std::string text_;
};

TEST_F(Importing, ShowsNoValueOfASettingThatItDoesNotKnow) {
  constexpr std::string_view kUnknown =
      R"("upload_token": "tok-1", "other": ["tok-2", 3], "pin": 4711)";
  const std::pair<std::string_view, std::string> files[] = {
      {"srt", fmt::format(R"({{{}, "filesystem": "tok-3"}})", kUnknown)},
      {"fence", fmt::format(R"({{{}, "filesystem": "tok-3"}})", kUnknown)},
      {"nono",
       fmt::format(R"({{{}, "secrets": "tok-3", "credential_capture": ["tok-4"]}})", kUnknown)},
      {"claude", fmt::format(R"({{"sandbox": {{{}}}, "apiKeyHelper": "echo tok-3"}})", kUnknown)},
      {"codex",
       "sandbox_mode = 'workspace-write'\n[sandbox_workspace_write]\n"
       "upload_token = 'tok-1'\nother = ['tok-2']\npin = 4711\n"}};
  for (const auto& [format, text] : files) {
    const Imported imported = Of(format, text);
    EXPECT_THAT(text_, AllOf(Not(HasSubstr("tok-")), Not(HasSubstr("4711")),
                             HasSubstr("a string, not known to this import"),
                             HasSubstr("a number, not known to this import")))
        << format;
    EXPECT_THAT(Settings(imported.missing), Contains(::testing::EndsWith("upload_token")))
        << format;
  }
}

TEST_F(Importing, WritesNoMoreEntriesThanAPolicyTakes) {
  std::string hide;
  for (std::size_t i = 0; i < kMaxEntries + 5; ++i) hide += fmt::format("\"s/{}\",", i);
  const Imported imported = Of(
      "srt", R"({"filesystem": {"denyRead": [)" + hide + "\"" + std::string(5'000, 'a') + "\"]}}");
  EXPECT_EQ(Lines(imported, "fs.hide").size(), kMaxEntries);
  EXPECT_THAT(text_, HasSubstr("a list of a policy has at most 1000 entries"));
}

TEST_F(Importing, OfSrtTurnsDenialsIntoHiddenFilesAndTests) {
  const Imported imported = Of("srt", R"j({
    "filesystem": {"denyRead": ["~/.ssh", "/etc/shadow", "secrets", "./prod.cfg", "later",
                                "conf/*.pem", "/usr/share/doc"],
                   "allowWrite": [".", "/tmp", "~/.cache", "~/.gitconfig", "/nowhere"],
                   "denyWrite": [".git/hooks", ".env", "~/.bashrc"]}})j");
  EXPECT_THAT(Lines(imported, "fs.project"), ElementsAre("cow"));
  EXPECT_THAT(Lines(imported, "fs.hide"),
              ElementsAre("secrets/", "prod.cfg", "later", "later/", "conf/*.pem", "conf/*.pem/"));
  EXPECT_THAT(Tests(imported, "fs_hidden"), ElementsAre("~/.ssh", "/etc/shadow"));
  EXPECT_THAT(Lines(imported, "fs.cow"), ElementsAre("~/.cache"));
  EXPECT_THAT(
      Settings(imported.missing),
      UnorderedElementsAre("filesystem.denyRead \"/usr/share/doc\"",
                           "filesystem.allowWrite \"~/.gitconfig\"",
                           "filesystem.allowWrite \"/nowhere\"", "filesystem.denyWrite \".env\""));
  EXPECT_THAT(
      Settings(imported.holding),
      UnorderedElementsAre("filesystem.allowWrite \"/tmp\"", "filesystem.denyWrite \".git/hooks\"",
                           "filesystem.denyWrite \"~/.bashrc\""));
}

TEST_F(Importing, TakesADirectoryForOneHoweverItIsWritten) {
  for (const std::string end : {"", "/", "/**", "/**/", "/**/*", "/**/**", "//**"}) {
    const Imported imported =
        Of("srt", R"j({"filesystem": {"denyRead": ["secrets)j" + end + R"j("]}})j");
    EXPECT_THAT(Lines(imported, "fs.hide"), ElementsAre("secrets/")) << end;
  }
}

TEST_F(Importing, OfSrtLeavesAProjectThatNobodyMayWriteReadOnly) {
  EXPECT_THAT(Lines(Of("srt", R"j({"filesystem": {"allowWrite": ["/tmp"]}})j"), "fs.project"),
              ElementsAre("ro"));
  const Imported part = Of("srt", R"j({"filesystem": {"allowWrite": ["src"]}})j");
  EXPECT_THAT(Lines(part, "fs.project"), ElementsAre("cow"));
  EXPECT_THAT(Settings(part.missing), ElementsAre("filesystem.allowWrite \"src\""));
}

TEST_F(Importing, NamesEveryHostThatCannotBeReachedYet) {
  const Imported imported = Of("srt", R"j({"network": {
    "allowedDomains": ["github.com", "*.npmjs.org:443", "localhost:5432", "localhost"],
    "deniedDomains": ["evil.com", "*.evil.com", "*"]}})j");
  EXPECT_THAT(Settings(imported.missing), ElementsAre("network.allowedDomains \"github.com\"",
                                                      "network.allowedDomains \"*.npmjs.org:443\"",
                                                      "network.allowedDomains \"localhost\""));
  EXPECT_THAT(Lines(imported, "net.host_ports"), ElementsAre("5432"));
  EXPECT_THAT(Tests(imported, "net_deny"), ElementsAre("evil.com"));
  EXPECT_THAT(text_, HasSubstr("# No equivalent (3):\n"));
}

TEST_F(Importing, LetsDenyWinOverWhatIsShown) {
  const Imported imported = Of("srt", R"j({"filesystem": {
    "denyRead": ["~", "~/.cargo/credentials.toml"],
    "allowRead": ["/data/lib", "~/.cache", "~/.cargo"],
    "allowWrite": [".", "~/.cache"]}})j");
  EXPECT_THAT(Lines(imported, "fs.ro"), ElementsAre("/data/lib", "~/.cache"))
      << "allowRead opens again what denyRead closed above it, not what it closed below";
  EXPECT_THAT(Lines(imported, "fs.cow"), IsEmpty());
  EXPECT_THAT(Settings(imported.missing), ElementsAre("filesystem.allowRead \"~/.cargo\"",
                                                      "filesystem.allowWrite \"~/.cache\""));
}

TEST_F(Importing, NeverShowsAWholeHomeOrMachine) {
  const Imported imported = Of(
      "srt", R"j({"filesystem": {"allowWrite": [".", "/", "~", "/home", "/usr/local", "~/*"]}})j");
  EXPECT_THAT(Lines(imported, "fs.cow"), IsEmpty());
  EXPECT_EQ(imported.missing.size(), 5U);
}

TEST_F(Importing, OfSrtKeepsTheNamesOfMaskedSecretsAndSaysWhatIsNotBuilt) {
  const Imported imported = Of("srt", R"j({"credentials": {
    "envVars": [{"name": "GH_TOKEN", "mode": "mask", "injectHosts": ["api.github.com"]}],
    "files": [{"path": "~/.config/gh/hosts.yml", "mode": "deny"}, 7]}})j");
  EXPECT_THAT(Tests(imported, "env_hidden"), ElementsAre("GH_TOKEN"));
  EXPECT_THAT(Tests(imported, "fs_hidden"), ElementsAre("~/.config/gh/hosts.yml"));
  EXPECT_THAT(Settings(imported.missing),
              ElementsAre("credentials.envVars \"GH_TOKEN\"", "credentials.files"));
}

TEST_F(Importing, OfClaudeReadsRulesFromEveryFileByItsOwnPlace) {
  const Imported imported =
      Of("claude", {{.name = "user",
                     .text = R"j({"permissions": {"deny": ["Read(.env)", "Read(./secrets/**)",
                                    "Read(//etc/shadow)", "Read(~/.aws/**)", "Read(/x.md)"]},
                                 "env": {"A": "1", "B": "2"}})j",
                     .base = "/home/ann/.claude"},
                    {.name = "project",
                     .text = R"j({"permissions": {"deny": ["Read(/prod.cfg)"],
                                                 "additionalDirectories": ["/data/lib"]},
                                 "env": {"A": "3"}
})j",
                     .base = "/home/ann/p"}});
  EXPECT_THAT(Lines(imported, "fs.hide"),
              ElementsAre("**/.env", "**/.env/", "secrets/", "prod.cfg"));
  EXPECT_THAT(Tests(imported, "fs_hidden"), ElementsAre("/etc/shadow", "~/.aws", "~/.claude/x.md"));
  EXPECT_THAT(Lines(imported, "fs.cow"), ElementsAre("/data/lib"));
  EXPECT_THAT(Lines(imported, "env.set"), ElementsAre("A=3", "B=2"));
  EXPECT_THAT(text_, HasSubstr("\"/data/lib\",  # project: permissions.additionalDirectories; "));
}

TEST_F(Importing, OfClaudeSaysWhatOfItsRulesAmbitHasNoWordFor) {
  const Imported imported = Of("claude", R"j({
    "permissions": {"allow": ["Bash(npm run test:*)", "WebFetch(domain:docs.rs)", "Edit(src/**)",
                              "Read(~/.cargo/**)"],
                    "ask": ["Bash(git push:*)"], "deny": ["Bash", "WebFetch(domain:evil.com)",
                              "mcp__x", "Edit(package.json)"],
                    "defaultMode": "acceptEdits"},
    "sandbox": {"enabled": true, "excludedCommands": ["docker"], "autoAllowBashIfSandboxed": true,
                "allowUnsandboxedCommands": false,
                "network": {"allowedDomains": ["a.b"], "allowUnixSockets": ["/run/x"]},
                "filesystem": {"allowWrite": ["~/.cache"], "denyRead": ["~/.netrc"]}},
    "model": "opus", "env": {"API_TOKEN": "t0ps3cret"}
})j");
  EXPECT_THAT(
      Settings(imported.missing),
      UnorderedElementsAre(
          "permissions.allow \"Bash(npm run test:*)\"", "permissions.allow \"docs.rs\"",
          "permissions.ask \"Bash(git push:*)\"", "permissions.deny \"Bash\"",
          "permissions.deny \"mcp__x\"", "permissions.deny Edit \"/home/ann/p/**/package.json\"",
          "permissions.defaultMode \"acceptEdits\"", "sandbox.excludedCommands \"docker\"",
          "sandbox.network.allowedDomains \"a.b\"", "sandbox.network.allowUnixSockets \"/run/x\"",
          "env \"API_TOKEN\""));
  EXPECT_THAT(Lines(imported, "fs.ro"), ElementsAre("~/.cargo"));
  EXPECT_THAT(Lines(imported, "fs.cow"), ElementsAre("~/.cache"));
  EXPECT_THAT(Tests(imported, "fs_hidden"), ElementsAre("~/.netrc"));
  EXPECT_THAT(Tests(imported, "net_deny"), ElementsAre("evil.com"));
  EXPECT_THAT(Settings(imported.holding), Contains("model"));
  EXPECT_THAT(text_, Not(HasSubstr("t0ps3cret")));
}

TEST_F(Importing, OfCodexTakesTheModeOfTheChosenProfile) {
  constexpr std::string_view kText = R"j(
profile = "careful"
sandbox_mode = "workspace-write"
approval_policy = "on-request"
model = "m"
[sandbox_workspace_write]
writable_roots = ["/home/ann/.cache"]
network_access = true
exclude_slash_tmp = false
[shell_environment_policy]
inherit = "all"
include_only = ["PATH", "CI", "AWS_*", "MY_KEY"]
exclude = ["*KEY*", "GITHUB_TOKEN"]
set = { NODE_ENV = "test" }
[profiles.careful]
sandbox_mode = "read-only"
[profiles.other]
sandbox_mode = "danger-full-access"
)j";
  const Imported imported = Of("codex", std::string(kText));
  EXPECT_THAT(Lines(imported, "fs.project"), ElementsAre("ro"));
  EXPECT_THAT(Lines(imported, "fs.cow"), ElementsAre("~/.cache"));
  EXPECT_THAT(Lines(imported, "env.pass"), ElementsAre("CI"));
  EXPECT_THAT(Lines(imported, "env.set"), ElementsAre("NODE_ENV=test"));
  EXPECT_THAT(Tests(imported, "env_hidden"), ElementsAre("GITHUB_TOKEN"));
  EXPECT_THAT(
      Settings(imported.missing),
      UnorderedElementsAre("sandbox_mode \"workspace-write\"", "approval_policy \"on-request\"",
                           "sandbox_workspace_write.network_access \"true\"",
                           "shell_environment_policy.inherit \"all\"",
                           "shell_environment_policy.include_only \"AWS_*\"",
                           "shell_environment_policy.include_only \"MY_KEY\"",
                           "profiles.other \"a table of 1\""));
}

TEST_F(Importing, OfCodexReadsTheChosenPermissions) {
  const Imported imported = Of("codex", R"j(
default_permissions = "mine"
[permissions.mine.filesystem]
":root" = "read"
":tmpdir" = "write"
"/data/lib" = "read"
"~/.ssh" = "none"
[permissions.mine.filesystem.":project_roots"]
"." = "write"
"**/*.env" = "none"
[permissions.mine.network]
enabled = true
[permissions.mine.network.domains]
"api.github.com" = "allow"
"evil.com" = "deny"
[permissions.other.filesystem]
":root" = "write"
)j");
  EXPECT_THAT(Lines(imported, "fs.project"), ElementsAre("cow"));
  EXPECT_THAT(Lines(imported, "fs.ro"), ElementsAre("/data/lib"));
  EXPECT_THAT(Lines(imported, "fs.hide"), ElementsAre("**/*.env", "**/*.env/"));
  EXPECT_THAT(Tests(imported, "fs_hidden"), ElementsAre("~/.ssh"));
  EXPECT_THAT(Tests(imported, "net_deny"), ElementsAre("evil.com"));
  EXPECT_THAT(Settings(imported.missing),
              UnorderedElementsAre("permissions.mine.filesystem \":root\"",
                                   "permissions.mine.network.enabled \"true\"",
                                   "permissions.mine.network.domains \"api.github.com\"",
                                   "permissions.other \"a table of 1\""));
}

TEST_F(Importing, OfNonoReadsAProfile) {
  const Imported imported = Of("nono", R"j({
    "extends": ["claude-code", "mine"], "meta": {"name": "x", "version": "1"},
    "groups": {"include": ["node_runtime"]}, "workdir": {"access": "readwrite"},
    "filesystem": {"allow": ["$HOME/.cache", "$NONO_X/y"], "read": ["/data/lib", {"path": "/a",
                   "when": "macos"}], "deny": ["~/.aws"], "allow_file": ["~/.gitconfig"]},
    "network": {"block": false, "allow_domain": ["a.b", {"domain": "c.d", "endpoints": []}],
                "open_port": [5432], "upstream_proxy": "http://u:pw@proxy"},
    "environment": {"allow_vars": ["CI", "AWS_*"], "deny_vars": ["GH_TOKEN"],
                    "set_vars": {"LC_X": "1"}},
    "env_credentials": {"op://v/k": "KEY"}, "rollback": {"exclude_globs": ["*.o"]}})j");
  EXPECT_THAT(Lines(imported, "extends"), ElementsAre("claude"));
  EXPECT_THAT(Lines(imported, "fs.project"), ElementsAre("cow"));
  EXPECT_THAT(Lines(imported, "fs.cow"), ElementsAre("~/.cache"));
  EXPECT_THAT(Lines(imported, "fs.ro"), ElementsAre("/data/lib"));
  EXPECT_THAT(Lines(imported, "env.pass"), ElementsAre("CI"));
  EXPECT_THAT(Lines(imported, "env.set"), ElementsAre("LC_X=1"));
  EXPECT_THAT(Lines(imported, "net.host_ports"), ElementsAre("5432"));
  EXPECT_THAT(Tests(imported, "fs_hidden"), ElementsAre("~/.aws"));
  EXPECT_THAT(Tests(imported, "env_hidden"), ElementsAre("GH_TOKEN"));
  EXPECT_THAT(Settings(imported.missing),
              UnorderedElementsAre("extends \"mine\"", "groups.include \"node_runtime\"",
                                   "filesystem.allow \"$NONO_X/y\"", "filesystem.read \"/a\"",
                                   "filesystem.allow_file \"~/.gitconfig\"",
                                   "network.block \"false\"", "network.allow_domain \"a.b\"",
                                   "network.allow_domain \"c.d\"", "network.upstream_proxy",
                                   "environment.allow_vars \"AWS_*\"", "env_credentials"));
  EXPECT_THAT(text_, Not(HasSubstr("pw@")));
}

TEST_F(Importing, OfFenceReadsAFileWithCommentsAndLastCommas) {
  const Imported imported = Of("fence", R"j({
    // for the team
    "extends": "code",
    "network": {"allowedDomains": ["a.b"], "allowLocalOutbound": true,
                "allowLocalOutboundPorts": [5432, 6379], /* the database */},
    "filesystem": {"denyRead": ["~/.ssh/**", "~/a // no comment"], "allowRead": ["/data/lib"],
                   "allowWrite": ["."], "denyWrite": [".git/hooks"], "allowGitConfig": true},
    "command": {"deny": ["git push", "sudo"], "allow": []}, "ssh": {"allowedHosts": ["*.x"]},
    "devices": {"mode": "minimal"}, "allowPty": true,
  })j");
  EXPECT_THAT(Lines(imported, "fs.project"), ElementsAre("cow"));
  EXPECT_THAT(Lines(imported, "fs.ro"), ElementsAre("/data/lib"));
  EXPECT_THAT(Lines(imported, "net.host_ports"), ElementsAre("5432", "6379"));
  EXPECT_THAT(Tests(imported, "fs_hidden"), ElementsAre("~/.ssh", "~/a / no comment"));
  EXPECT_THAT(
      Settings(imported.missing),
      UnorderedElementsAre("extends \"code\"", "network.allowedDomains \"a.b\"",
                           "filesystem.allowGitConfig \"true\"", "command.deny \"git push\"",
                           "command.deny \"sudo\"", "ssh.allowedHosts \"*.x\""));
}

TEST_F(Importing, OfFenceOpensNoPortWithoutTheSwitch) {
  const Imported imported = Of("fence", R"j({"network": {"allowLocalOutboundPorts": [5432]}})j");
  EXPECT_THAT(Lines(imported, "net.host_ports"), IsEmpty());
}

TEST_F(Importing, DropsNothingItDoesNotKnow) {
  const Imported imported = Of("srt", R"j({"new": {"a": 1}, "network": [1], "filesystem":
    {"denyRead": 7, "allowWrite": [{}, "."], "allowGitConfig": "yes", "denyReed": ["x"]},
    "credentials": {"files": "x"}})j");
  EXPECT_THAT(
      Settings(imported.missing),
      UnorderedElementsAre("new", "network", "filesystem.allowWrite", "filesystem.allowGitConfig",
                           "filesystem.denyReed", "credentials.files"));
}

TEST_F(Importing, PrintsHostileTextsHarmlessly) {
  std::string deep = "a";
  for (int i = 0; i < 100; ++i) deep += ".a";
  (void)Of("srt", R"j({"filesystem": {"denyRead": ["~/a\u0000b", "~/\u001b]52;x\n[fs]", "\u202ex",
                     "~/q\"\\", ")j" +
                      deep + R"j(", "~no", ""]}, "k\u001b\n": 1, ")j" + deep + R"j(": 1})j");
  for (const char c : text_) EXPECT_TRUE(c == '\n' || (c & '\xE0') != 0) << static_cast<int>(c);
}

TEST(ImportTree, SaysWhereATextIsWrong) {
  EXPECT_EQ(ReadJsonTree("{\"a\": 1,\n \"b\" 2}", "f").error().what.substr(0, 6), "f:2:6:");
  EXPECT_THAT(ReadTomlTree("a = 1\nb =\n", "f").error().what, HasSubstr("f:2:4"));
  EXPECT_THAT(ReadJsonTree("", "f").error().what, HasSubstr("f:1:1"));
  EXPECT_THAT(ReadJsonTree("{} x", "f").error().what, HasSubstr("f:1:4"));
  EXPECT_THAT(ReadJsonTree("{ /* open", "f").error().what, HasSubstr("not JSON"));
}

TEST(ImportTree, HasBounds) {
  EXPECT_EQ(ReadJsonTree(std::string(100'000, '['), "f").error().code, Errc::kLimit);
  EXPECT_EQ(ReadJsonTree(std::string(kMaxImportBytes + 1, ' '), "f").error().code, Errc::kLimit);
  EXPECT_EQ(ReadTomlTree(std::string(kMaxImportBytes + 1, ' '), "f").error().code, Errc::kLimit);
  std::string many = "[0";
  for (std::size_t i = 0; i < kMaxImportEntries; ++i) many += ",0";
  EXPECT_EQ(ReadJsonTree(many + "]", "f").error().code, Errc::kLimit);
  EXPECT_EQ(ReadTomlTree("a = " + many + "]", "f").error().code, Errc::kLimit);
  EXPECT_EQ(ReadTomlTree("a = " + std::string(100, '[') + std::string(100, ']'), "f").error().code,
            Errc::kLimit);
}

TEST(ImportTree, TakesTheLastOfTwoNames) {
  const Result<Tree> tree = ReadJsonTree(R"j({"a": 1, "b": 2, "a": 3})j", "f");
  ASSERT_TRUE(tree);
  EXPECT_THAT(tree->names, ElementsAre("b", "a"));
  EXPECT_EQ(tree->Find("a")->text, "3");
}

}  // namespace
}  // namespace ambit::policy
