#include "event/redact.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "event/secret_options.h"

namespace ambit::event {
namespace {

using Words = std::vector<std::string>;

TEST(Redactor, TakesOutKnownValuesWhereverTheyStand) {
  const Redactor redactor({"MY_TOKEN=swordfish-1", "LONGER_SECRET=swordfish-12", "HOME=/home/ada",
                           "SHORT_TOKEN=abc", "EDITOR=swordfish-editor"});
  EXPECT_EQ(redactor.Clean("a=swordfish-1,b=swordfish-12,swordfish-editor"),
            "a=[redacted MY_TOKEN],b=[redacted LONGER_SECRET],swordfish-editor");
  EXPECT_EQ(redactor.Clean("abc /home/ada"), "abc /home/ada");
  EXPECT_EQ(redactor.CleanArguments({"curl", "-H", "X: swordfish-1"}),
            (Words{"curl", "-H", "X: [redacted MY_TOKEN]"}));
}

TEST(Redactor, TakesOutWhatHasTheFormOfAToken) {
  const Redactor redactor;
  const std::string letters(40, 'a');
  for (const std::string prefix : {"ghp_", "gho_", "github_pat_", "sk-ant-", "sk-", "glpat-",
                                   "AKIA", "xoxb-", "npm_", "hf_"}) {
    EXPECT_EQ(redactor.Clean("x " + prefix + letters + " y"), "x [redacted] y") << prefix;
    EXPECT_EQ(redactor.Clean("/tmp/" + prefix + letters), "/tmp/[redacted]") << prefix;
  }
  for (const std::string& plain : {std::string("sk-short"), std::string("task-") + letters,
                                   std::string("/usr/bin/AKIA"), std::string(64, 'f')}) {
    EXPECT_EQ(redactor.Clean(plain), plain);
  }
}

TEST(Redactor, TakesOutWhatStandsWhereASecretBelongs) {
  const Redactor redactor;
  EXPECT_EQ(redactor.CleanArguments({"x", "Authorization: Bearer abc.def", "--password=p w",
                                     "--token", "t", "--api-key", "-v", "API_TOKEN=xyz",
                                     "-passwordless=1", "x-api-key: k"}),
            (Words{"x", "Authorization: Bearer [redacted]", "--password=[redacted]", "--token",
                   "[redacted]", "--api-key", "[redacted]", "API_TOKEN=[redacted]",
                   "-passwordless=1", "x-api-key: [redacted]"}));
  EXPECT_EQ(redactor.Clean("git clone https://ada:hunter2@host/x ssh://git@host/y"),
            "git clone https://ada:[redacted]@host/x ssh://git@host/y");
}

TEST(Redactor, LeavesOrdinaryArgumentsAsTheyAre) {
  const Redactor redactor({"PATH=/usr/bin", "SSH_AUTH_SOCK=/run/user/1000/agent"});
  const Words plain = {"g++",
                       "-O2",
                       "-DKEY=3",
                       "-o",
                       "a.out",
                       "main.cc",
                       "",
                       "--author=Ada",
                       "\xff",
                       "k=v",
                       "/run/user/1000/agent"};
  EXPECT_EQ(redactor.CleanArguments(plain), plain);
}

struct Case {
  Words given;
  Words told;
};

TEST(Redactor, KnowsWhichOptionOfWhichProgramIsASecret) {
  const Redactor redactor;
  const std::string R = "[redacted]";
  for (const auto& [given, told] : std::vector<Case>{
           {{"curl", "-u", "ada:pw", "-sSf", "h"}, {"curl", "-u", "ada:" + R, "-sSf", "h"}},
           {{"/usr/bin/curl", "-uada:pw"}, {"/usr/bin/curl", "-uada:" + R}},
           {{"curl", "-sSu", "ada:pw"}, {"curl", "-sSu", "ada:" + R}},
           {{"curl", "--user", "ada:p:w"}, {"curl", "--user", "ada:" + R}},
           {{"curl", "--user=ada:pw"}, {"curl", "--user=ada:" + R}},
           {{"curl", "-U", "ada:pw"}, {"curl", "-U", "ada:" + R}},
           {{"curl", "--proxy-user", "ada:pw"}, {"curl", "--proxy-user", "ada:" + R}},
           {{"curl", "-b", "sid=1; t=2"}, {"curl", "-b", "sid=" + R}},
           {{"curl", "--cookie", "sid=1"}, {"curl", "--cookie", "sid=" + R}},
           {{"curl", "-E", "me.pem:pw"}, {"curl", "-E", "me.pem:" + R}},
           {{"curl", "-H", "Cookie: a=b"}, {"curl", "-H", "Cookie: " + R}},
           {{"curl", "-H", "X-Api-Key: k"}, {"curl", "-H", "X-Api-Key: " + R}},
           {{"curl", "-HAuthorization: Basic k"}, {"curl", "-HAuthorization: Basic " + R}},
           {{"git", "-c", "http.extraHeader=Authorization: Basic k"},
            {"git", "-c", "http.extraHeader=Authorization: Basic " + R}},
           {{"curl", "https://h/?a=b&token=t&c=d"}, {"curl", "https://h/?a=b&token=" + R + "&c=d"}},
           {{"curl", "-d", "password=p&user=ada"}, {"curl", "-d", "password=" + R + "&user=ada"}},
           {{"sudo", "-n", "curl", "-u", "ada:pw"}, {"sudo", "-n", "curl", "-u", "ada:" + R}},
           {{"http", "-a", "ada:pw", "h"}, {"http", "-a", "ada:" + R, "h"}},
           {{"mysql", "-uada", "-ppw", "db"}, {"mysql", "-uada", "-p" + R, "db"}},
           {{"mysqldump", "--password=pw"}, {"mysqldump", "--password=" + R}},
           {{"docker", "exec", "db", "mysql", "-ppw"}, {"docker", "exec", "db", "mysql", "-p" + R}},
           {{"docker", "login", "-u", "ada", "-p", "pw"},
            {"docker", "login", "-u", "ada", "-p", R}},
           {{"podman", "login", "-ppw"}, {"podman", "login", "-p" + R}},
           {{"docker", "run", "-e", "DB_PASSWORD=pw", "x"},
            {"docker", "run", "-e", "DB_PASSWORD=" + R, "x"}},
           {{"docker", "run", "--env=DB_PASSWORD=pw"}, {"docker", "run", "--env=DB_PASSWORD=" + R}},
           {{"mongosh", "-p", "pw"}, {"mongosh", "-p", R}},
           {{"redis-cli", "-a", "pw"}, {"redis-cli", "-a", R}},
           {{"sshpass", "-p", "pw", "ssh", "-p", "22", "h"},
            {"sshpass", "-p", R, "ssh", "-p", "22", "h"}},
           {{"sshpass", "-ppw", "mysql", "-px"}, {"sshpass", "-p" + R, "mysql", "-p" + R}},
           {{"smbclient", "-U", "ada%pw"}, {"smbclient", "-U", "ada%" + R}},
           {{"ldapsearch", "-w", "pw"}, {"ldapsearch", "-w", R}},
           {{"unzip", "-P", "pw", "a.zip"}, {"unzip", "-P", R, "a.zip"}},
           {{"7z", "x", "-ppw"}, {"7z", "x", "-p" + R}},
           {{"env", "PGPASSWORD=p w", "psql"}, {"env", "PGPASSWORD=" + R, "psql"}},
           {{"psql", "host=h password=pw dbname=d"},
            {"psql", "host=h password=" + R + " dbname=d"}},
           {{"npm", "config", "set", "//h/:_authToken=t"},
            {"npm", "config", "set", "//h/:_authToken=" + R}},
           {{"npm", "config", "set", "//h/:_authToken", "t"},
            {"npm", "config", "set", "//h/:_authToken", R}},
           {{"aws", "configure", "set", "aws_secret_access_key", "k", "--profile", "p"},
            {"aws", "configure", "set", "aws_secret_access_key", R, "--profile", "p"}},
           {{"git", "config", "--global", "github.token", "t"},
            {"git", "config", "--global", "github.token", R}},
           {{"htpasswd", "-b", "file", "ada", "pw"}, {"htpasswd", "-b", "file", "ada", R}},
           {{"htpasswd", "-nbB", "ada", "pw"}, {"htpasswd", "-nbB", "ada", R}},
           {{"htpasswd", "-cb", "-C", "10", "file", "ada", "pw"},
            {"htpasswd", "-cb", "-C", "10", "file", "ada", R}},
           {{"curl", "-sSuada:pw", "h"}, {"curl", "-sSuada:" + R, "h"}},
           {{"curl", "-fsSLu", "ada:pw"}, {"curl", "-fsSLu", "ada:" + R}},
           {{"curl", "-skbsid=1"}, {"curl", "-skbsid=" + R}},
           {{"curl", "-H", "X-Token: k"}, {"curl", "-H", "X-Token: " + R}},
           {{"curl", "-H", "X-My-Secret-Id:k"}, {"curl", "-H", "X-My-Secret-Id:" + R}},
           {{"curl", "-H", R"(Cookie: a="b"; sid=1)"}, {"curl", "-H", "Cookie: " + R}},
           {{"curl", "-d", R"({"user": "ada", "password": "p\"w", "n":1, "token":"t"})"},
            {"curl", "-d",
             R"({"user": "ada", "password": ")" + R + R"(", "n":1, "token":")" + R + R"("})"}},
           {{"x", "Server=h;Password=pw;Database=d"},
            {"x", "Server=h;Password=" + R + ";Database=d"}},
           {{"git", "clone", "https://t0k3n@h/x"}, {"git", "clone", "https://" + R + "@h/x"}},
           {{"git", "clone", "https://t0k3n:x-oauth-basic@h/x"},
            {"git", "clone", "https://" + R + ":x-oauth-basic@h/x"}},
           {{"git", "clone", "https://t0k3n:@h/x"}, {"git", "clone", "https://" + R + ":@h/x"}},
           {{"x", "--token", "t"}, {"x", "--token", R}},
           {{"x", "--api-key=k"}, {"x", "--api-key=" + R}},
           {{"x", "--Client-Secret", "k"}, {"x", "--Client-Secret", R}},
           {{"wget", "--http-password=pw"}, {"wget", "--http-password=" + R}},
       }) {
    EXPECT_EQ(redactor.CleanArguments(given), told);
  }
}

TEST(Redactor, LooksIntoACommandLineInOneArgument) {
  const Redactor redactor;
  for (const auto& [given, told] : std::vector<std::pair<std::string, std::string>>{
           {"curl -u ada:pw https://h | jq .", "curl -u ada:[redacted] https://h | jq ."},
           {"cd x && curl -s -H 'Cookie: a=b' h; ls",
            "cd x && curl -s -H 'Cookie: [redacted]' h; ls"},
           {"PGPASSWORD=pw psql -h h -c 'select 1'",
            "PGPASSWORD=[redacted] psql -h h -c 'select 1'"},
           {"mysql -ppw db; ssh -p22 h", "mysql -p[redacted] db; ssh -p22 h"},
           {"x --password 'p w' --next", "x --password '[redacted]' --next"},
           {"sh -c \"curl -u 'a:b' h\"", "sh -c \"curl -u 'a:[redacted]' h\""},
           {"t=$(curl --user a:b h)", "t=$(curl --user a:[redacted] h)"},
           {R"(curl -H "Cookie: a=\"b\"; sid=1" h; ls)", R"(curl -H "Cookie: [redacted]" h; ls)"},
           {R"(curl -d "{\"password\": \"pw\"}" h)",
            R"(curl -d "{\"password\": \"[redacted]\"}" h)"},
           {R"(curl -d '{"api_key":"k"}' h)", R"(curl -d '{"api_key":"[redacted]"}' h)"},
           {"npm config set //h/:_authToken t && npm i",
            "npm config set //h/:_authToken [redacted] && npm i"},
           {"echo x\ncurl -u a:b\n", "echo x\ncurl -u a:[redacted]\n"},
       }) {
    EXPECT_EQ(redactor.CleanArguments({"sh", "-c", given}), (Words{"sh", "-c", told}));
  }
}

TEST(Redactor, LeavesTheSameOptionsOfOtherProgramsAsTheyAre) {
  const Redactor redactor;
  for (const Words& plain : std::vector<Words>{
           {"mkdir", "-p", "dir"},
           {"curl", "-sSo", "u:x", "-Kubc:d", "-ou:x", "h"},
           {"curl", "-H", "X-Request-Id: 1", "-d", R"({"user": "ada", "key": 1})"},
           {"htpasswd", "-c", "file", "ada"},
           {"npm", "config", "get", "registry"},
           {"scp", "auth-server:/etc/x", "x-files:/y", "."},
           {"git", "clone", "ssh://git@h/x"},
           {"ssh", "-p", "22", "host"},
           {"cp", "-u", "a:b", "c"},
           {"git", "-c", "user.name=Ada", "commit", "-m", "fix cookie: of the session -u a:b"},
           {"git", "commit", "--author=Ada <ada@example.org>"},
           {"env", "GIT_AUTHOR_NAME=Ada", "git", "log"},
           {"tar", "-b", "20", "-cf", "x.tar"},
           {"curl", "-u", "ada", "-b", "cookies.txt", "-p", "https://h:8080/a?b=c"},
           {"mysql", "-p", "db"},
           {"docker", "run", "-p", "80:80", "-u", "1000:1000", "nginx"},
           {"docker", "login", "-u", "ada", "--password-stdin", "h"},
           {"rsync", "-e", "ssh -p 2222", "a:b", "c"},
           {"sort", "-u", "-b", "a=b"},
           {"python3", "-u", "x.py", "-p", "9"},
           {"sh", "-c", "mkdir -p a b; ssh -p 22 h; cp -u a:b c; test x=y && tar -b 20 x"},
           {"cc", "-DA=1", "-o", "x=y", "a;b", "\"", "'", "\\", "a ' b"},
           {"-", "--", "-=", "=", "", "&", "?", "?="},
       }) {
    EXPECT_EQ(redactor.CleanArguments(plain), plain);
  }
}

TEST(LooksSecret, ByTheNameAlone) {
  for (const char* name :
       {"GITHUB_TOKEN", "aws_secret_access_key", "DB_PASSWORD", "ANTHROPIC_API_KEY"})
    EXPECT_TRUE(LooksSecret(name)) << name;
  for (const char* name : {"HOME", "PATH", "KEYBOARD", "PASSENGER", "GIT_AUTHOR_NAME", ""})
    EXPECT_FALSE(LooksSecret(name)) << name;
}

}  // namespace
}  // namespace ambit::event
