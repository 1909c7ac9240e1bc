#include "policy/reference.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace ambit::policy {
namespace {

constexpr std::string_view kBegin = "<!-- made from src/policy/options.cc: begin -->\n";
constexpr std::string_view kEnd = "<!-- end -->\n";

std::string Page() {
  std::ostringstream page;
  page << std::ifstream(AMBIT_POLICY_PAGE).rdbuf();
  return page.str();
}

TEST(Reference, IsWhatThePageHasBetweenItsMarks) {
  const std::string page = Page();
  const std::size_t begin = page.find(kBegin);
  const std::size_t end = page.find(kEnd);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const std::size_t from = begin + kBegin.size();
  if (std::getenv("AMBIT_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(AMBIT_POLICY_PAGE) << page.substr(0, from) << ReferencePage() << page.substr(end);
    return;
  }
  EXPECT_EQ(page.substr(from, end - from), ReferencePage())
      << "AMBIT_UPDATE_GOLDEN=1 writes " << AMBIT_POLICY_PAGE << " anew";
}

TEST(Reference, HasOneLineForEachKey) {
  const std::string page = ReferencePage();
  for (const Option& option : Options()) {
    const std::string cell = "\n| `" + std::string(option.key) + "` |";
    ASSERT_NE(page.find(cell), std::string::npos) << option.key;
    EXPECT_EQ(page.find(cell), page.rfind(cell)) << option.key;
    EXPECT_NE(page.find(option.flag), std::string::npos) << option.key;
  }
}

}  // namespace
}  // namespace ambit::policy
