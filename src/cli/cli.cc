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

/// The flag of the chosen commands that may have been meant; empty when none is near.
std::string NearestFlag(const CLI::App& app, const std::string& word) {
  std::vector<std::string> flags;
  for (const CLI::App* chosen = &app; chosen != nullptr;) {
    for (const CLI::Option* option : chosen->get_options()) {
      for (const std::string& name : option->get_lnames()) flags.push_back(name);
    }
    const std::vector<CLI::App*> next = chosen->get_subcommands();
    chosen = next.empty() ? nullptr : next.front();
  }
  const std::vector<std::string_view> names(flags.begin(), flags.end());
  const std::string_view meant =
      policy::Nearest(word.substr(std::min(word.find_first_not_of('-'), word.size())), names);
  return meant.empty() ? "" : fmt::format("--{}", meant);
}

const std::string* FlagIn(const std::vector<std::string>& words) {
  const auto flag = std::ranges::find_if(
      words, [](const std::string& word) { return word != "--" && word.starts_with('-'); });
  return flag != words.end() ? &*flag : nullptr;
}

/// The command that may have been meant, as words to go on with; empty when none is near.
std::string NearestCommand(const CLI::App& app, const std::string& word) {
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  std::vector<std::string> known;
  for (const CLI::App* command : commands) known.push_back(command->get_name());
  const std::vector<std::string_view> names(known.begin(), known.end());
  const std::string_view meant = policy::Nearest(word, names);
  return meant.empty() ? "" : fmt::format("; did you mean 'ambit {}'?", meant);
}

/// The parser says what is missing before it says what it did not understand, which is what a
/// person has to correct first. A flag it does not know makes words after it look superfluous.
std::string WhatIsWrong(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> words = app.remaining(/*recurse=*/true);
  if (const std::string* flag = FlagIn(words)) {
    const std::string meant = NearestFlag(app, *flag);
    return fmt::format("unknown flag '{}'{}", Printable(*flag),
                       meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant));
  }
  const bool any_word = !words.empty() && words.front() != "--";
  if (any_word && app.get_subcommands().empty()) {
    return fmt::format("'{}' is no command of ambit{}", Printable(words.front()),
                       NearestCommand(app, words.front()));
  }
  return error.what();
}

/// Where to read on. A flag of a run in the place of a command is put where it belongs.
std::string WayOn(const CLI::App& app) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  const std::string command = chosen.empty() ? "" : chosen.front()->get_name() + " ";
  const std::vector<std::string> words = app.remaining(/*recurse=*/true);
  const std::string* flag = FlagIn(words);
  const auto is_run = [](const CLI::App* one) { return one->get_name() == "run"; };
  if (chosen.empty() && flag != nullptr) {
    const std::string name = flag->substr(0, flag->find('='));
    for (const CLI::App* run : app.get_subcommands(is_run)) {
      if (run->get_option_no_throw(name) == nullptr) continue;
      return fmt::format("flags of a run come behind 'run': ambit run {} ... -- COMMAND", name);
    }
  }
  return fmt::format("see 'ambit {}--help'{}", command,
                     command == "run " ? "; what is to run comes after --" : "");
}

/// The words to parse, the last one first, as the parser takes them. `ambit claude ...` is
/// `ambit run -- claude ...`: what stands behind an agent's name is for the agent.
std::vector<std::string> WordsOf(int argc, char** argv) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (!words.empty()) {
    const policy::Preset* const preset = policy::PresetOfCommand(words.front());
    if (preset != nullptr && policy::IsOfAgent(*preset)) {
      words.insert(words.begin(), {"run", "--"});
    }
  }
  std::ranges::reverse(words);
  return words;
}

struct Command {
  std::string_view name;
  void (*add)(CLI::App& app, Action& action);
};

/// In the order help tells them.
constexpr std::array<Command, 19> kCommands = {{
    {.name = "run", .add = AddRun},
    {.name = "shell", .add = AddShell},
    {.name = "diff", .add = AddDiff},
    {.name = "apply", .add = AddApply},
    {.name = "undo", .add = AddUndo},
    {.name = "branch", .add = AddBranch},
    {.name = "doctor", .add = AddDoctor},
    {.name = "ps", .add = AddPs},
    {.name = "inspect", .add = AddInspect},
    {.name = "discard", .add = AddDiscard},
    {.name = "rm", .add = AddRm},
    {.name = "prune", .add = AddPrune},
    {.name = "keep", .add = AddKeep},
    {.name = "plan", .add = AddPlan},
    {.name = "policy", .add = AddPolicy},
    {.name = "preset", .add = AddPreset},
    {.name = "trust", .add = AddTrust},
    {.name = "import", .add = AddImport},
    {.name = "completion", .add = AddCompletion},
}};

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
