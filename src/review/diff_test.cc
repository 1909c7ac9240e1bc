#include "review/diff.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "review/line_diff.h"
#include "workspace/overlay_for_test.h"

namespace ambit::review {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using workspace::Change;
using workspace::ChangeKind;
using workspace::ChangeSet;
using workspace::testing::Flavour;
using workspace::testing::MountableFlavours;
using workspace::testing::OverlayTree;
using workspace::testing::RandomEditor;
using workspace::testing::RunShell;
using workspace::testing::WriteAll;
namespace fs = std::filesystem;

/// What git keeps of a tree: files with the execute bit, links; no directories of their own.
std::map<std::string, std::string> GitView(const fs::path& root) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string path = entry.path().lexically_relative(root);
    if (entry.is_symlink()) {
      out[path] = "link " + fs::read_symlink(entry.path()).string();
    } else if (entry.is_regular_file()) {
      const bool runs = (entry.status().permissions() & fs::perms::owner_exec) != fs::perms::none;
      out[path] = (runs ? "x " : "- ") + workspace::testing::ReadAll(entry.path());
    }
  }
  return out;
}

std::string Patch(const OverlayTree& tree, const ChangeSet& set, const DiffOptions& options = {}) {
  std::string out;
  EXPECT_TRUE(RenderUnified(tree.layer(), set, options, AppendTo(out)));
  return out;
}

class DiffOnOverlay : public ::testing::TestWithParam<Flavour> {};
INSTANTIATE_TEST_SUITE_P(Flavours, DiffOnOverlay, ::testing::ValuesIn(MountableFlavours()),
                         [](const auto& info) { return info.param.name; });

TEST_P(DiffOnOverlay, GitApplyMakesTheResultOfAnyEdits) {
  constexpr std::uint32_t kScripts = 60;
  for (std::uint32_t seed = 1001; seed <= 1000 + kScripts; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const OverlayTree tree(GetParam(),
                           [&](const fs::path& root) { RandomEditor::MakeOriginal(root, seed); });
    ASSERT_TRUE(tree.InOverlay([&] {
      RandomEditor editor(tree.at("plain"), tree.at("merged"), seed * 31);
      for (std::uint32_t step = 0; step < 3 + seed % 30; ++step) editor.Step();
    }));
    const std::string patch = Patch(tree, tree.Walk());
    if (GitView(tree.at("original")) == GitView(tree.at("plain"))) {
      EXPECT_EQ(patch, "");
      continue;
    }
    const fs::path file = tree.at("patch");
    WriteAll(file, patch);
    ASSERT_EQ(
        RunShell(fmt::format("cd '{}' && GIT_CEILING_DIRECTORIES=/ git apply --whitespace=nowarn "
                             "'{}'",
                             tree.at("original").string(), file.string())),
        0)
        << patch;
    ASSERT_EQ(GitView(tree.at("original")), GitView(tree.at("plain"))) << patch;
  }
}

TEST_P(DiffOnOverlay, PatchAppliesAPlainEdit) {
  const OverlayTree tree(GetParam(),
                         [](const fs::path& root) { WriteAll(root / "f", "1\n2\n3\n"); });
  ASSERT_TRUE(tree.Edited([](const fs::path& root) {
    WriteAll(root / "f", "1\ntwo\n3\n");
    WriteAll(root / "new file", "x");
  }));
  WriteAll(tree.at("patch"), Patch(tree, tree.Walk()));
  ASSERT_EQ(RunShell(fmt::format("cd '{}' && patch -s -p1 < '{}'", tree.at("original").string(),
                                 tree.at("patch").string())),
            0);
  EXPECT_EQ(GitView(tree.at("original")), GitView(tree.at("plain")));
}

TEST_P(DiffOnOverlay, ShowsEachKindInEachForm) {
  const OverlayTree tree(GetParam(), [](const fs::path& root) {
    WriteAll(root / "edit", "one\ntwo\n");
    WriteAll(root / "gone", "gone\n");
    WriteAll(root / "binary", std::string("a\0b", 3));
    fs::create_directory(root / ".git");
  });
  ASSERT_TRUE(tree.Edited([](const fs::path& root) {
    WriteAll(root / "edit", "one\n\x1b[31mred\n");
    fs::remove(root / "gone");
    WriteAll(root / "binary", std::string("a\0c", 3));
    WriteAll(root / "\x1b]0;title\x07", "x\n");
    WriteAll(root / "latin\xE4", "x\n");
    WriteAll(root / ".git/HEAD", "x\n");
    WriteAll(root / "large", std::string(5000, 'x'));
  }));
  const ChangeSet set = tree.Walk();

  const std::string patch = Patch(tree, set, {.for_terminal = true, .max_file_bytes = 4096});
  EXPECT_THAT(patch,
              HasSubstr("--- a/edit\n+++ b/edit\n@@ -1,2 +1,2 @@\n one\n-two\n+\\x1b[31mred\n"));
  EXPECT_THAT(patch, HasSubstr("diff --git a/gone b/gone\ndeleted file mode 100644\n"));
  EXPECT_THAT(patch, HasSubstr("Binary files a/binary and b/binary differ\n"));
  EXPECT_THAT(patch, HasSubstr("Large files /dev/null and b/large differ\n"));
  EXPECT_THAT(patch, HasSubstr("\"b/\\033]0;title\\a\""));
  EXPECT_THAT(patch, Not(HasSubstr("\x1b")));
  EXPECT_THAT(Patch(tree, set), HasSubstr("+\x1b[31mred\n"));  // a patch keeps the bytes

  std::string names;
  ASSERT_TRUE(RenderNameStatus(set, AppendTo(names)));
  EXPECT_EQ(names,
            "A\t\\x1b]0;title\\x07\nM\tbinary\nM\tedit\nD\tgone\nA\tlarge\nA\tlatin\\xe4\n"
            "G\t.git\t1 file\n");

  std::string stat;
  ASSERT_TRUE(RenderStat(tree.layer(), set, {.max_file_bytes = 4096}, AppendTo(stat)));
  EXPECT_THAT(stat, HasSubstr(" edit | 2 +-\n"));
  EXPECT_THAT(stat, HasSubstr(" binary | Bin 3 -> 3 bytes\n"));
  EXPECT_THAT(stat, HasSubstr(" 6 changed, 3 lines added, 2 removed\n"));

  std::string json;
  ASSERT_TRUE(RenderJson(set, AppendTo(json)));
  WriteAll(tree.at("json"), json);
  EXPECT_EQ(RunShell(fmt::format("python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); "
                                 "assert len(d[\"changes\"])==6 and d[\"git\"][0][\"files\"]==1; "
                                 "assert [c for c in d[\"changes\"] if bytes.fromhex(c.get("
                                 "\"path_hex\",\"\"))==b\"latin\\xe4\"]' '{}'",
                                 tree.at("json").string())),
            0);
}

TEST(DiffLines, FindsAShortestScript) {
  std::mt19937 random(3);
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string_view> texts[2];
    for (auto& text : texts) {
      for (std::size_t n = random() % 14; n > 0; --n) {
        text.push_back(std::string_view("abcd").substr(random() % 4, 1));
      }
    }
    const auto& [old_lines, new_lines] = texts;
    const LineDiff diff = DiffLines(old_lines, new_lines);
    std::vector<std::string_view> kept_old;
    std::vector<std::string_view> kept_new;
    for (std::size_t i = 0; i < old_lines.size(); ++i) {
      if (!diff.removed[i]) kept_old.push_back(old_lines[i]);
    }
    for (std::size_t j = 0; j < new_lines.size(); ++j) {
      if (!diff.added[j]) kept_new.push_back(new_lines[j]);
    }
    ASSERT_EQ(kept_old, kept_new);
    // The longest common subsequence by the table that every textbook has.
    std::vector<std::vector<std::size_t>> table(old_lines.size() + 1,
                                                std::vector<std::size_t>(new_lines.size() + 1));
    for (std::size_t i = 1; i <= old_lines.size(); ++i) {
      for (std::size_t j = 1; j <= new_lines.size(); ++j) {
        table[i][j] = old_lines[i - 1] == new_lines[j - 1]
                          ? table[i - 1][j - 1] + 1
                          : std::max(table[i - 1][j], table[i][j - 1]);
      }
    }
    ASSERT_EQ(kept_old.size(), table[old_lines.size()][new_lines.size()]) << round;
  }
}

TEST(DiffLines, StaysRightWhenTheBudgetRunsOut) {
  std::mt19937 random(4);
  std::vector<std::string> words;
  for (int i = 0; i < 4000; ++i) words.push_back(std::to_string(random() % 50));
  const std::vector<std::string_view> old_lines(words.begin(), words.begin() + 2000);
  const std::vector<std::string_view> new_lines(words.begin() + 2000, words.end());
  for (const std::uint64_t budget : {0ULL, 1ULL, 1000ULL, 100000ULL}) {
    const LineDiff diff = DiffLines(old_lines, new_lines, budget);
    std::vector<std::string_view> kept_old;
    std::vector<std::string_view> kept_new;
    for (std::size_t i = 0; i < old_lines.size(); ++i) {
      if (!diff.removed[i]) kept_old.push_back(old_lines[i]);
    }
    for (std::size_t j = 0; j < new_lines.size(); ++j) {
      if (!diff.added[j]) kept_new.push_back(new_lines[j]);
    }
    EXPECT_EQ(kept_old, kept_new);
  }
}

TEST(UnifiedHunks, SaysWhenTheLastLineIsNotComplete) {
  EXPECT_EQ(UnifiedHunks("a", "a\n"), "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
  EXPECT_EQ(UnifiedHunks("", "x\n"), "@@ -0,0 +1 @@\n+x\n");
  EXPECT_EQ(UnifiedHunks("x\n", "x\n"), "");
}

TEST(GitQuoted, QuotesAsGitDoes) {
  EXPECT_EQ(GitQuoted("a/", "plain name"), "a/plain name");
  EXPECT_EQ(GitQuoted("a/", "t\tq\"b\\"), "\"a/t\\tq\\\"b\\\\\"");
  EXPECT_EQ(GitQuoted("", "\xC3\xA4\x01"), "\"\\303\\244\\001\"");
}

Change Named(ChangeKind kind, std::string path, mode_t mode, std::string old_path = {}) {
  const bool had = kind != ChangeKind::kAdded;
  return {.kind = kind,
          .path = path,
          .old_path = !had               ? ""
                      : old_path.empty() ? path
                                         : old_path,
          .old_mode = had ? mode : 0,
          .new_mode = kind == ChangeKind::kDeleted ? 0 : mode};
}

std::vector<std::string> PathsOf(const ChangeSet& set) {
  std::vector<std::string> paths;
  for (const Change& change : set.changes) paths.push_back(change.path);
  return paths;
}

TEST(Limits, KeepWhatIsAtOrBelowAPathUnderEitherName) {
  ChangeSet all;
  all.changes = {Named(ChangeKind::kModified, "a/x", 0100644),
                 Named(ChangeKind::kDeleted, "ab", 0100644),
                 Named(ChangeKind::kRenamed, "new", 040755, "a/old"),
                 Named(ChangeKind::kModified, "new/y", 0100644, "a/old/y")};
  all.git = {{.path = "a/.git", .files = 2}, {.path = ".git", .files = 1}};
  const auto limited = [&](std::vector<std::string> paths) {
    ChangeSet set = all;
    LimitTo(set, paths);
    return PathsOf(set);
  };
  EXPECT_THAT(limited({"a"}), ElementsAre("a/x", "new", "new/y"));
  EXPECT_THAT(limited({"ab"}), ElementsAre("ab"));
  EXPECT_THAT(limited({"new/y"}), ElementsAre("new", "new/y"));
  EXPECT_THAT(limited({"new/elsewhere"}), ElementsAre("new"));
  EXPECT_THAT(limited({"b", "ab"}), ElementsAre("ab"));
  EXPECT_THAT(limited({""}), ElementsAre("a/x", "ab", "new", "new/y"));
  ChangeSet set = all;
  LimitTo(set, std::vector<std::string>{"a/.git/hooks"});
  ASSERT_EQ(set.git.size(), 1U);
  EXPECT_EQ(set.git[0].path, "a/.git");
}

TEST_P(DiffOnOverlay, NamesWhatTheGateSpeaksOf) {
  const OverlayTree tree(GetParam(), [](const fs::path& root) {
    fs::create_directories(root / "moves/.husky");
    fs::create_directory(root / "kept");
    WriteAll(root / "moves/.husky/pre-commit", "x");
    WriteAll(root / "package.json", "{}");
    WriteAll(root / "kept/package.json", "{}");
    WriteAll(root / ".envrc", "x");
  });
  ASSERT_TRUE(tree.InOverlay([&] {
    const fs::path root = tree.at("merged");
    (void)RunShell(
        fmt::format("cp -a '{0}/moves' '{0}/moved' && rm -rf '{0}/moves'", root.string()));
    WriteAll(root / "package.json", R"({"scripts":{"prepare":"x"}})");
    WriteAll(root / "kept/package.json", R"({"version":"2"})");
    fs::remove(root / ".envrc");
    fs::create_directory(root / ".claude");
    fs::create_symlink("tools", root / "bin");
    WriteAll(root / "plain.txt", "x");
  }));
  const auto gated = GatedChanges(tree.layer(), tree.Walk());
  ASSERT_TRUE(gated) << gated.error().what;
  std::map<std::string, GateVerdict> verdicts;
  for (const GatedChange& change : *gated) verdicts[change.path] = change.decision.verdict;
  using enum GateVerdict;
  EXPECT_THAT(verdicts,
              UnorderedElementsAre(Pair(".envrc", kHeld), Pair("bin", kHeld),
                                   Pair("package.json", kHeld), Pair("kept/package.json", kShown),
                                   Pair("moved/.husky/pre-commit", kHeld),
                                   Pair("moves/.husky/pre-commit", kHeld)));
}

TEST(Colour, IsClosedOnEveryLine) {
  EXPECT_EQ(UnifiedHunks("a\nb\n", "a\nc", false, true),
            "\x1b[36m@@ -1,2 +1,2 @@\x1b[m\n a\n\x1b[31m-b\x1b[m\n\x1b[32m+c\x1b[m\n"
            "\\ No newline at end of file\n");
}

}  // namespace
}  // namespace ambit::review
