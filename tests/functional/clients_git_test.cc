// git over HTTPS and over ssh, reading and writing: it reaches the host that is allowed, and says
// in its own words why another is not reached.
#include "clients.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class ClientsOfGit : public Clients {
 protected:
  /// What the repository at github.com has now.
  std::string LogOutside() {
    const Finished log = person_.Execute({"git", "-c", "safe.directory=*", "-C",
                                          person_.root() + "/git/github.com/acme/greeter.git",
                                          "log", "--format=%s", "main"});
    EXPECT_EQ(log.exit_code, 0) << log.err;
    return log.out;
  }
};
INSTANTIATE_TEST_SUITE_P(As, ClientsOfGit, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

constexpr const char* kChange = R"sh(
Change() {
  cd /tmp/clone && echo "$1" >>notes && git add notes &&
    git -c user.name=A -c user.email=a@example.org commit -qm "$1" && git push -q origin main
}
)sh";

TEST_P(ClientsOfGit, OverHttps) {
  const Finished run = Run("--allow github.com", std::string(kChange) + R"sh(
git clone -q https://github.com/acme/greeter.git /tmp/clone && ls /tmp/clone
Change 'over https' && git ls-remote https://github.com/acme/greeter.git refs/heads/main
git -C /tmp/clone log --format=%s -1
git clone -q https://gitlab.com/acme/greeter.git 2>&1
address=$(getent ahostsv4 github.com | sed 's/ .*//;q')
git -c http.curloptResolve="gitlab.com:443:$address" clone -q https://gitlab.com/acme/greeter.git 2>&1
)sh");
  EXPECT_THAT(
      run.out,
      AllOf(HasSubstr("Cargo.toml\nsrc\n"), HasSubstr("\trefs/heads/main\nover https\n"),
            HasSubstr("Could not resolve host: gitlab.com"), HasSubstr("Access was denied")))
      << run.err << Log();
  EXPECT_EQ(LogOutside(), "over https\nstart\n");
}

// The key is the fixture, like the authority of the web.
constexpr const char* kKeyOutside =
    "cp person_key known_hosts project/; chmod 644 project/person_key\n"
    "user=$(stat -c %U project); sed -i \"1i PERSON=$user\" project/inside.sh\n";
constexpr const char* kKeyInside = R"sh(
cp person_key known_hosts /tmp/ && chmod 600 /tmp/person_key
export GIT_SSH_COMMAND='ssh -i /tmp/person_key -o UserKnownHostsFile=/tmp/known_hosts -o BatchMode=yes'
)sh";

TEST_P(ClientsOfGit, OverSsh) {
  const Finished run = Run("--allow github.com:22", std::string(kChange) + kKeyInside + R"sh(
git clone -q $PERSON@github.com:acme/greeter.git /tmp/clone && ls /tmp/clone
Change 'over ssh' && git ls-remote origin refs/heads/main
git clone -q $PERSON@gitlab.com:acme/greeter.git 2>&1
curl -sS -m 9 https://github.com/ 2>&1
)sh",
                           "ssh", kKeyOutside);
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("Cargo.toml\nsrc\n"), HasSubstr("\trefs/heads/main\n"),
                    HasSubstr("Could not resolve hostname gitlab.com: Name or service not known"),
                    HasSubstr("(7) Failed to connect to github.com port 443")))
      << run.err << Log();
  EXPECT_EQ(LogOutside(), "over ssh\nstart\n");
}

// A host that knows no name and reaches nothing by itself: its proxy does.
TEST_P(ClientsOfGit, OverSshThroughTheHostsProxy) {
  const Finished run = Run(
      "--allow git.example:22 --allow blocked.example:22", std::string(kChange) + kKeyInside + R"sh(
git clone -q $PERSON@git.example:acme/greeter.git /tmp/clone && ls /tmp/clone
Change 'by proxy' && git ls-remote origin refs/heads/main
git clone -q $PERSON@blocked.example:acme/greeter.git 2>&1; echo "blocked $?"
env | grep -ci proxy
)sh",
      "ssh proxy", std::string(kKeyOutside) + "export HTTPS_PROXY=http://127.0.0.1:3128");
  EXPECT_THAT(run.out, AllOf(HasSubstr("Cargo.toml\nsrc\n"), HasSubstr("\trefs/heads/main\n"),
                             ContainsRegex("[Rr]eset by [^\n]*\n(.*\n)*fatal: Could not read from "
                                           "remote repository(.*\n)*blocked 128\n0\n")))
      << run.err << Log();
  EXPECT_EQ(LogOutside(), "by proxy\nstart\n");
  EXPECT_THAT(person_.Read("proxied"),
              AllOf(HasSubstr("CONNECT git.example:22 HTTP/1.1 | Host: git.example:22\n"),
                    HasSubstr("CONNECT blocked.example:22 HTTP/1.1")));
  EXPECT_EQ(person_.Read("asked"), "") << "the proxy looks names up";
  EXPECT_THAT(person_.Ambit({"audit", "show", "--type", "egress.connect"}).out,
              AllOf(HasSubstr("git.example:22 opened"),
                    HasSubstr("blocked.example:22 failed: the host's proxy answered 403")));
}

}  // namespace
}  // namespace ambit::testing
