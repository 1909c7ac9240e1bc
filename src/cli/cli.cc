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

/// The parser says what is missing before it says what it did not understand, which is what a
/// person has to correct first.
std::string WhatIsWrong(const CLI::App& app, const CLI::ParseError& error) {
  for (const std::string& word : app.remaining(/*recurse=*/true)) {
    if (word == "--") continue;
    if (word.starts_with('-')) return fmt::format("unknown flag '{}'", Printable(word));
    if (app.get_subcommands().empty()) {
      return fmt::format("'{}' is no command of ambit", Printable(word));
    }
    break;  // one argument too many
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
