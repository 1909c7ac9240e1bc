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

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/usage_errors.h"
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
  void (*add)(CLI::App& app, Action& action);
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

/// The words to parse, the last one first, as the parser takes them. `ambit claude ...` is
/// `ambit run -- claude ...`: what stands behind an agent's name is for the agent.
/// `ambit help diff` is `ambit diff --help`.
std::vector<std::string> WordsOf(int argc, char** argv) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (!words.empty() && words.front() == "help") {
    words = WordsOfHelp(std::move(words));
  } else if (!words.empty() && IsAgent(words.front())) {
    words.insert(words.begin(), {"run", "--"});
  }
  std::ranges::reverse(words);
  return words;
}

void AddGeneral(CLI::App& app) {
  app.name("ambit");
  app.description("A sandbox for AI coding agents: full autonomy inside hard limits.");
  app.footer(
      "'ambit claude ...' is 'ambit run -- claude ...'; so for each agent of 'ambit preset list'.\n"
      "With flags of ambit's it is 'ambit run FLAGS -- claude ...': what follows the name is its "
      "own.");
  app.set_version_flag("--version", std::string(supervise::kVersion));
  app.require_subcommand(1);
}

/// What these words (the last one first) can need: a tree of every command costs a tenth of a
/// short run.
void AddFor(const std::vector<std::string>& words, CLI::App& app, Action& action) {
  const auto* const named =
      words.empty() ? kCommands.end() : std::ranges::find(kCommands, words.back(), &Command::name);
  if (named == kCommands.end()) return AddAll(app, action);
  AddGeneral(app);
  named->add(app, action);
}

}  // namespace

void AddAll(CLI::App& app, Action& action) {
  AddGeneral(app);
  for (const Command& command : kCommands) command.add(app, action);
}

int Main(int argc, char** argv) {
  CLI::App app;
  Action action;
  std::vector<std::string> words = WordsOf(argc, argv);
  AddFor(words, app, action);
  try {
    app.parse(std::move(words));
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);
  } catch (const CLI::ParseError& error) {
    return Complain(WhatIsWrong(app, error), WayOn(app));
  }
  return action();
}

}  // namespace ambit::cli
