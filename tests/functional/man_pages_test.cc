// The man pages as they were built, read by the programs that show them.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

std::vector<std::string> Pages() {
  std::vector<std::string> pages;
  for (const char* section : {"man1", "man5"}) {
    const std::string directory = std::string(AMBIT_MAN_DIR) + "/" + section;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      pages.push_back(entry.path());
    }
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

TEST_F(ManPages, AreFoundByNameWhereTheyWereBuilt) {
  const std::map<std::string, std::string> environment = {
      {"MANPATH", AMBIT_MAN_DIR}, {"MANWIDTH", "200"}, {"MAN_KEEP_FORMATTING", ""}};
  const std::string run = person_.Execute({"man", "ambit-run"}, {}, environment).out;
  for (const char* flag : {"--project ", "--ro PATH", "--host-port PORT", "-q, --quiet"}) {
    EXPECT_NE(run.find(flag), std::string::npos) << flag << "\n" << run;
  }
  EXPECT_NE(person_.Execute({"man", "ambit.toml"}, {}, environment).out.find("fs.ro"),
            std::string::npos);
}

}  // namespace
}  // namespace ambit::testing
