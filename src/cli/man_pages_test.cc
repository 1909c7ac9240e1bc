#include "cli/man_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace ambit::cli {
namespace {

using ::testing::HasSubstr;

std::string PageNamed(const std::vector<ManPage>& pages, std::string_view file) {
  const auto found = std::ranges::find(pages, file, &ManPage::file);
  return found != pages.end() ? found->text : "";
}

TEST(ManPages, ThereIsOneForEachSubcommandAndOneForTheFile) {
  const Command ambit = AmbitTree();
  const std::vector<ManPage> pages = ManPages(ambit, "2026-01-31");
  EXPECT_EQ(pages.size(), ambit.commands.size() + 2);
  EXPECT_THAT(PageNamed(pages, "man1/ambit.1"), HasSubstr("\\fBambit run\\fR\n"));
  EXPECT_THAT(PageNamed(pages, "man1/ambit-run.1"),
              HasSubstr("\\fB\\-\\-host\\-port\\fR \\fIPORT\\fR\n"));
  for (const policy::Option& option : policy::Options()) {
    EXPECT_THAT(PageNamed(pages, "man5/ambit.toml.5"),
                HasSubstr("\\fB" + std::string(option.key) + "\\fR ("));
  }
}

TEST(ManPages, TellsSubcommandsOfASubcommandOnItsPage) {
  Command leaf{.path = {"ambit", "policy", "show"},
               .about = "Say what holds",
               .flags = {},
               .arguments = {{.value = {.name = "FILE", .fill = Fill::kPaths, .choices = {}},
                              .doc = "A file"}},
               .commands = {}};
  const Command policy{.path = {"ambit", "policy"},
                       .about = "Policies",
                       .flags = {},
                       .arguments = {},
                       .commands = {leaf}};
  const Command ambit{
      .path = {"ambit"}, .about = "It.", .flags = {}, .arguments = {}, .commands = {policy}};
  const std::string page = PageNamed(ManPages(ambit, "2026-01-31"), "man1/ambit-policy.1");
  EXPECT_THAT(page, HasSubstr("\\fBambit policy show\\fR [\\fIFILE\\fR]\n"));
  EXPECT_THAT(page, HasSubstr(".SH SHOW\nSay what holds.\n"));
}

TEST(ManPages, KeepsWordsFromBeingTakenForInstructions) {
  const Command ambit{
      .path = {"ambit"}, .about = ".so /x \\fB", .flags = {}, .arguments = {}, .commands = {}};
  const std::string page = PageNamed(ManPages(ambit, "2026-01-31"), "man1/ambit.1");
  EXPECT_THAT(page, HasSubstr("\\&.so /x \\efB"));
}

}  // namespace
}  // namespace ambit::cli
