// Programs inside trust what the host's environment makes programs outside trust: a real server
// with a certificate of a company's own authority.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "outside.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kEveryProgram = R"sh(
curl -sS -m 9 https://example.com/curl; echo "curl $?"
/usr/bin/python3 -c "
import urllib.request
print(urllib.request.urlopen('https://example.com/python', timeout=9).read().decode())"
echo "python $?"
node -e "
require('https').get('https://example.com/node', answer => answer.pipe(process.stdout))
  .on('error', () => process.exit(1))"
echo "node $?"
)sh";

class Authorities : public ::testing::TestWithParam<Who> {
 protected:
  Finished Run(const std::string& variables, const std::string& script,
               const std::string& flags = "--allow example.com") {
    person_.Write("project/inside.sh", script);
    return WithOutside(
        person_, fmt::format("{} '{}' run {} -- sh inside.sh", variables, AmbitBinary(), flags));
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Authorities, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Authorities, OfTheHostsEnvironmentAreTrustedInside) {
  const std::string file = person_.root() + "/ca.crt";
  const Finished run =
      Run(fmt::format("SSL_CERT_FILE='{0}' NODE_EXTRA_CA_CERTS='{0}'", file),
          std::string(kEveryProgram) + fmt::format("echo x >>'{}'; echo \"write $?\"", file));
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("/curl at example.com\ncurl 0\n"),
                    HasSubstr("/python at example.com"), HasSubstr("python 0\n"),
                    HasSubstr("/node at example.com\nnode 0\n"), ContainsRegex("write [12]\n")))
      << run.err;
}

TEST_P(Authorities, AreThereWhereAPersonIsAsked) {
  const std::string file = person_.root() + "/ca.crt";
  const Finished run = Run("SSL_CERT_FILE='" + file + "'",
                           "cmp \"$SSL_CERT_FILE\" '" + file + "' && echo same", "--ask");
  EXPECT_THAT(run.out, HasSubstr("same\n")) << run.err;
}

TEST_P(Authorities, ThatNobodyNamesAreNotTrusted) {
  const Finished run = Run("", kEveryProgram);
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("curl 60\n"), HasSubstr("python 1\n"), HasSubstr("node 1\n")));
}

TEST_P(Authorities, WithAKeyBesideThemStayOutside) {
  const std::string file = person_.root() + "/both";
  person_.Write("project/inside.sh",
                fmt::format("echo \"[$SSL_CERT_FILE]\"; cat '{}'; echo \"cat $?\"", file));
  const Finished run =
      WithOutside(person_, fmt::format("{{ cat ../cert; echo -----BEGIN PRIVATE KEY-----; }} "
                                       ">../both\nSSL_CERT_FILE='{}' '{}' run --allow "
                                       "example.com -- sh inside.sh",
                                       file, AmbitBinary()));
  EXPECT_THAT(run.out, AllOf(HasSubstr("[]\ncat 1\n"), Not(HasSubstr("PRIVATE"))));
  EXPECT_THAT(run.err, HasSubstr("SSL_CERT_FILE"));
  EXPECT_THAT(run.err, HasSubstr("not a file of certificates alone"));
}

}  // namespace
}  // namespace ambit::testing
