#include "cli/completion.h"

#include <memory>
#include <string>
#include <utility>

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

void AddCompletion(NewCommand ambit) {
  auto shell = std::make_shared<std::string>();
  NewCommand completion =
      ambit.AddCommand("completion", "Print a script that makes a shell complete ambit");
  completion.AddArgument("shell", *shell, "The shell it is for")
      .Required()
      .OneOf({"bash", "zsh", "fish"});
  completion.Does([shell] { return ToStdout(ScriptFor(*shell)); });
}

}  // namespace ambit::cli
