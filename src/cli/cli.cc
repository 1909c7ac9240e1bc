#include "cli/cli.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "policy/presets.h"
#include "supervise/version.h"

namespace ambit::cli {

int Complain(std::string_view what, std::string_view remedy) {
  // Names of others are in it: nothing of them may steer the terminal.
  const std::string text = "ambit: " + WithoutControls(what) + "\n" +
                           (remedy.empty() ? "" : "ambit: " + WithoutControls(remedy) + "\n");
  std::fputs(text.c_str(), stderr);
  return kAmbitFailed;
}

int Report(const Status& status) {
  return status ? 0 : Complain(status.error().what, status.error().remedy);
}

Status ToStdout(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return FailErrno(errno, "write to stdout");
  }
  return {};
}

namespace {

struct Command {
  std::string_view name;
  void (*add)(NewCommand ambit);
};

/// In the order help tells them.
constexpr std::array<Command, 26> kCommands = {{
    {.name = "run", .add = AddRun},         {.name = "shell", .add = AddShell},
    {.name = "diff", .add = AddDiff},       {.name = "apply", .add = AddApply},
    {.name = "undo", .add = AddUndo},       {.name = "branch", .add = AddBranch},
    {.name = "audit", .add = AddAudit},     {.name = "why", .add = AddWhy},
    {.name = "doctor", .add = AddDoctor},   {.name = "approve", .add = AddApprove},
    {.name = "deny", .add = AddDeny},       {.name = "publish", .add = AddPublish},
    {.name = "ps", .add = AddPs},           {.name = "top", .add = AddTop},
    {.name = "stats", .add = AddStats},     {.name = "inspect", .add = AddInspect},
    {.name = "discard", .add = AddDiscard}, {.name = "rm", .add = AddRm},
    {.name = "prune", .add = AddPrune},     {.name = "keep", .add = AddKeep},
    {.name = "plan", .add = AddPlan},       {.name = "policy", .add = AddPolicy},
    {.name = "preset", .add = AddPreset},   {.name = "trust", .add = AddTrust},
    {.name = "import", .add = AddImport},   {.name = "completion", .add = AddCompletion},
}};

bool IsAgent(const std::string& word) {
  const policy::Preset* const preset = policy::PresetOfCommand(word);
  return preset != nullptr && policy::IsOfAgent(*preset);
}

/// Of a word that is no command there is no help: it is told as one.
std::vector<std::string> WordsOfHelp(std::vector<std::string> words) {
  words.erase(words.begin());
  if (!words.empty() && IsAgent(words.front())) return {"run", "--help"};
  if (words.empty() ||
      std::ranges::find(kCommands, words.front(), &Command::name) != kCommands.end()) {
    words.emplace_back("--help");
  }
  return words;
}

/// The words to parse. `ambit claude ...` is `ambit run -- claude ...`: what stands behind an
/// agent's name is for the agent. `ambit help diff` is `ambit diff --help`.
std::vector<std::string> WordsOf(int argc, char** argv) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (!words.empty() && words.front() == "help") {
    words = WordsOfHelp(std::move(words));
  } else if (!words.empty() && IsAgent(words.front())) {
    words.insert(words.begin(), {"run", "--"});
  }
  return words;
}

/// What is said of all commands, and none of them.
CommandLine BareCommandLine() {
  CommandLine line("ambit", "A sandbox for AI coding agents: full autonomy inside hard limits.",
                   supervise::kVersion);
  line.top().EndHelpWith(
      "'ambit claude ...' is 'ambit run -- claude ...'; so for each agent of 'ambit preset list'.\n"
      "With flags of ambit's it is 'ambit run FLAGS -- claude ...': what follows the name is its "
      "own.");
  return line;
}

/// What these words can need: a tree of every command costs a tenth of a short run.
CommandLine CommandLineFor(const std::vector<std::string>& words) {
  const auto* const named =
      words.empty() ? kCommands.end() : std::ranges::find(kCommands, words.front(), &Command::name);
  if (named == kCommands.end()) return WholeCommandLine();
  CommandLine line = BareCommandLine();
  named->add(line.top());
  return line;
}

}  // namespace

CommandLine WholeCommandLine() {
  CommandLine line = BareCommandLine();
  for (const Command& command : kCommands) command.add(line.top());
  return line;
}

int Main(int argc, char** argv) {
  std::vector<std::string> words = WordsOf(argc, argv);
  CommandLine line = CommandLineFor(words);
  return line.Execute(std::move(words));
}

}  // namespace ambit::cli
