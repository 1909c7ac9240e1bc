#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "cli/completion.h"

namespace ambit::cli {
namespace {

/// The word that _ambit_fill of the script knows.
std::string FillWord(const Value& value) {
  switch (value.fill) {
    case Fill::kNothing:
      return "nothing";
    case Fill::kChoices:
      return fmt::format("choices:{}", fmt::join(value.choices, ","));
    case Fill::kPaths:
      return "paths";
    case Fill::kDirectories:
      return "directories";
    case Fill::kVariables:
      return "variables";
    case Fill::kRuns:
      return "runs";
    case Fill::kLiveRuns:
      return "live-runs";
    case Fill::kCommand:
      return "command";
  }
  return {};
}

/// A function that answers for the words of a command: `  'ambit run') echo '...' ;;`.
std::string Lookup(std::string_view name,
                   const std::vector<std::pair<std::string, std::string>>& of) {
  std::string function = fmt::format("{}() {{\n  case $1 in\n", name);
  for (const auto& [words, answer] : of) {
    if (answer.empty()) continue;
    function += fmt::format("    {}) echo {} ;;\n", Quoted(words), Quoted(answer));
  }
  return function + "  esac\n}\n";
}

std::string Commands(const Command& ambit) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Command* command : All(ambit)) {
    std::vector<std::string> names;
    for (const Command& part : command->commands) names.push_back(part.path.back());
    rows.emplace_back(NameOf(*command), fmt::format("{}", fmt::join(names, " ")));
  }
  return Lookup("_ambit_commands", rows);
}

std::string Flags(const Command& ambit) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Command* command : All(ambit)) {
    std::vector<std::string> names;
    for (const Flag& flag : command->flags) {
      names.insert(names.end(), flag.names.begin(), flag.names.end());
    }
    rows.emplace_back(NameOf(*command), fmt::format("{}", fmt::join(names, " ")));
  }
  return Lookup("_ambit_flags", rows);
}

std::string Values(const Command& ambit) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Command* command : All(ambit)) {
    for (const Flag& flag : command->flags) {
      if (!flag.takes_value) continue;
      for (const std::string& name : flag.names) {
        rows.emplace_back(fmt::format("{} {}", NameOf(*command), name), FillWord(flag.value));
      }
    }
  }
  return Lookup("_ambit_value", rows);
}

std::string Arguments(const Command& ambit) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Command* command : All(ambit)) {
    std::vector<std::string> words;
    for (const Argument& argument : command->arguments) {
      words.push_back(FillWord(argument.value) + (argument.many ? "+" : ""));
    }
    rows.emplace_back(NameOf(*command), fmt::format("{}", fmt::join(words, " ")));
  }
  return Lookup("_ambit_arguments", rows);
}

constexpr std::string_view kHead =
    R"bash(# Completion of ambit for bash, made by 'ambit completion bash'.
# What there is, by the words of the command so far.
)bash";

constexpr std::string_view kMachine = R"bash(
# _ambit_runs PROGRAM [-a]: those that go on, or all
_ambit_runs() {
  local id rest
  while read -r id rest; do
    if [[ $id == r-* ]]; then echo "$id"; fi
  done < <("$1" ps "${@:2}" 2>/dev/null)
}

# _ambit_fill PROGRAM WHAT WORD
_ambit_fill() {
  local what=${2%+} choices
  case $what in
    choices:*)
      choices=${what#choices:}
      mapfile -t COMPREPLY < <(compgen -W "${choices//,/ }" -- "$3")
      ;;
    runs) mapfile -t COMPREPLY < <(compgen -W "$(_ambit_runs "$1" -a)" -- "$3") ;;
    live-runs) mapfile -t COMPREPLY < <(compgen -W "$(_ambit_runs "$1")" -- "$3") ;;
    variables) mapfile -t COMPREPLY < <(compgen -e -- "$3") ;;
    paths)
      mapfile -t COMPREPLY < <(compgen -f -- "$3")
      compopt -o filenames 2>/dev/null
      ;;
    directories)
      mapfile -t COMPREPLY < <(compgen -d -- "$3")
      compopt -o filenames 2>/dev/null
      ;;
    command) mapfile -t COMPREPLY < <(compgen -W '--' -- "$3") ;;
  esac
}

# _ambit_inner PROGRAM WORD FIRST: as if the words from FIRST on were the whole command.
_ambit_inner() {
  if declare -F _comp_command_offset >/dev/null; then
    _comp_command_offset "$3"
  elif declare -F _command_offset >/dev/null; then
    _command_offset "$3"
  elif [[ $COMP_CWORD -eq $3 ]]; then
    mapfile -t COMPREPLY < <(compgen -c -- "$2")
  else
    _ambit_fill "$1" paths "$2"
  fi
}

_ambit() {
  local program=$1 word=$2 command=ambit value='' this
  local -i i given=0 dashes=0
  local -a arguments
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    this=${COMP_WORDS[i]}
    if [[ $this == '=' ]]; then # of --flag=value, which bash takes for three words
      continue
    elif [[ -n $value ]]; then
      value=''
    elif [[ $this == -- ]]; then
      dashes=i
      break
    elif [[ $this == -* ]]; then
      value=$(_ambit_value "$command $this")
    elif [[ " $(_ambit_commands "$command") " == *" $this "* ]]; then
      command+=" $this"
    else
      given+=1
    fi
  done
  if [[ $word == '=' ]]; then word=''; fi
  read -ra arguments <<<"$(_ambit_arguments "$command")"
  if ((dashes)); then
    case ${arguments[*]} in
      '') ;;
      *command*) _ambit_inner "$program" "$word" "$((dashes + 1))" ;;
      *) _ambit_fill "$program" "${arguments[-1]}" "$word" ;;
    esac
  elif [[ -n $value ]]; then
    _ambit_fill "$program" "$value" "$word"
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_ambit_flags "$command") --" -- "$word")
  elif [[ -n $(_ambit_commands "$command") ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_ambit_commands "$command")" -- "$word")
  elif ((given < ${#arguments[@]})); then
    _ambit_fill "$program" "${arguments[given]}" "$word"
  elif [[ ${arguments[*]} == *+ ]]; then
    _ambit_fill "$program" "${arguments[-1]}" "$word"
  fi
}

complete -F _ambit ambit
)bash";

}  // namespace

std::string BashCompletion(const Command& ambit) {
  return fmt::format("{}{}{}{}{}{}", kHead, Commands(ambit), Flags(ambit), Values(ambit),
                     Arguments(ambit), kMachine);
}

}  // namespace ambit::cli
