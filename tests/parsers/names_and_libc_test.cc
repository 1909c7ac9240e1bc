// What we take for a host's name the C library takes for no address, however it is written.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <string>

#include "base/host_name.h"

#include "cases.h"

namespace ambit::testing {
namespace {

bool IsAnAddress(const std::string& text) {
  in_addr v4{};
  if (::inet_aton(text.c_str(), &v4) != 0) return true;
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (::getaddrinfo(text.c_str(), nullptr, &hints, &found) != 0) return false;
  ::freeaddrinfo(found);
  return true;
}

bool HasTheLettersOfAName(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return c == '.' || c == '-' || (c >= '0' && c <= '9') ||
           ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
  });
}

TEST(NamesAndLibc, NeverTakeOneTextForANameAndForAnAddress) {
  Cases cases(300'000);
  std::size_t names = 0;
  std::size_t addresses = 0;
  std::size_t tempting = 0;  // control: who looks at letters alone would be wrong about these
  for (std::size_t i = 0; i < cases.count(); ++i) {
    const std::string text = cases.Name();
    const auto name = HostName::Parse(text);
    const bool whole = text.find('\0') == std::string::npos;
    const bool address = whole && IsAnAddress(text);
    addresses += address ? 1 : 0;
    tempting += address && HasTheLettersOfAName(text) ? 1 : 0;
    if (!name) continue;
    ++names;
    ASSERT_TRUE(whole) << text;
    ASSERT_FALSE(address) << text;
    ASSERT_FALSE(IsAnAddress(name->text())) << text;
    ASSERT_FALSE(IsAnAddress(name->text() + ".")) << text;
    const auto again = HostName::Parse(name->text());
    ASSERT_TRUE(again && *again == *name) << text;
  }
  EXPECT_GT(names, cases.count() / 20);
  EXPECT_GT(addresses, cases.count() / 200);
  EXPECT_GT(tempting, cases.count() / 300);
}

}  // namespace
}  // namespace ambit::testing
