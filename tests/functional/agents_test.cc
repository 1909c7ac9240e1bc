// The main job, end to end: real coding agents work on a git project inside a run that knows of
// them what their presets say, their model is a scripted one on the host, and nothing but their
// change comes out.
#include <gmock/gmock.h>

#include "coding_agents.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// What a person types. http://MODEL stands for the address of the model.
struct Agent {
  std::string name;
  std::vector<std::string> variables;  // for --env
  std::vector<std::string> task;       // the words after the name
  std::vector<std::string> again;      // those that take the session up again
};

constexpr const char* kPrompt = "Create the files.";

class Agents : public CodingAgents {
 protected:
  /// `ambit run --no-net --host-port PORT --env VARIABLE... -- AGENT WORDS...`, and nothing else.
  Finished Run(const Agent& agent, const std::string& port,
               const std::vector<std::string>& agents_words) const {
    std::vector<std::string> words = {"run", "-q", "--no-net", "--host-port", port};
    const auto add = [&](std::string word) {
      if (const auto at = word.find("//MODEL"); at != std::string::npos) {
        word.replace(at, 7, "//127.0.0.1:" + port);
      }
      words.push_back(std::move(word));
    };
    for (const std::string& variable : agent.variables) {
      words.emplace_back("--env");
      add(variable);
    }
    words.insert(words.end(), {"--", agent.name});
    for (const std::string& word : agents_words) add(word);
    return Ambit(words);
  }

  /// The agent makes one file with its shell and one with its own tool for writing; a second run
  /// takes the session up again.
  void ExpectEditsOnlyInItsRun(const Agent& agent, const ScriptedModel& model) {
    const std::string port = model.Port();
    ASSERT_FALSE(port.empty()) << "the scripted model did not start";
    const std::string project_before = person_.Fingerprint();
    const std::string home_before = person_.Fingerprint(person_.home());

    const Finished run = Run(agent, port, agent.task);

    EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
    EXPECT_THAT(run.out, HasSubstr("SCRIPT-DONE")) << run.err;
    EXPECT_EQ(person_.Fingerprint(), project_before);
    EXPECT_EQ(person_.Fingerprint(person_.home()), home_before);
    const Finished diff = Ambit({"diff"});
    EXPECT_EQ(diff.out,
              "diff --git a/shell.txt b/shell.txt\nnew file mode 100644\n--- /dev/null\n"
              "+++ b/shell.txt\n@@ -0,0 +1 @@\n+from the shell\n"
              "diff --git a/written.txt b/written.txt\nnew file mode 100644\n--- /dev/null\n"
              "+++ b/written.txt\n@@ -0,0 +1 @@\n+by the write tool\n")
        << diff.err;
    // The whole session went through the model: each step once, with the key that it was given.
    const std::string log = model.Log();
    for (const char* step : {"0", "1", "2"}) {
      EXPECT_THAT(log, HasSubstr(std::string("not-a-key\",\"step\":") + step + "}"));
    }

    // The model goes by the results that the session holds: its last step comes at once when they
    // were kept.
    const Finished second = Run(agent, port, agent.again);
    EXPECT_EQ(second.exit_code, 0) << second.out << second.err;
    EXPECT_THAT(second.out, HasSubstr("SCRIPT-DONE")) << second.err;
    EXPECT_THAT(model.Log().substr(log.size()),
                AllOf(HasSubstr("\"step\":2}"), Not(HasSubstr("\"step\":0}"))));
    EXPECT_EQ(person_.Fingerprint(person_.home()), home_before);
  }

  std::string Script() const {
    return R"([{"shell": "printf 'from the shell\\n' >shell.txt"}, {"write": {"path": ")" +
           person_.project() +
           R"(/written.txt", "content": "by the write tool\n"}}, {"say": "SCRIPT-DONE"}])";
  }
};
INSTANTIATE_TEST_SUITE_P(As, Agents, ::testing::ValuesIn(Everyone()), NameOfParam);

TEST_P(Agents, ClaudeEditsAProjectAndOnlyItsRunHoldsTheChange) {
  // The preset outweighs a project that asks for the agent's own sandbox, which no run can give.
  person_.Write("project/.claude/settings.json",
                R"({"sandbox": {"enabled": true, "failIfUnavailable": true}})");
  const ScriptedModel model(person_, Script());
  ExpectEditsOnlyInItsRun(
      {.name = "claude",
       .variables = {"ANTHROPIC_API_KEY=not-a-key", "ANTHROPIC_BASE_URL=http://MODEL"},
       .task = {"-p", "--dangerously-skip-permissions", kPrompt},
       .again = {"-p", "--dangerously-skip-permissions", "--continue", "What did you do?"}},
      model);
}

TEST_P(Agents, CodexEditsAProjectAndOnlyItsRunHoldsTheChange) {
  const std::vector<std::string> provider = {
      "-c",
      "model_provider=scripted",
      "-c",
      "model=scripted",
      "-c",
      R"(model_providers.scripted={name="scripted", base_url="http://MODEL/v1", )"
      R"(env_key="MODEL_KEY", wire_api="responses"})"};
  Agent codex = {.name = "codex",
                 .variables = {"MODEL_KEY=not-a-key"},
                 .task = {"exec", kPrompt},
                 .again = {"exec", "resume", "--last", "What did you do?"}};
  codex.task.insert(codex.task.begin() + 1, provider.begin(), provider.end());
  codex.again.insert(codex.again.begin() + 1, provider.begin(), provider.end());
  const ScriptedModel model(person_, Script());
  ExpectEditsOnlyInItsRun(codex, model);
}

TEST_P(Agents, CopilotEditsAProjectAndOnlyItsRunHoldsTheChange) {
  const ScriptedModel model(person_, Script());
  ExpectEditsOnlyInItsRun({.name = "copilot",
                           .variables = {"COPILOT_PROVIDER_API_KEY=not-a-key",
                                         "COPILOT_PROVIDER_BASE_URL=http://MODEL/v1",
                                         "COPILOT_PROVIDER_TYPE=openai", "COPILOT_MODEL=gpt-4.1"},
                           .task = {"-p", kPrompt, "--allow-all-tools"},
                           .again = {"--continue", "-p", "What did you do?", "--allow-all-tools"}},
                          model);
}

TEST_P(Agents, GeminiEditsAProjectAndOnlyItsRunHoldsTheChange) {
  // It outweighs a project that asks for the agent's own sandbox.
  person_.Write("project/.gemini/settings.json", R"({"tools": {"sandbox": "docker"}})");
  const ScriptedModel model(person_, Script());
  // With an address of one's own for the model its sign-in has to be named.
  ConfigureInside("gemini", "~/.gemini/settings.json",
                  R"({"security": {"auth": {"selectedType": "gemini-api-key"}}})");
  ExpectEditsOnlyInItsRun(
      {.name = "gemini",
       .variables = {"GEMINI_API_KEY=not-a-key", "GOOGLE_GEMINI_BASE_URL=http://MODEL"},
       .task = {"--yolo", "-m", "gemini-2.5-pro", "-p", kPrompt},
       .again = {"--yolo", "-m", "gemini-2.5-pro", "--resume", "latest", "-p", "What did you do?"}},
      model);
}

TEST_P(Agents, PiEditsAProjectAndOnlyItsRunHoldsTheChange) {
  const ScriptedModel model(person_, Script());
  ConfigureInside(
      "pi", "~/.pi/agent/models.json",
      R"({"providers": {"anthropic": {"baseUrl": "http://127.0.0.1:)" + model.Port() + R"("}}})");
  const std::vector<std::string> scripted = {"--provider", "anthropic", "--model",
                                             "claude-sonnet-4-5"};
  Agent pi = {.name = "pi",
              .variables = {"ANTHROPIC_API_KEY=not-a-key"},
              .task = {"-p", kPrompt},
              .again = {"--continue", "-p", "What did you do?"}};
  pi.task.insert(pi.task.begin(), scripted.begin(), scripted.end());
  pi.again.insert(pi.again.begin(), scripted.begin(), scripted.end());
  ExpectEditsOnlyInItsRun(pi, model);
}

TEST_P(Agents, CopilotUnpacksNothingThatTheHostHasUnpacked) {
  const auto unpacked = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> words = {"run", "-q", "--no-net"};
    words.insert(words.end(), flags.begin(), flags.end());
    words.insert(words.end(), {"--", "copilot", "--version"});
    const Finished run = Ambit(words);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    const Finished find = person_.Execute({"find", person_.root() + "/state", "-name", "*.node"});
    return !find.out.empty();
  };
  const Finished outside = person_.Execute({Program("copilot"), "--version"}, {},
                                           {{"PATH", NodeDir() + ":/usr/bin:/bin"}});
  ASSERT_EQ(outside.exit_code, 0) << outside.err;
  EXPECT_FALSE(unpacked({}));
  EXPECT_TRUE(unpacked({"--no-preset", "--ro", person_.home() + "/.npm-global"}));
}

TEST_P(Agents, AreRunByTheirNameAloneAndGetEverythingBehindIt) {
  const ScriptedModel model(person_, R"([{"say": "SCRIPT-DONE"}])");
  person_.Write("home/.config/ambit/config.toml",
                std::string("[net]\n") + kNoProvider + "host_ports = [" + model.Port() +
                    "]\n[env]\nset = {ANTHROPIC_AUTH_TOKEN = \"not-a-key\", "
                    "ANTHROPIC_BASE_URL = \"http://127.0.0.1:" +
                    model.Port() + "\"}\n");
  const Finished run = Ambit({"claude", "-p", "What is there to do?"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "SCRIPT-DONE\n");
  EXPECT_THAT(run.err, HasSubstr("preset node, claude"));
  EXPECT_THAT(model.Log(), HasSubstr("Bearer not-a-key"));
  // These are claude's, not ambit's.
  EXPECT_THAT(Ambit({"claude", "--version"}).out, HasSubstr("(Claude Code)"));
  // A toolchain's command is not an agent.
  EXPECT_EQ(Ambit({"node", "build.js"}).exit_code, 125);
}

}  // namespace
}  // namespace ambit::testing
