#include "review/consent.h"

#include <gmock/gmock.h>

namespace ambit::review {
namespace {

GitDirectories BareRepositoryAt(const std::string& directory) {
  return GitDirectories([directory](const std::string& path) {
    return path == directory + "/HEAD" || path == directory + "/objects" ||
           path == directory + "/refs";
  });
}

TEST(Consent, ToAGatedDirectoryIsOneToAllInIt) {
  GitDirectories git = BareRepositoryAt("x/bare");
  const auto consented = [&](std::string_view path, const std::string& consent) {
    return IsConsented(path, std::vector<std::string>{"other", consent}, git);
  };
  EXPECT_TRUE(consented(".envrc", ".envrc"));
  EXPECT_TRUE(consented(".vscode/tasks.json", ".vscode"));
  EXPECT_TRUE(consented("dir/.vscode/a/b", "dir/.vscode"));
  EXPECT_TRUE(consented("x/bare/hooks/update", "x/bare"));
  EXPECT_FALSE(consented(".vscode-two/x", ".vscode"));
  EXPECT_FALSE(consented("dir/.envrc", "dir"));
  EXPECT_FALSE(consented(".envrc", ""));
  EXPECT_FALSE(consented("x/bare/hooks/update", "x"));
}

TEST(Consent, ThatNamesNothingIsFound) {
  struct Changed {
    std::string path;
  };
  const std::vector<Changed> changes = {{"a/b"}, {"c"}};
  EXPECT_EQ(FindNamingNothing({"a", "c", ""}, changes), nullptr);
  const std::vector<std::string> wanted = {"c", "a/bc", "d"};
  EXPECT_EQ(FindNamingNothing(wanted, changes), &wanted[1]);
  EXPECT_EQ(FindNamingNothing({}, changes), nullptr);
}

}  // namespace
}  // namespace ambit::review
