#include "cli/cli.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>
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

/// The parser says what is missing before it says what it did not understand, which is what a
/// person has to correct first. A flag it does not know makes words after it look superfluous.
std::string WhatIsWrong(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> words = app.remaining(/*recurse=*/true);
  const auto flag = std::ranges::find_if(
      words, [](const std::string& word) { return word != "--" && word.starts_with('-'); });
  if (flag != words.end()) {
    const std::string meant = NearestFlag(app, *flag);
    return fmt::format("unknown flag '{}'{}", Printable(*flag),
                       meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant));
  }
  const bool any_word = !words.empty() && words.front() != "--";
  if (any_word && app.get_subcommands().empty()) {
    return fmt::format("'{}' is no command of ambit", Printable(words.front()));
  }
  return error.what();
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

}  // namespace

void AddAll(CLI::App& app, Action& action) {
  app.name("ambit");
  app.description("A sandbox for AI coding agents: full autonomy inside hard limits.");
  app.footer(
      "'ambit claude ...' is 'ambit run -- claude ...'; so for each agent of 'ambit preset list'.");
  app.set_version_flag("--version", std::string(supervise::kVersion));
  app.require_subcommand(1);
  AddRun(app, action);
  AddShell(app, action);
  AddDiff(app, action);
  AddApply(app, action);
  AddUndo(app, action);
  AddBranch(app, action);
  AddDoctor(app, action);
  AddPs(app, action);
  AddInspect(app, action);
  AddDiscard(app, action);
  AddRm(app, action);
  AddPrune(app, action);
  AddKeep(app, action);
  AddPlan(app, action);
  AddPolicy(app, action);
  AddPreset(app, action);
  AddTrust(app, action);
  AddImport(app, action);
  AddCompletion(app, action);
}

int Main(int argc, char** argv) {
  CLI::App app;
  Action action;
  AddAll(app, action);
  try {
    app.parse(WordsOf(argc, argv));
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);
  } catch (const CLI::ParseError& error) {
    const std::vector<CLI::App*> chosen = app.get_subcommands();
    const std::string command = chosen.empty() ? "" : chosen.front()->get_name() + " ";
    return Complain(WhatIsWrong(app, error),
                    fmt::format("see 'ambit {}--help'{}", command,
                                command == "run " ? "; what is to run comes after --" : ""));
  }
  return action();
}

}  // namespace ambit::cli
