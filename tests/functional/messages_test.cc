// What a person reads when a run does not start: every message of the policy and of the start, with
// its way out, as it is on the screen. The golden file is what reviews look at.
#include <stdlib.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "everyday.h"

namespace ambit::testing {
namespace {

class Messages : public Everyday {
 protected:
  /// One mistake: files of the person's, then a command line after `ambit`.
  struct Case {
    std::string what;
    std::vector<std::pair<std::string, std::string>> files;  // below root()
    std::vector<std::string> arguments;
    std::string cwd;     // below root(), the project when empty
    std::string before;  // sh, in the project
    std::string after;   // sh, in the project
  };

  std::string Told(const Case& one) {
    for (const auto& [path, text] : one.files) person_.Write(path, text);
    const std::string cwd = one.cwd.empty() ? "" : person_.root() + "/" + one.cwd;
    if (!one.before.empty()) (void)person_.Execute({"sh", "-c", one.before});
    const Finished done = person_.Ambit(one.arguments, cwd);
    if (!one.after.empty()) (void)person_.Execute({"sh", "-c", one.after});
    for (const auto& [path, text] : one.files) {
      (void)person_.Execute({"rm", "-f", person_.root() + "/" + path});
    }
    std::string command;
    for (const std::string& word : one.arguments) command += " " + word;
    return "# " + one.what + "\n$ ambit" + command + "\n" + done.err + "exit " +
           std::to_string(done.exit_code) + "\n\n";
  }

  std::string WithoutPlaces(std::string text) const {
    for (const auto& [place, word] :
         {std::pair(person_.root(), "ROOT"), std::pair(AmbitBinary(), "AMBIT")}) {
      for (std::size_t at = 0; (at = text.find(place)) != std::string::npos;) {
        text.replace(at, place.size(), word);
      }
    }
    return std::regex_replace(text, std::regex("r-[0-9a-z]{8}"), "r-RUNRUNRU");
  }
};
INSTANTIATE_TEST_SUITE_P(As, Messages, ::testing::ValuesIn(Everyone()), NameOfParam);

std::string Many(int count, const std::string& entry) {
  std::string list;
  for (int i = 0; i < count; ++i) list += entry;
  return list;
}

std::string Ports(int count) {
  std::string list;
  for (int i = 1; i <= count; ++i) list += std::to_string(i) + ",";
  return list;
}

TEST_P(Messages, OfPolicyAndStartAreWhatTheGoldenFileHas) {
  const auto project = [](std::string text) {
    return std::vector<std::pair<std::string, std::string>>{
        {"project/ambit.toml", std::move(text)}};
  };
  const auto user = [](std::string text) {
    return std::vector<std::pair<std::string, std::string>>{
        {"home/.config/ambit/config.toml", std::move(text)}};
  };
  const std::vector<std::string> run = {"run", "--", "true"};
  person_.Write("data/file.txt", "x");
  person_.Write("project/.env", "A=1\n");
  const std::vector<Case> cases = {
      {"no TOML", project("[fs\nro = []\n"), run, ""},
      {"an unknown key that is near", project("[fs]\nprojct = \"ro\"\n"), run, ""},
      {"an unknown key that is another's opposite", project("[fs]\nrw = []\n"), run, ""},
      {"an unknown key that is not", project("colour = 1\n"), run, ""},
      {"another type", project("[fs]\nro = \"/opt\"\n"), run, ""},
      {"another type in a list", project("[fs]\nro = [1, true]\n"), run, ""},
      {"no choice", project("[fs]\nproject = \"cwo\"\n"), run, ""},
      {"a home of somebody else", project("[fs]\nro = [\"~ann/x\"]\n"), run, ""},
      {"relative to nothing", user("[fs]\nro = [\"x\"]\n"), run, ""},
      {"a pattern that leaves the project", project("[fs]\nmask = [\"../x\"]\n"), run, ""},
      {"a pattern with a star in a directory", project("[fs]\nhide = [\"a*/x\"]\n"), run, ""},
      {"no name of a variable", project("[env]\npass = [\"A B\"]\nset = { \"1\" = \"\" }\n"), run,
       ""},
      {"no ports", project("[net]\nhost_ports = [0, 70000]\n"), run, ""},
      {"an unknown test", project("[[test]]\nfs_hiden = []\n"), run, ""},
      {"a test that does not hold", project("[[test]]\nfs_hidden = [\"/usr/bin/env\"]\n"), run, ""},
      {"several mistakes", project("[fs]\na = 1\nro = 1\n[b]\n"), run, ""},
      {"a preset there is not, in a file", user("extends = [\"cluade\"]\n"), run, ""},
      {"a preset there is not, as a flag", {}, {"run", "--preset", "x", "--", "true"}, ""},
      {"a path of a file that is not there", user("[fs]\nro = [\"/no/such\"]\n"), run, ""},
      {"a file to be shown copy-on-write",
       user("[fs]\ncow = [\"" + person_.root() + "/data/file.txt\"]\n"), run, ""},
      {"a policy file that is not there", {}, {"run", "--policy", "no.toml", "--", "true"}, ""},
      {"what an untrusted project asks for", project("[env]\nset = { A = \"1\" }\n"), run, ""},
      {"a flag's path that is not there", {}, {"run", "--ro", "/no/such", "--", "true"}, ""},
      {"the whole file system", {}, {"run", "--ro", "/", "--", "true"}, ""},
      {"what ambit makes itself", {}, {"run", "--ro", "/etc/ssl", "--", "true"}, ""},
      {"a flag's choice", {}, {"run", "--project", "co", "--", "true"}, ""},
      {"a flag's port", {}, {"run", "--host-port", "99999", "--", "true"}, ""},
      {"a flag's published port", {}, {"run", "--publish", "80:0", "--", "true"}, ""},
      {"a port published twice",
       {},
       {"run", "--publish", "3000", "--publish", "3000:80", "--", "true"},
       ""},
      {"a published port that leads back to the host",
       {},
       {"run", "--host-port", "3000", "--publish", "8080:3000", "--", "true"},
       ""},
      {"a name with a path", {}, {"run", "--allow", "foo.org/bar", "--", "true"}, ""},
      {"an address of the web", {}, {"run", "--allow", "https://foo.org/", "--", "true"}, ""},
      {"an address with a path", {}, {"run", "--allow", "1.2.3.4/foo", "--", "true"}, ""},
      {"everything", {}, {"run", "--allow", "*", "--", "true"}, ""},
      {"several names", {}, {"run", "--allow", "a.org,b.org", "--", "true"}, ""},
      {"a public suffix", {}, {"run", "--allow", "com", "--", "true"}, ""},
      {"the host's loopback", user("[net]\nallow = [\"localhost:5432\"]\n"), run, ""},
      {"names and none", {}, {"run", "--no-net", "--allow", "a.org", "--", "true"}, ""},
      {"an address of IPv6 without brackets",
       {},
       {"run", "--allow", "2001:db8::1", "--", "true"},
       ""},
      {"allowed and denied", {}, {"run", "--allow", "a.org", "--deny", "a.org", "--", "true"}, ""},
      {"allowed and denied in part",
       {},
       {"run", "--allow", "*.a.org", "--allow", "b.org", "--deny", "x.a.org", "--deny", "b.org:443",
        "--", "true"},
       ""},
      {"denials alone", {}, {"run", "--deny", "a.org", "--", "true"}, ""},
      {"denials of a file for all runs", user("[net]\ndeny = [\"a.org\"]\n"), run, ""},
      {"what was typed before what a preset has",
       user("[net]\nallow = [\"mine.example\"]\n"),
       {"run", "--preset", "python", "--allow", "tcp://example.com:25", "--", "true"},
       ""},
      {"every public address", {}, {"run", "--allow", "0.0.0.0/0", "--", "true"}, ""},
      {"a cloud's metadata", {}, {"run", "--allow", "169.254.169.254", "--", "true"}, ""},
      {"a port that is a name", {}, {"run", "--allow", "a.org:http", "--", "true"}, ""},
      {"UDP", {}, {"run", "--allow", "udp://a.org:53", "--", "true"}, ""},
      {"a limit of a file that is not trusted",
       project("[limits]\ntime = \"100ms\"\n"),
       {"run", "--", "sleep", "60"},
       ""},
      {"a flag's variable", {}, {"run", "--env", "A B", "--", "true"}, ""},
      {"a flag's pattern", {}, {"run", "--mask", "/x", "--", "true"}, ""},
      {"an unknown flag", {}, {"run", "--raed-only", "/x", "--", "true"}, ""},
      {"a flag's path that is relative", {}, {"run", "--ro", "../x", "--", "true"}, ""},
      {"a flag's port that is ambit's own", {}, {"run", "--host-port", "1", "--", "true"}, ""},
      {"a file's variable that is not set",
       user("[env]\npass = [\"NOT_SET\"]\n"),
       {"run", "--", "true"},
       ""},
      {"a flag of a run before an agent", {}, {"--ro", "/opt", "claude"}, ""},
      {"an unknown command that is near", {}, {"dif"}, ""},
      {"an agent that is near", {}, {"cladue"}, ""},
      {"an unknown command of a command", {}, {"policy", "shwo"}, ""},
      {"an unknown flag of a command's command", {}, {"policy", "check", "--nope"}, ""},
      {"an unknown shell", {}, {"completion", "tcsh"}, ""},
      {"flags of which one can hold", {}, {"diff", "--stat", "--json"}, ""},
      {"a pattern that fits nothing", project("[fs]\nhide = [\"sub\"]\n"), {"policy", "check"}, ""},
      {"an unknown command that is not", {}, {"frobnicate"}, ""},
      {"no command", {}, {"run"}, ""},
      {"a view that would show a secret",
       {},
       {"run", "--ro", person_.project() + "/.env", "--", "true"},
       ""},
      {"direct writes beside a secret", {}, {"run", "--project", "rw", "--", "true"}, ""},
      {"the home as the project", {}, run, "home"},
      {"a system directory as the project", {}, {"run", "-C", "/usr", "--", "true"}, ""},
      {"a project that is not there", {}, {"run", "-C", "/no/such", "--", "true"}, ""},
      // Places and values.
      {"nothing in quotes", user("[fs]\nro = [\"\"]\nhide = [\"\"]\n"), run, ""},
      {"a zero byte", user("[fs]\nro = [\"/a\\u0000\"]\n[env]\nset = { A = \"\\u0000\" }\n"), run,
       ""},
      {"patterns that mean no file",
       user("[fs]\nhide = [\"..\", \"/etc/x\", \"a/../../x\", \"**/a/b\"]\n"), run, ""},
      {"a file of neither the home nor /etc", user("[fs.files]\n\"x\" = \"\"\n"), run, ""},
      {"a file of elsewhere", user("[fs.files]\n\"/opt/x\" = \"\"\n"), run, ""},
      {"a file that ambit makes", user("[fs.files]\n\"/etc/passwd\" = \"\"\n"), run, ""},
      {"a file in what is shown",
       user("[fs]\nro = [\"" + person_.root() +
            "/home/shown\"]\n[fs.files]\n\"~/shown/x\" = \"\"\n"),
       run, "", "mkdir ../home/shown"},
      {"the home to be kept", user("[fs]\nkeep = [\"~\"]\n"), run, ""},
      {"what is to be kept elsewhere", user("[fs]\nkeep = [\"/opt/x\"]\n"), run, ""},
      {"a file to be kept", user("[fs]\nkeep = [\"~/.history\"]\n"), run, "",
       ": >../home/.history"},
      {"kept places in each other", user("[fs]\nkeep = [\"~/a\", \"~/a/b\"]\n"), run, ""},
      {"a file that is too large", user("# " + std::string(2 << 20, 'x') + "\n"), run, ""},
      {"a key that is too deep", user("a" + Many(40, ".a") + " = 1\n"), run, ""},
      {"a directory in a policy file's place", {}, run, "", "mkdir ambit.toml", "rmdir ambit.toml"},
      {"a pipe of the host",
       {},
       {"run", "--ro", "pipe", "--", "true"},
       "",
       "mkfifo pipe",
       "rm pipe"},
      {"a link out of the project",
       {},
       {"run", "--ro", "out", "--", "true"},
       "",
       "ln -s ../data out",
       "rm out"},
      {"the whole home", {}, {"run", "--ro", person_.home(), "--", "true"}, ""},
      {"ambit's own state",
       {},
       {"run", "--ro", person_.home() + "/.local/state", "--", "true"},
       ""},
      {"more ports than there can be", user("[net]\nhost_ports = [" + Ports(200) + "]\n"), run, ""},
      {"the file system as the project", {}, {"run", "-C", "/", "--", "true"}, ""},
      {"a file as the project",
       {},
       {"run", "-C", "readme", "--", "true"},
       "",
       ": >readme",
       "rm readme"},
      {"ambit's state as the project", {}, run, "home/.local/state/ambit"},
      // The repository.
      {"a pointer to nothing", {{"project/.git", "gitdir: /no/such\n"}}, run, ""},
      {"no pointer", {{"project/.git", "hello\n"}}, run, ""},
      // The command.
      {"a command that is nowhere", {}, {"run", "-q", "--", "no-such-command"}, ""},
      {"a file of the project that is not executable",
       {},
       {"run", "-q", "--", "./script"},
       "",
       ": >script",
       "rm script"},
      {"a directory as the command",
       {},
       {"run", "-q", "--", "./dir"},
       "",
       "mkdir dir",
       "rmdir dir"},
      {"a script without its interpreter",
       {},
       {"run", "-q", "--", "./script"},
       "",
       "printf '#!/no/such\\n' >script; chmod +x script",
       "rm script"},
      {"a command of the person's own",
       {},
       {"run", "-q", "--", person_.home() + "/bin/tool"},
       "",
       "mkdir ../home/bin; printf '#!/bin/sh\\n' >../home/bin/tool; chmod +x ../home/bin/tool"},
      {"a run in a run",
       {},
       {"run", "-q", "--ro", AmbitBinary(), "--", AmbitBinary(), "run", "--", "true"},
       ""},
      {"nothing to trust", {}, {"trust"}, ""},
      {"no such preset to show", {}, {"preset", "show", "nod"}, ""},
  };
  std::string told;
  for (const Case& one : cases) told += Told(one);
  told = WithoutPlaces(told);
  const std::string golden = AMBIT_GOLDEN_DIR "/messages.txt";
  if (const char* update = ::getenv("AMBIT_UPDATE_GOLDEN"); update != nullptr) {
    std::ofstream(golden) << told;
    return;
  }
  std::ostringstream expected;
  expected << std::ifstream(golden).rdbuf();
  EXPECT_EQ(told, expected.str()) << "AMBIT_UPDATE_GOLDEN=1 writes " << golden << " anew";
}

}  // namespace
}  // namespace ambit::testing
