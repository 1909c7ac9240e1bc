#include "sys/private_page.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ambit::sys {
namespace {

TEST(PrivatePage, IsEmptyInAFork) {
  auto page = PrivatePage::Make();
  ASSERT_TRUE(page) << page.error().what;
  for (const char c : std::string_view("secret")) ASSERT_TRUE(page->Append(c));
  const pid_t child = ::fork();
  if (child == 0) ::_exit(page->text().empty() ? 0 : 1);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(page->text(), "secret");
}

TEST(PrivatePage, TakesWhatFits) {
  auto page = PrivatePage::Make();
  ASSERT_TRUE(page);
  for (std::size_t n = 0; n < PrivatePage::kMost; ++n) ASSERT_TRUE(page->Append('x'));
  EXPECT_FALSE(page->Append('x'));
  EXPECT_EQ(page->text().size(), PrivatePage::kMost);
}

}  // namespace
}  // namespace ambit::sys
