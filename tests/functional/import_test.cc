// The settings of other sandboxes where a person has them, and a run under what was made of them.
#include <gmock/gmock.h>

#include "everyday.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ImportCommand : public Everyday {};
INSTANTIATE_TEST_SUITE_P(As, ImportCommand, ::testing::ValuesIn(Everyone()), NameOfParam);

TEST_P(ImportCommand, MakesAPolicyThatARunHoldsTo) {
  person_.Write("project/.gitignore", "x\n");
  person_.Write("project/secrets/a.txt", "of the host\n");
  person_.Write("home/.cache/tool/b.txt", "cached\n");
  person_.Write("home/.ssh/id", "key\n");
  person_.Write("home/.srt-settings.json",
                R"j({"network": {"allowedDomains": ["example.com"], "deniedDomains": []},
                    "filesystem": {"denyRead": ["~/.ssh", "secrets"],
                                   "allowWrite": [".", "~/.cache/tool"], "denyWrite": [".env"]}})j");
  const Finished import = person_.Ambit({"import", "srt"});
  ASSERT_EQ(import.exit_code, 0) << import.err;
  EXPECT_THAT(import.out, HasSubstr("network.allowedDomains \"example.com\""));
  EXPECT_EQ(import.err,
            "ambit: 2 of the settings have no equivalent: what was printed ends with them\n");

  person_.Write("policy.toml", import.out);
  const std::string file = person_.root() + "/policy.toml";
  EXPECT_EQ(person_.Ambit({"policy", "check", file}).exit_code, 0);
  const Finished run = person_.Ambit(
      {"run", "-q", "--policy", file, "--", "sh", "-c",
       "ls; cat ~/.cache/tool/b.txt && echo more >~/.cache/tool/c.txt; cat ~/.ssh/id || :"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("cached\n"), Not(HasSubstr("secrets")), Not(HasSubstr("key"))));
  EXPECT_FALSE(person_.Exists("home/.cache/tool/c.txt"));
}

TEST_P(ImportCommand, ReadsAllThreeFilesOfClaudeCode) {
  person_.Write("home/.claude/settings.json",
                R"j({"permissions": {"deny": ["Read(.netrc)"]}, "env": {"A": "user"}
})j");
  person_.Write("project/.claude/settings.json", R"j({"env": {"A": "project", "B": "b"}})j");
  person_.Write("project/.claude/settings.local.json",
                R"j({"permissions": {"deny": ["Read(/notes.md)", "Bash(curl:*)"]
  }
  })j");
  const Finished import = person_.Ambit({"import", "claude"});
  ASSERT_EQ(import.exit_code, 0) << import.err;
  EXPECT_THAT(import.out, AllOf(HasSubstr("\"**/.netrc\",  # " + person_.home()),
                                HasSubstr("\"notes.md\",  # " + person_.project()),
                                HasSubstr("A = \"project\""), HasSubstr("B = \"b\""),
                                HasSubstr("permissions.deny \"Bash(curl:*)\"")));
}

TEST_P(ImportCommand, SaysWhatIsWrongAndWhere) {
  person_.Write("bad.json", "{\n  \"network\": }\n");
  const Finished bad = person_.Ambit({"import", "fence", person_.root() + "/bad.json"});
  EXPECT_EQ(bad.exit_code, 125);
  EXPECT_EQ(bad.out, "");
  EXPECT_THAT(bad.err, HasSubstr("/bad.json:2:14: not JSON"));
  EXPECT_THAT(person_.Ambit({"import", "codex"}).err,
              HasSubstr("/.codex/config.toml' is not there"));
  EXPECT_THAT(person_.Ambit({"import", "nono"}).err, HasSubstr("ambit import nono FILE"));
  const Finished unknown = person_.Ambit({"import", "firejail", "x"});
  EXPECT_EQ(unknown.exit_code, 125);
  EXPECT_THAT(unknown.err, HasSubstr("known are claude, codex, fence, nono, srt"));
}

TEST_P(ImportCommand, TakesNoDeviceForAFile) {
  ASSERT_EQ(person_.Execute({"/bin/sh", "-c", "mkfifo pipe"}).exit_code, 0);
  EXPECT_EQ(person_.Ambit({"import", "nono", person_.project() + "/pipe"}).exit_code, 125);
}

TEST_P(ImportCommand, FollowsNoLinkOfTheProject) {
  person_.Write("home/.codex/auth.json", "{\"OPENAI_API_KEY\": \"sk-secret\"}");
  ASSERT_EQ(person_.Execute({"/bin/sh", "-c", "ln -s ~/.codex/auth.json fence.json"}).exit_code, 0);
  const Finished imported = person_.Ambit({"import", "fence"});
  EXPECT_NE(imported.exit_code, 0);
  EXPECT_EQ((imported.out + imported.err).find("sk-secret"), std::string::npos);
}

}  // namespace
}  // namespace ambit::testing
