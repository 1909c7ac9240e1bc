// The main job as a person does it: `ambit claude` in a terminal, the agent's questions answered, a
// prompt, a command that it executes, another size of the window, Ctrl-C, the exit. Of the agent
// ambit knows what its preset says and of the model what the person's own file does; the model is a
// scripted one on the host.
#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "support/tmux_session.h"

#include "coding_agents.h"

namespace ambit::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// What an agent asks, and the key that answers it.
struct Question {
  std::string shown;
  std::string key;
};

/// http://MODEL stands for the address of the model.
struct Agent {
  std::string typed;                  // after `ambit`; its first word is the name
  std::string variables;              // for env.set, the key among them
  std::string file;                   // of its settings inside, when variables do not say it all
  std::string settings;               // what is in there
  std::vector<Question> first_start;  // in a project
  std::string ready;                  // on the screen while it waits for a prompt
  std::string permission;             // its question before it executes a command, if it asks
  std::vector<std::string> leave;     // keys that end it
};

// Programs for node on a busy machine: only a failure waits for so long.
constexpr std::chrono::seconds kPatience(60);
constexpr const char* kPrompt = "Continue.";
// Too long for a line of 80 columns, not for one of 100.
constexpr const char* kHalfALine =
    "half-a-line,half-a-line,half-a-line,half-a-line,half-a-line,half-a-line,half-a-line,end";
constexpr const char* kDecision = "apply, review, keep or discard? [keep]";

class AgentScreens : public CodingAgents {
 protected:
  void SetUp() override {
    CodingAgents::SetUp();
    person_.Write(
        "bin/ambit",
        "#!/bin/sh\nXDG_STATE_HOME='" + State() + "' exec '" + AmbitBinary() + "' \"$@\"\n", 0755);
  }

  std::string WithAddress(std::string text) const {
    if (const auto at = text.find("//MODEL"); at != std::string::npos) {
      text.replace(at, 7, "//127.0.0.1:" + model_.Port());
    }
    return text;
  }
  void Configure(const Agent& agent) {
    ASSERT_FALSE(model_.Port().empty()) << "the scripted model did not start";
    person_.Write("home/.config/ambit/config.toml",
                  std::string("[net]\n") + kNoProvider + "host_ports = [" + model_.Port() +
                      "]\n[env.set]\n" + WithAddress(agent.variables));
    if (!agent.file.empty()) {
      ConfigureInside(agent.typed.substr(0, agent.typed.find(' ')), agent.file,
                      WithAddress(agent.settings));
    }
  }

  void Eventually(const std::string& what, const std::function<bool()>& holds) const {
    ASSERT_TRUE(EventuallyHolds(holds, kPatience)) << what << ":\n" << terminal_.Text();
  }
  bool Shows(const std::string& text) const { return terminal_.Text().contains(text); }
  void ShowsEventually(const std::string& text) const {
    Eventually("no '" + text + "'", [&] { return Shows(text); });
  }
  /// As a person does it: the keys once more when nothing comes of them. An agent may throw away
  /// what is typed while it draws (Gemini, now and then, both Ctrl-C), and some take an Enter that
  /// follows text too soon for a part of it.
  void PressUntil(const std::vector<std::string>& keys, const std::string& shown,
                  const std::function<bool()>& done) const {
    std::chrono::steady_clock::time_point pressed;
    Eventually("after " + ::testing::PrintToString(keys) + " for '" + shown + "'", [&] {
      if (done()) return true;
      const auto now = std::chrono::steady_clock::now();
      if (now - pressed > std::chrono::seconds(5) && Shows(shown)) {
        terminal_.Press(keys);
        pressed = now;
      }
      return false;
    });
  }
  bool ModelGaveStep(char step) const {
    return model_.Log().contains(std::string("not-a-key\",\"step\":") + step + "}");
  }

  void StartAgent(const Agent& agent) const {
    terminal_.Type("ambit " + agent.typed);
    terminal_.Press("Enter");
    for (std::size_t asked = 0; asked < agent.first_start.size(); ++asked) {
      const auto& [shown, key] = agent.first_start[asked];
      ShowsEventually(shown);
      const bool last = asked + 1 == agent.first_start.size();
      const std::string next = last ? agent.ready : agent.first_start[asked + 1].shown;
      PressUntil({key}, shown, [&] { return Shows(next); });
    }
    ShowsEventually(agent.ready);
  }
  void LetItWork(const Agent& agent) const {
    // Letter by letter: what comes at once is a paste.
    for (std::string typed; const char letter : std::string(kPrompt)) {
      terminal_.Type(std::string(1, letter));
      typed += letter;
      ShowsEventually(typed);
    }
    PressUntil({"Enter"}, kPrompt, [&] { return ModelGaveStep('0'); });
    if (!agent.permission.empty()) {
      PressUntil({"Enter"}, agent.permission, [&] { return ModelGaveStep('1'); });
    }
    ShowsEventually("SCRIPT-DONE");
    ShowsEventually(agent.ready);
  }
  void ExpectAnotherWidthIsUsed() const {
    terminal_.Type(kHalfALine);
    ShowsEventually(",end");
    EXPECT_THAT(terminal_.Text(), Not(HasSubstr(kHalfALine)));
    terminal_.Resize(100, 30);
    ShowsEventually(kHalfALine);
  }
  void ExpectInterruptIsTheAgents(const Agent& agent) const {
    // The first one is for the agent's turn when that is still about to end.
    PressUntil({"C-c"}, ",end", [&] { return !Shows(",end") && Shows(agent.ready); });
  }
  void Leave(const Agent& agent) const {
    PressUntil(agent.leave, agent.ready, [&] { return Shows(kDecision); });
    terminal_.Press("Enter");
    Eventually("no shell", [&] { return terminal_.IsAtPrompt(); });
  }
  void ExpectPastesWithoutMarks() const {
    terminal_.Type("echo begun; cat");
    terminal_.Press("Enter");
    ShowsEventually("\nbegun\n");
    terminal_.Paste("pasted");
    terminal_.Press("Enter");
    ShowsEventually("\npasted\npasted\n");
    terminal_.Press("C-d");
  }

  void ExpectWholeSession(const Agent& agent) {
    Configure(agent);
    // Readline would ask for marks around what is pasted, and hide whether the agent left them on.
    terminal_.Type("bind 'set enable-bracketed-paste off'");
    terminal_.Press("Enter");
    const std::string settings = terminal_.Settings();
    const std::string modes = terminal_.Modes();
    const std::string project = person_.Fingerprint();
    const std::string home = person_.Fingerprint(person_.home());

    ASSERT_NO_FATAL_FAILURE(StartAgent(agent));
    ASSERT_NO_FATAL_FAILURE(LetItWork(agent));
    ASSERT_NO_FATAL_FAILURE(ExpectAnotherWidthIsUsed());
    ASSERT_NO_FATAL_FAILURE(ExpectInterruptIsTheAgents(agent));
    ASSERT_NO_FATAL_FAILURE(Leave(agent));

    EXPECT_EQ(terminal_.Modes(), modes);
    terminal_.Type("echo code-$?");
    terminal_.Press("Enter");
    ShowsEventually("code-0");
    EXPECT_EQ(terminal_.Settings(), settings);
    ExpectPastesWithoutMarks();
    EXPECT_EQ(person_.Fingerprint(), project);
    EXPECT_EQ(person_.Fingerprint(person_.home()), home);
    EXPECT_EQ(Ambit({"diff"}).out,
              "diff --git a/shell.txt b/shell.txt\nnew file mode 100644\n--- /dev/null\n"
              "+++ b/shell.txt\n@@ -0,0 +1 @@\n+from the shell\n");
  }

  const ScriptedModel model_{
      person_, R"([{"shell": "printf 'from the shell\\n' >shell.txt"}, {"say": "SCRIPT-DONE"}])"};
  const TmuxSession terminal_{person_, "agent", person_.root() + "/bin:" + Path()};
};
INSTANTIATE_TEST_SUITE_P(As, AgentScreens, ::testing::ValuesIn(Everyone()), NameOfParam);

TEST_P(AgentScreens, OfClaudeLastFromItsFirstQuestionToTheExit) {
  ExpectWholeSession(
      {.typed = "claude",
       .variables = "ANTHROPIC_AUTH_TOKEN = 'not-a-key'\n"
                    "ANTHROPIC_BASE_URL = 'http://MODEL'\n",
       // It draws its question for trust twice, and an answer in between is lost.
       .file = "~/.claude/.claude.json",
       .settings =
           R"({"projects": {")" + person_.project() + R"(": {"hasTrustDialogAccepted": true}}})",
       .first_start = {{"Choose the text style", "Enter"}, {"Security notes:", "Enter"}},
       .ready = "(shift+tab to cycle)",
       .permission = {},
       .leave = {"C-c", "C-c"}});
}

TEST_P(AgentScreens, OfCodexLastFromItsFirstQuestionToTheExit) {
  ExpectWholeSession({.typed = "codex",
                      .variables = "MODEL_KEY = 'not-a-key'\n",
                      .file = "~/.local/state/codex/config.toml",
                      .settings = "model = 'scripted'\nmodel_provider = 'scripted'\n"
                                  "[model_providers.scripted]\nname = 'scripted'\n"
                                  "base_url = 'http://MODEL/v1'\nenv_key = 'MODEL_KEY'\n"
                                  "wire_api = 'responses'\n",
                      .first_start = {{"Trust this folder?", "Enter"}},
                      .ready = "Ask Codex to do anything",
                      .permission = {},
                      .leave = {"C-c", "C-c"}});
}

TEST_P(AgentScreens, OfCopilotLastFromItsFirstQuestionToTheExit) {
  ExpectWholeSession({.typed = "copilot",
                      .variables = "COPILOT_PROVIDER_API_KEY = 'not-a-key'\n"
                                   "COPILOT_PROVIDER_BASE_URL = 'http://MODEL/v1'\n"
                                   "COPILOT_PROVIDER_TYPE = 'openai'\nCOPILOT_MODEL = 'gpt-4.1'\n",
                      .file = {},
                      .settings = {},
                      .first_start = {{"Do you trust the files in this folder?", "Enter"}},
                      .ready = "/ commands",
                      .permission = "Do you want to run this command?",
                      .leave = {"C-c", "C-c"}});
}

TEST_P(AgentScreens, OfGeminiLastFromItsFirstQuestionToTheExit) {
  ExpectWholeSession(
      {.typed = "gemini -m gemini-2.5-pro",
       .variables = "GEMINI_API_KEY = 'not-a-key'\n"
                    "GOOGLE_GEMINI_BASE_URL = 'http://MODEL'\n",
       .file = {},
       .settings = {},
       .first_start = {{"● 2. Use Gemini API Key", "Enter"}, {"Enter Gemini API Key", "Enter"}},
       .ready = "Type your message",
       .permission = "Allow execution of",
       .leave = {"C-c", "C-c"}});
}

TEST_P(AgentScreens, OfPiLastFromItsFirstQuestionToTheExit) {
  ExpectWholeSession({.typed = "pi --provider anthropic --model claude-sonnet-4-5",
                      .variables = "ANTHROPIC_API_KEY = 'not-a-key'\n",
                      .file = "~/.pi/agent/models.json",
                      .settings = R"({"providers": {"anthropic": {"baseUrl": "http://MODEL"}}})",
                      .first_start = {},
                      .ready = "(auto)",
                      .permission = {},
                      .leave = {"C-d"}});
}

}  // namespace
}  // namespace ambit::testing
