#include "review/gate.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <vector>

#include "review/gate_names.h"

namespace ambit::review {
namespace {

using enum GateVerdict;

std::string Replaced(std::string_view text, char from, std::string_view to) {
  std::string out;
  for (const char c : text) c == from ? out += to : out += c;
  return out;
}

std::string Capitals(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

/// `a.b` as U+FF41 U+FF0E U+FF42; slashes stay.
std::string FullWidth(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c <= ' ' || c == '/' || c >= 0x7F) {
      out += c;
      continue;
    }
    const auto point = static_cast<unsigned>(0xFF01 + (c - '!'));
    out += {static_cast<char>(0xE0 | (point >> 12)), static_cast<char>(0x80 | (point >> 6 & 0x3F)),
            static_cast<char>(0x80 | (point & 0x3F))};
  }
  return out;
}

/// What a line of the list speaks of, with something in the place of its stars.
std::string ExampleOf(const GateRule& rule) { return Replaced(rule.pattern, '*', "x1"); }

std::string FileOf(const GateRule& rule) {
  const std::string example = ExampleOf(rule);
  return example.ends_with('/') ? example + "inner/file" : example;
}

TEST(GateList, EveryLineHoldsWhereverItsNameStands) {
  ASSERT_GT(GateRules().size(), 500U);
  for (const GateRule& rule : GateRules()) {
    SCOPED_TRACE(rule.pattern);
    const std::string file = FileOf(rule);
    for (const std::string& path :
         {file, "packages/a/" + file, "vendor/x y/\xff/" + file, Capitals(file), FullWidth(file),
          Replaced(file, '/', ". /"), file + ". .", file + ":stream", Replaced(file, '/', "\\"),
          Replaced(file, '/', "\xE2\x80\x8D/"), "\xEF\xBB\xBF" + file, "./" + file, "a//" + file}) {
      EXPECT_GE(GateOf(path).verdict, rule.verdict) << path;
      EXPECT_FALSE(GateOf(path).reason.empty()) << path;
    }
  }
}

TEST(GateList, ALineOfADirectoryHoldsTheDirectoryItselfAndAnythingThatTakesItsPlace) {
  for (const GateRule& rule : GateRules()) {
    if (!rule.pattern.ends_with('/')) continue;
    SCOPED_TRACE(rule.pattern);
    const std::string directory = ExampleOf(rule);
    EXPECT_GE(GateOf(directory).verdict, rule.verdict);
    EXPECT_GE(GateOf(directory.substr(0, directory.size() - 1)).verdict, rule.verdict);
  }
}

TEST(GateList, HasNoLineTwiceAndNoneThatCannotBeRead) {
  std::set<std::string> seen;
  for (const GateRule& rule : GateRules()) {
    SCOPED_TRACE(rule.pattern);
    EXPECT_TRUE(seen.insert(FoldName(rule.pattern)).second);
    EXPECT_NE(rule.verdict, kOpen);
    EXPECT_FALSE(rule.reason.empty());
    EXPECT_FALSE(rule.pattern.empty() || rule.pattern.starts_with('/'));
    EXPECT_EQ(rule.pattern.find_first_of(" \t\n\\:"), std::string_view::npos);
    EXPECT_LE(std::ranges::count(rule.pattern, '*'), 2);
    EXPECT_TRUE(std::ranges::all_of(rule.pattern, [](char c) { return c > ' ' && c < 0x7F; }));
  }
}

// Written down a second time on purpose: a line lost from the list must not go unseen.
TEST(Gate, NeverLetsGitThrough) {
  for (const char* path : {".git",
                           ".git/",
                           ".git/hooks/pre-commit",
                           ".git/config",
                           ".git/objects/info/alternates",
                           ".git/modules/x/config",
                           "vendor/lib/.git",
                           "vendor/lib/.git/config",
                           ".GIT/x",
                           ".Git/config",
                           "GIT~1/config",
                           "git~4",
                           ".git./config",
                           ".git /config",
                           ".git...",
                           ".git ./x",
                           ".git::$INDEX_ALLOCATION/config",
                           ".git:x",
                           "a\\.git\\config",
                           ".git\\hooks\\x",
                           ".g\xE2\x80\x8Cit/config",
                           "\xE2\x80\xAE.git",
                           ".gi\xEF\xBB\xBFt",
                           ".g\xC4\xB1t/config",
                           ".g\xC4\xB0t",
                           ".gI\xCC\x87T",
                           "\xE2\x80\xA4git/hooks/x",
                           "\xEF\xBC\x8E\xEF\xBC\xA7IT",
                           ".\xF0\x9D\x92\xA2it",
                           ".\xF0\x9D\x97\xB4\xF0\x9D\x97\xB6\xF0\x9D\x98\x81",
                           ".git\xEF\xBC\x8Fhooks",
                           ".git\xE2\x80\x89/x"}) {
    EXPECT_EQ(GateOf(path).verdict, kNever) << path;
  }
  for (const char* path : {"..", "../x", "a/../../b", "a/..", ".. /x", "a\\..\\b"}) {
    EXPECT_EQ(GateOf(path).verdict, kNever) << path;
  }
}

TEST(Gate, HoldsWhatTheHostRunsByItself) {
  for (const char* path : {".gitmodules",
                           "sub/.gitattributes",
                           "GITMOD~1",
                           "gi7eba~2",
                           ".lfsconfig",
                           "HEAD",
                           "x/HEAD",
                           ".husky/pre-commit",
                           ".githooks/post-checkout",
                           ".hooks/lib.sh",
                           "scripts/hooks/pre-commit",
                           "tools/post-checkout",
                           "hooks/update",
                           ".hg/hgrc",
                           "sub/.jj/repo/config.toml",
                           ".sl/config",
                           ".bsp/evil.json",
                           "rust-project.json",
                           ".rust-analyzer.toml",
                           "hie.yaml",
                           ".formatter.exs",
                           ".credo.exs",
                           ".luacheckrc",
                           ".markdownlint.cjs",
                           ".lazy.lua",
                           ".neoconf.json",
                           ".erlang",
                           ".php-cs-fixer.dist.php",
                           ".pre-commit-config.yaml",
                           "lefthook.yml",
                           ".vscode/tasks.json",
                           ".vscode",
                           "packages/a/.vscode/tasks.json",
                           "VSCODE~1/tasks.json",
                           ".idea/workspace.xml",
                           "app.code-workspace",
                           ".exrc",
                           ".dir-locals.el",
                           "build.rs",
                           "eslint.config.mjs",
                           ".eslintrc.cjs",
                           ".devcontainer/devcontainer.json",
                           ".devcontainer.json",
                           ".envrc",
                           "deep/down/.envrc",
                           "mise.toml",
                           ".mise.local.toml",
                           ".bashrc",
                           ".claude/settings.json",
                           "vendor/x/.claude/settings.json",
                           ".claude.json",
                           ".mcp.json",
                           "MCP~1.JSO",
                           ".cursor/mcp.json",
                           ".cursorrules",
                           ".codex/config.toml",
                           ".gemini/settings.json",
                           ".copilot/mcp-config.json",
                           ".windsurf/rules/x.md",
                           ".aider.conf.yml",
                           ".continue/config.yaml",
                           ".clinerules",
                           ".clinerules/x.md",
                           ".roo/mcp.json",
                           ".opencode/plugin/x.ts",
                           "opencode.json",
                           ".qwen/settings.json",
                           ".factory/mcp.json",
                           ".pi/extensions/x.ts",
                           ".agents/skills/x/SKILL.md",
                           "AGENTS.md",
                           "agents.md",
                           "sub/AGENTS.md",
                           "AGENTS.override.md",
                           "CLAUDE.md",
                           "CLAUDE.local.md",
                           "GEMINI.md",
                           "skills/x/SKILL.md",
                           ".goosehints",
                           "ambit.toml",
                           ".config/ambit/config.toml",
                           "ambit/config.toml",
                           ".config/systemd/user/x.service",
                           ".xprofile",
                           "sub/ambit.toml",
                           ".github/workflows/ci.yml",
                           ".github/copilot-instructions.md",
                           ".github/actions/x/action.yml",
                           ".gitlab-ci.yml",
                           ".circleci/config.yml",
                           "Jenkinsfile",
                           "azure-pipelines.yml",
                           ".travis.yml",
                           "netlify.toml",
                           "renovate.json",
                           ".npmrc",
                           ".yarnrc.yml",
                           ".yarn/releases/yarn-4.cjs",
                           ".pnp.cjs",
                           ".pnpmfile.cjs",
                           "binding.gyp",
                           ".pypirc",
                           "pip.conf",
                           ".cargo/config.toml",
                           "rust-toolchain.toml",
                           ".mvn/wrapper/maven-wrapper.properties",
                           "gradle/wrapper/gradle-wrapper.properties",
                           "sitecustomize.py",
                           "pyvenv.cfg",
                           ".venv/bin/python",
                           ".venv/bin/python3.11",
                           "venv/bin/activate",
                           "venv/Scripts/python.exe",
                           ".venv/lib/python3.11/site-packages/x.pth",
                           ".gdbinit",
                           ".Rprofile",
                           "x.desktop",
                           "desktop.ini",
                           ".htaccess"}) {
    EXPECT_EQ(GateOf(path).verdict, kHeld) << path;
  }
}

TEST(Gate, HoldsNamesThatOnlyLookDifferent) {
  for (const char* path :
       {".VSCode/tasks.json", ".vscode./tasks.json", ".claude\xE2\x80\x8D/settings.json",
        ".claude\xEF\xB8\x8F", ".vscode\xC2\xA0/x",
        ".env\xCA\xB3"
        "c",
        "AGENTS.md ", ".ENVRC", ".mcp\xE2\x80\xA4json", ".hu\xC5\xBFky/pre-commit",
        "\xE2\x84\xAA"
        "x/.hus\xE2\x84\xAAy/x",
        "AGENT\xC5\xBF.md",
        ".a\xE2\x85\xB0"
        "der.conf.yml",
        "lefthoo\xE2\x84\xAA.yml", "sitecu\xEF\xAC\x86omize.py"}) {
    EXPECT_EQ(GateOf(path).verdict, kHeld) << path;
  }
}

TEST(Gate, ShowsWhatABuildRuns) {
  for (const char* path :
       {"Makefile", "src/Makefile", "GNUmakefile", "CMakeLists.txt", "justfile", "package.json",
        "conftest.py", "setup.py", "Dockerfile", "docker-compose.yml", "Cargo.toml", "go.mod",
        "vite.config.ts", ".env", ".env.local", "node_modules/x/index.js"}) {
    EXPECT_EQ(GateOf(path).verdict, kShown) << path;
  }
}

TEST(Gate, LeavesOrdinaryFilesOpen) {
  for (const char* path : {"git.txt",
                           "git",
                           "digit",
                           "src/vscode/x",
                           "vscode/tasks.json",
                           "legit/file",
                           "a.git",
                           "repo.git/x",
                           ".gitx/x",
                           ".gitignore",
                           ".gitkeep",
                           ".git-blame-ignore-revs",
                           ".mailmap",
                           "x.gitmodules",
                           "src/hooks/useUpdate.ts",
                           "bin/update",
                           "hooks/README.md",
                           "pre-commit.md",
                           "src/pre-commit/x.cc",
                           "analysis_options.yaml",
                           "src/erlang",
                           "envrc",
                           ".envrcs",
                           "environment.ts",
                           "src/claude/x.py",
                           "claude.py",
                           "agents/x.md",
                           "src/agents.py",
                           "my-agents.md",
                           "cursor.c",
                           "idea/x",
                           "README.md",
                           "docs/git.md",
                           "github/x",
                           "src/github/workflows.ts",
                           "bin/python-config-helper",
                           "bin/tool",
                           "scripts/python_tools.py",
                           "scripts/pip.md",
                           "model.pth",
                           "HEADER",
                           "src/head.c",
                           "head.ts",
                           "make.py",
                           "npmrc",
                           "Jenkins.md",
                           "huskies/x",
                           "build/rs",
                           "src/build_rs",
                           "x~1",
                           "git~",
                           "git~x",
                           "git~0",
                           "git~12",
                           "a:b",
                           "caf\xC3\xA9.txt",
                           "\xE6\x97\xA5\xE6\x9C\xAC.txt",
                           "\xff\xfe",
                           "...",
                           "",
                           ".",
                           "/",
                           ".editorconfig",
                           "tests/test_x.py",
                           "src/main.rs",
                           "locales/en.json",
                           ".config/x",
                           "Scripts/run.ps1"}) {
    EXPECT_EQ(GateOf(path).verdict, kOpen) << path;
    EXPECT_TRUE(GateOf(path).reason.empty()) << path;
  }
}

TEST(Gate, ADirectoryIsNotJudgedByTheLinesOfFiles) {
  EXPECT_EQ(GateOf("components/head/").verdict, kOpen);
  EXPECT_EQ(GateOf("components/head").verdict, kHeld);
  EXPECT_EQ(GateOf("build/").verdict, kOpen);
  EXPECT_EQ(GateOf("x/.claude/").verdict, kHeld);
}

}  // namespace
}  // namespace ambit::review
