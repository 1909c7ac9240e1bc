// The man pages as they were built, read by the programs that show them.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

std::vector<std::string> Pages() {
  std::vector<std::string> pages;
  for (const auto& entry : std::filesystem::directory_iterator(AMBIT_MAN_DIR)) {
    if (entry.path().filename() != ".written") pages.push_back(entry.path());
  }
  return pages;
}

class ManPages : public ::testing::Test {
 protected:
  /// What both readers complain of; "" for a good page.
  std::string Complaints(const std::string& page) {
    const Finished lint = person_.Execute({"mandoc", "-T", "lint", "-W", "warning", page});
    EXPECT_NE(lint.exit_code, 127) << "mandoc is needed: ./dev setup test";
    const Finished shown =
        person_.Execute({"man", "--warnings", "-l", page}, {}, {{"MANWIDTH", "80"}});
    EXPECT_EQ(shown.exit_code, 0) << page << shown.err;
    return lint.out + lint.err + shown.err;
  }

  Scratch person_{Everyone().front()};
};

TEST_F(ManPages, AreReadWithoutAWarning) {
  person_.Write("bad.1", ".TH\n.SH NAME\n.XX\n\\fQ\n.TP\n");
  EXPECT_NE(Complaints(person_.root() + "/bad.1"), "") << "the control";
  const std::vector<std::string> pages = Pages();
  EXPECT_GE(pages.size(), 14U);
  for (const std::string& page : pages) EXPECT_EQ(Complaints(page), "") << page;
}

TEST_F(ManPages, ShowEveryFlagThatTheHelpShows) {
  const std::string shown = person_
                                .Execute({"man", "-l", std::string(AMBIT_MAN_DIR) + "/ambit-run.1"},
                                         {}, {{"MANWIDTH", "200"}, {"MAN_KEEP_FORMATTING", ""}})
                                .out;
  for (const char* flag : {"--project cow|ro|rw", "--ro PATH", "--host-port PORT", "-q, --quiet"}) {
    EXPECT_NE(shown.find(flag), std::string::npos) << flag << "\n" << shown;
  }
}

}  // namespace
}  // namespace ambit::testing
