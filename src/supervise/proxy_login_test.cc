#include "supervise/proxy_login.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "plan/proxy.h"

namespace ambit::supervise {
namespace {

class ProxyLogins : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const std::string_view name : plan::kProxyVariables) ::unsetenv(std::string(name).c_str());
  }
  void TearDown() override { SetUp(); }

  static std::string Take(const char* url) {
    ::setenv("HTTPS_PROXY", url, 1);
    const auto login = TakeProxyLogin();
    return login ? std::string((*login)->text()) : "refused";
  }
  static std::string Left() { return ::getenv("HTTPS_PROXY"); }
};

TEST_F(ProxyLogins, AreTakenOutOfTheUrl) {
  EXPECT_EQ(Take("http://user:pass@p.example:3128/"), "Basic dXNlcjpwYXNz");
  EXPECT_EQ(Left(), "http://@p.example:3128/");
  EXPECT_EQ(Take("u:p%40ss@p.example:3128"), "Basic dTpwQHNz");
  EXPECT_EQ(Left(), "@p.example:3128");
  EXPECT_EQ(Take("http://a@p.example:3128"), "Basic YQ==");
  EXPECT_EQ(Take("http://u:a/b@c@p.example:3128"), "Basic dTphL2JAYw==");
  EXPECT_EQ(Left(), "http://@p.example:3128");
}

TEST_F(ProxyLogins, AreNoneWhereNoneIsWritten) {
  EXPECT_EQ(Take("http://p.example:3128"), "");
  EXPECT_EQ(Left(), "http://p.example:3128");
}

TEST_F(ProxyLogins, OfProxiesThatDoNotCountAreGoneAsWell) {
  ::setenv("http_proxy", "http://other:secret@q.example:1", 1);
  EXPECT_EQ(Take("http://user:pass@p.example:3128"), "Basic dXNlcjpwYXNz");
  EXPECT_STREQ(::getenv("http_proxy"), "http://@q.example:1");
}

TEST_F(ProxyLogins, ThatAreTooLongAreRefusedAndGone) {
  EXPECT_EQ(Take(("http://u:" + std::string(5000, 'x') + "@p.example:1").c_str()), "refused");
  EXPECT_EQ(Left(), "http://@p.example:1");
}

}  // namespace
}  // namespace ambit::supervise
