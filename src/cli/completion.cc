#include "cli/completion.h"

#include <memory>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

#include "cli/cli.h"

namespace ambit::cli {
namespace {

std::string ScriptFor(std::string_view shell) {
  const Command ambit = AmbitTree();
  if (shell == "bash") return BashCompletion(ambit);
  if (shell == "zsh") return ZshCompletion(ambit);
  return FishCompletion(ambit);
}

}  // namespace

std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

void AddCompletion(CLI::App& app, Action& action) {
  auto shell = std::make_shared<std::string>();
  CLI::App* completion =
      app.add_subcommand("completion", "Print a script that makes a shell complete ambit");
  completion->add_option("shell", *shell, "The shell it is for")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->final_callback(
      [shell, &action] { action = [shell] { return Report(ToStdout(ScriptFor(*shell))); }; });
}

}  // namespace ambit::cli
