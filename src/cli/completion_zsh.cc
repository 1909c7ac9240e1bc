#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

#include "cli/completion.h"

namespace ambit::cli {
namespace {

/// Inside of a specification of _arguments, where these letters mean something.
std::string Escaped(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == ':' || c == '[' || c == ']' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string ActionFor(const Value& value) {
  switch (value.fill) {
    case Fill::kNothing:
      return " ";
    case Fill::kChoices:
      return fmt::format("({})", fmt::join(value.choices, " "));
    case Fill::kPaths:
      return "_files";
    case Fill::kDirectories:
      return "_files -/";
    case Fill::kVariables:
      return "_parameters -g '*export*'";
    case Fill::kRuns:
      return "_ambit_runs -a";
    case Fill::kLiveRuns:
      return "_ambit_runs";
    case Fill::kCommand:
      return "_normal";
  }
  return {};
}

/// "ambit policy show" is completed by _ambit_policy_show.
std::string FunctionFor(const Command& command) {
  return fmt::format("_{}", fmt::join(command.path, "_"));
}

/// One specification for each name, each of which excludes the others.
std::string FlagSpecs(const Flag& flag) {
  std::string specs;
  for (const std::string& name : flag.names) {
    std::string spec = flag.takes_value ? "*" : fmt::format("({})", fmt::join(flag.names, " "));
    spec += name;
    if (flag.takes_value) spec += name.starts_with("--") ? "=" : "+";
    spec += fmt::format("[{}]", Escaped(flag.doc));
    if (flag.takes_value) {
      spec += fmt::format(":{}:{}", Escaped(flag.value.name), ActionFor(flag.value));
    }
    specs += fmt::format(" \\\n    {}", Quoted(spec));
  }
  return specs;
}

std::string ArgumentSpec(const Argument& argument, std::size_t index) {
  const Value& value = argument.value;
  if (value.fill == Fill::kCommand) return fmt::format(" \\\n    '*:::{}:_normal'", value.name);
  const std::string place = argument.many ? "*" : std::to_string(index + 1);
  const std::string colon = argument.required || argument.many ? ":" : "::";
  return fmt::format(" \\\n    {}",
                     Quoted(fmt::format("{}{}{}:{}", place, colon, value.name, ActionFor(value))));
}

std::string Leaf(const Command& command) {
  std::string function = fmt::format("{}() {{\n  _arguments -s -S", FunctionFor(command));
  for (const Flag& flag : command.flags) function += FlagSpecs(flag);
  for (std::size_t i = 0; i < command.arguments.size(); ++i) {
    function += ArgumentSpec(command.arguments[i], i);
  }
  return function + "\n}\n\n";
}

/// One that only chooses among others.
std::string Node(const Command& command) {
  std::string function = fmt::format(
      "{}() {{\n  local -a subcommands line\n  local state\n  _arguments -C", FunctionFor(command));
  for (const Flag& flag : command.flags) function += FlagSpecs(flag);
  function +=
      " \\\n    '1: :->command' \\\n    '*:: :->rest' && return 0\n  case $state in\n    command)\n"
      "      subcommands=(\n";
  for (const Command& part : command.commands) {
    function +=
        fmt::format("        {}\n", Quoted(fmt::format("{}:{}", part.path.back(), part.about)));
  }
  function +=
      "      )\n      _describe command subcommands\n      ;;\n    rest)\n      case $line[1] in\n";
  for (const Command& part : command.commands) {
    function += fmt::format("        {}) {} ;;\n", part.path.back(), FunctionFor(part));
  }
  return function + "      esac\n      ;;\n  esac\n}\n\n";
}

constexpr std::string_view kHead = R"zsh(#compdef ambit
# Completion of ambit for zsh, made by 'ambit completion zsh'.

# Those that go on, or with -a all, newest first, as they are listed.
_ambit_runs() {
  local -a runs
  runs=(${(f)"$(_call_program runs ambit ps ${(M)@:#-a} 2>/dev/null)"})
  runs=(${${(M)runs:#r-*}%% *})
  compadd -V runs -X run -a runs
}

)zsh";

constexpr std::string_view kTail = R"zsh(if [[ $funcstack[1] == _ambit ]]; then
  _ambit "$@"
else
  compdef _ambit ambit
fi
)zsh";

}  // namespace

std::string ZshCompletion(const Command& ambit) {
  std::string script(kHead);
  for (const Command* command : All(ambit)) {
    script += command->commands.empty() ? Leaf(*command) : Node(*command);
  }
  return script + std::string(kTail);
}

}  // namespace ambit::cli
