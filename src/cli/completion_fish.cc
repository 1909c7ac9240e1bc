#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "cli/completion.h"

namespace ambit::cli {
namespace {

/// fish knows \' and \\ in single quotes, which '\'' does not need.
std::string Condition(const Command& command, std::string_view function) {
  return fmt::format("complete -c ambit -n '{} {}'", function, NameOf(command));
}

/// What follows `complete ... -r` or stands for an argument; empty: nothing is known.
std::string WordsFor(const Value& value) {
  switch (value.fill) {
    case Fill::kNothing:
      return {};
    case Fill::kChoices:
      return fmt::format(" -a '{}'", fmt::join(value.choices, " "));
    case Fill::kPaths:
      return " -F";
    case Fill::kDirectories:
      return " -a '(__fish_complete_directories)'";
    case Fill::kVariables:
      return " -a '(set --names --export)'";
    case Fill::kRuns:
      return " -k -a '(__ambit_runs -a)'";
    case Fill::kLiveRuns:
      return " -k -a '(__ambit_runs)'";
    case Fill::kCommand:
      return " -a -- -d 'The command follows'";
  }
  return {};
}

std::string FlagLine(const Command& command, const Flag& flag) {
  std::string line = Condition(command, "__ambit_at");
  for (const std::string& name : flag.names) {
    const bool is_long = name.starts_with("--");
    line += fmt::format(" {} {}", is_long ? "-l" : "-s", name.substr(is_long ? 2 : 1));
  }
  if (flag.takes_value)
    line += (flag.value.fill == Fill::kPaths ? " -r" : " -x") + WordsFor(flag.value);
  return fmt::format("{} -d {}\n", line, Quoted(flag.doc));
}

std::string LinesFor(const Command& command) {
  std::string lines;
  for (const Command& part : command.commands) {
    lines += fmt::format("{} -a {} -d {}\n", Condition(command, "__ambit_at"), part.path.back(),
                         Quoted(part.about));
  }
  for (const Flag& flag : command.flags) lines += FlagLine(command, flag);
  for (const Argument& argument : command.arguments) {
    const std::string words = WordsFor(argument.value);
    if (!words.empty()) lines += Condition(command, "__ambit_at") + words + "\n";
  }
  if (TakesCommand(command)) {
    lines += Condition(command, "__ambit_past") + " -a '(__ambit_inner)'\n";
  } else if (!command.arguments.empty()) {
    const std::string words = WordsFor(command.arguments.back().value);
    if (!words.empty()) lines += Condition(command, "__ambit_past") + words + "\n";
  }
  return lines;
}

constexpr std::string_view kHead =
    R"fish(# Completion of ambit for fish, made by 'ambit completion fish'.
)fish";

constexpr std::string_view kMachine = R"fish(
# The words of the command so far: "ambit policy show".
function __ambit_command
    set -l command ambit
    for word in (commandline -opc)[2..-1]
        test "$word" = --; and break
        contains -- "$command $word" $__ambit_commands; and set command "$command $word"
    end
    echo $command
end

# Whether that is the command, before or past a "--".
function __ambit_at
    not contains -- -- (commandline -opc); and test (__ambit_command) = "$argv"
end

function __ambit_past
    contains -- -- (commandline -opc); and test (__ambit_command) = "$argv"
end

# Those that go on, or with -a all, newest first.
function __ambit_runs
    ambit ps $argv 2>/dev/null | string match -r --groups-only '^(r-[0-9a-z]+)'
end

# What fish would say if the words past "--" were the whole command line.
function __ambit_inner
    set -l words (commandline -opc)
    set -l dashes (contains -i -- -- $words)
    set -e words[1..$dashes]
    complete -C (string join ' ' -- (string escape -- $words) (commandline -ct))
end

complete -c ambit -f
)fish";

}  // namespace

std::string FishCompletion(const Command& ambit) {
  std::string script(kHead);
  std::vector<std::string> names;
  for (const Command* command : All(ambit)) names.push_back(Quoted(NameOf(*command)));
  script += fmt::format("set -g __ambit_commands {}\n{}", fmt::join(names, " "), kMachine);
  for (const Command* command : All(ambit)) script += LinesFor(*command);
  return script;
}

}  // namespace ambit::cli
