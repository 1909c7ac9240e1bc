#include "host/git_refs.h"

#include <gmock/gmock.h>

namespace ambit::host {
namespace {

const std::string kSha1(40, 'a');
const std::string kSha256(64, '0');

TEST(GitRefs, AnObjectsNameOrABranchIsARef) {
  EXPECT_EQ(ParseRef(kSha1 + "\n")->object, kSha1);
  EXPECT_EQ(ParseRef(kSha256)->object, kSha256);
  EXPECT_EQ(ParseRef("ref: refs/heads/a/b\n")->target, "refs/heads/a/b");
  EXPECT_EQ(ParseRef("ref:\trefs/heads/x")->target, "refs/heads/x");
}

TEST(GitRefs, AnythingElseIsNone) {
  for (const std::string& text :
       {std::string(), std::string("\n"), kSha1 + "\n\n", kSha1 + "x", std::string(40, 'A'),
        std::string(39, 'a'), std::string("ref: refs/tags/x"), std::string("ref: HEAD"),
        std::string("ref: /etc/passwd"), std::string("ref: refs/heads/../../config"),
        std::string("ref: refs/heads/"), std::string("ref: refs/heads/a//b"),
        std::string("ref: refs/heads/a\nx"), std::string("ref: refs/heads/a\0b", 18),
        std::string("refs/heads/x"), "ref: refs/heads/" + std::string(5000, 'x')}) {
    EXPECT_FALSE(ParseRef(text)) << text;
  }
}

TEST(GitRefs, ABranchesNameCannotLeaveTheDirectoryOfBranches) {
  for (const char* name : {"refs/heads/main", "refs/heads/a/b-c_d", "refs/heads/\xc3\xa4"}) {
    EXPECT_TRUE(IsBranchRef(name)) << name;
  }
  for (const char* name : {"",
                           "HEAD",
                           "refs/heads",
                           "refs/heads/",
                           "refs/heads//x",
                           "refs/heads/x/",
                           "refs/heads/.x",
                           "refs/heads/x/.git",
                           "refs/heads/..",
                           "refs/heads/a..b",
                           "refs/heads/x.lock",
                           "refs/heads/x.lock/y",
                           "refs/heads/a b",
                           "refs/heads/a\x7f",
                           "refs/heads/a:b",
                           "refs/heads/a?",
                           "refs/heads/a*",
                           "refs/heads/a[",
                           "refs/heads/a\\b",
                           "refs/heads/a^",
                           "refs/heads/a~",
                           "refs/heads/a@{1}",
                           "refs/heads/x."}) {
    EXPECT_FALSE(IsBranchRef(name)) << name;
  }
}

TEST(GitRefs, PackedRefsAreSearchedByWholeName) {
  const std::string packed = "# pack-refs with: peeled fully-peeled sorted \n" + kSha1 +
                             " refs/heads/main\n" + kSha256 + " refs/heads/mainly\n^" + kSha1 +
                             "\n" + kSha256 + " refs/tags/x";
  EXPECT_EQ(*FindPackedRef(packed, "refs/heads/main"), kSha1);
  EXPECT_EQ(*FindPackedRef(packed, "refs/heads/mainly"), kSha256);
  EXPECT_EQ(*FindPackedRef(packed, "refs/tags/x"), kSha256);
  EXPECT_EQ(*FindPackedRef(packed, "refs/heads/mai"), std::nullopt);
  EXPECT_EQ(*FindPackedRef("", "refs/heads/main"), std::nullopt);
}

TEST(GitRefs, PackedRefsThatSayTwoThingsOrNoObjectAreRefused) {
  const std::string line = kSha1 + " refs/heads/main\n";
  EXPECT_FALSE(FindPackedRef(line + line, "refs/heads/main"));
  EXPECT_FALSE(FindPackedRef("zz refs/heads/main\n", "refs/heads/main"));
}

TEST(GitRefs, OfPackedRefsTheBranchesAndTheStashAreListedByName) {
  const std::string packed = "# pack-refs with: peeled fully-peeled sorted \n" + kSha1 +
                             " refs/stash\n" + kSha1 + " refs/heads/b/c\n" + kSha256 +
                             " refs/heads/a\n" + kSha1 + " refs/tags/x\n^" + kSha1 + "\n" + kSha1 +
                             " refs/heads/../../x\nzz refs/remotes/y\n" + kSha1;
  EXPECT_THAT(*ParsePackedRefs(packed), ::testing::ElementsAre(PackedRef{"refs/heads/a", kSha256},
                                                               PackedRef{"refs/heads/b/c", kSha1},
                                                               PackedRef{"refs/stash", kSha1}));
  EXPECT_THAT(*ParsePackedRefs(""), ::testing::IsEmpty());
  const std::string line = kSha1 + " refs/heads/main\n";
  EXPECT_FALSE(ParsePackedRefs(line + kSha1 + " refs/heads/other\n" + line));
  EXPECT_FALSE(ParsePackedRefs("zz refs/heads/main\n"));
}

TEST(GitRefs, TheNewestStashStandsInTheLastLineOfItsLog) {
  const std::string first = kSha1 + " " + std::string(40, 'b') + " A <a@b> 1 +0000\tWIP\n";
  const std::string second = std::string(40, 'b') + " " + std::string(40, 'c') + " A <a@b> 2 +0000";
  EXPECT_THAT(*ParseStashLog(first + second),
              ::testing::ElementsAre(std::string(40, 'c'), std::string(40, 'b')));
  EXPECT_THAT(*ParseStashLog(""), ::testing::IsEmpty());
  for (const std::string& line : {std::string("\n"), kSha1, kSha1 + "\t" + kSha1, kSha1 + " zz A",
                                  "zz " + kSha1 + " A", " " + kSha1 + " " + kSha1}) {
    EXPECT_FALSE(ParseStashLog(first + line + "\n")) << line;
  }
}

}  // namespace
}  // namespace ambit::host
