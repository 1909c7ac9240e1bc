#include "cli/command_tree.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "cli/cli.h"
#include "policy/presets.h"

namespace ambit::cli {
namespace {

using policy::Shape;

/// "PATH", and the words of "{ro,cow,rw}" behind it: how the parser tells a type and its check.
std::pair<std::string, std::vector<std::string>> TypeOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t colon = type.find(':');
  if (colon == std::string::npos) return {type, {}};
  std::string_view check = std::string_view(type).substr(colon + 1);
  std::vector<std::string> choices;
  if (check.starts_with('{') && check.ends_with('}')) {
    choices = CLI::detail::split(std::string(check.substr(1, check.size() - 2)), ',');
  }
  return {type.substr(0, colon), std::move(choices)};
}

std::vector<std::string> NamesOfPresets() {
  std::vector<std::string> names;
  for (const policy::Preset& preset : policy::Presets()) names.emplace_back(preset.name);
  return names;
}

Fill FillFor(Shape shape) {
  switch (shape) {
    case Shape::kChoice:
    case Shape::kPresets:
    case Shape::kLimits:
      return Fill::kChoices;
    case Shape::kPaths:
    case Shape::kPatterns:
    case Shape::kFiles:
      return Fill::kPaths;
    case Shape::kNames:
    case Shape::kVariables:
      return Fill::kVariables;
    case Shape::kYesNo:
    case Shape::kPorts:
    case Shape::kTargets:
    case Shape::kPrivate:
    case Shape::kPublished:
    case Shape::kDuration:
    case Shape::kBytes:
    case Shape::kCount:
    case Shape::kDecimal:
      return Fill::kNothing;
  }
  return Fill::kNothing;
}

Fill FillFor(std::string_view name) {
  if (name == "DIR") return Fill::kDirectories;
  if (name == "PATH" || name == "FILE") return Fill::kPaths;
  if (name == "RUN") return Fill::kRuns;
  if (name == "COMMAND") return Fill::kCommand;
  return Fill::kNothing;
}

Value ChoiceAmong(std::vector<std::string> choices, std::string name = {}) {
  if (name.empty()) name = fmt::format("{}", fmt::join(choices, "|"));
  return {.name = std::move(name), .fill = Fill::kChoices, .choices = std::move(choices)};
}

/// The key that says the same as this flag; another subcommand may have one of the same name.
const policy::Option* OptionOf(const CLI::Option& parsed, const std::vector<std::string>& names) {
  const auto options = policy::Options();
  const auto found = std::ranges::find_if(options, [&](const policy::Option& option) {
    return option.doc == parsed.get_description() &&
           std::ranges::find(names, option.flag) != names.end();
  });
  return found != options.end() ? &*found : nullptr;
}

Value ValueOf(const CLI::Option& parsed, const policy::Option* option) {
  auto [name, choices] = TypeOf(parsed);
  if (option != nullptr && option->shape == Shape::kPresets) {
    return ChoiceAmong(NamesOfPresets(), std::string(option->value_name));
  }
  if (option != nullptr && choices.empty()) {
    choices.assign(option->choices.begin(), option->choices.end());
  }
  if (!choices.empty()) return ChoiceAmong(std::move(choices));
  if (option != nullptr) {
    return {.name = std::string(option->value_name), .fill = FillFor(option->shape), .choices = {}};
  }
  const Fill fill = FillFor(name);
  return {.name = std::move(name), .fill = fill, .choices = {}};
}

Flag FlagOf(const CLI::Option& parsed) {
  Flag flag;
  for (const std::string& name : parsed.get_snames()) flag.names.push_back("-" + name);
  for (const std::string& name : parsed.get_lnames()) flag.names.push_back("--" + name);
  flag.option = OptionOf(parsed, flag.names);
  flag.takes_value = parsed.get_items_expected_max() > 0;
  if (flag.takes_value) flag.value = ValueOf(parsed, flag.option);
  flag.doc = parsed.get_description();
  flag.by_default = parsed.get_default_str();
  return flag;
}

/// Those that speak to a run while it goes on.
bool IsForLiveRuns(const CLI::App& app) {
  constexpr std::array<std::string_view, 3> kCommands = {"approve", "deny", "publish"};
  return std::ranges::find(kCommands, app.get_name()) != kCommands.end();
}

Argument ArgumentOf(const CLI::App& app, const CLI::Option& parsed) {
  std::string name = parsed.get_single_name();
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::vector<std::string> choices = TypeOf(parsed).second;
  if (choices.empty() && name == "PRESET") choices = NamesOfPresets();
  Fill fill = choices.empty() ? FillFor(name) : Fill::kChoices;
  if (fill == Fill::kRuns && IsForLiveRuns(app)) fill = Fill::kLiveRuns;
  return {.value = {.name = std::move(name), .fill = fill, .choices = std::move(choices)},
          .doc = parsed.get_description(),
          .required = parsed.get_required(),
          .many = parsed.get_items_expected_max() > 1};
}

void AddOptions(const CLI::App& app, Command& command) {
  const bool is_group = app.get_name().empty();
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;               // hidden
    if (is_group && option == app.get_help_ptr()) continue;  // the command has its own
    if (option->nonpositional()) {
      command.flags.push_back(FlagOf(*option));
    } else {
      command.arguments.push_back(ArgumentOf(app, *option));
    }
  }
}

Command TreeBelow(const CLI::App& app, std::vector<std::string> path) {
  Command command{.path = std::move(path),
                  .about = app.get_description(),
                  .flags = {},
                  .arguments = {},
                  .commands = {}};
  AddOptions(app, command);
  const auto any = [](const CLI::App*) { return true; };
  for (const CLI::App* part : app.get_subcommands(any)) {
    if (part->get_name().empty()) {  // a group of options
      AddOptions(*part, command);
    } else if (!part->get_group().empty()) {
      std::vector<std::string> below = command.path;
      below.push_back(part->get_name());
      command.commands.push_back(TreeBelow(*part, std::move(below)));
    }
  }
  return command;
}

}  // namespace

Command TreeOf(const CLI::App& app) { return TreeBelow(app, {app.get_name()}); }

Command AmbitTree() { return TreeOf(WholeCommandLine().parser()); }

std::string NameOf(const Command& command) {
  return fmt::format("{}", fmt::join(command.path, " "));
}

bool TakesCommand(const Command& command) {
  return !command.arguments.empty() && command.arguments.back().value.fill == Fill::kCommand;
}

std::vector<const Command*> All(const Command& command) {
  std::vector<const Command*> all = {&command};
  for (const Command& part : command.commands) {
    for (const Command* one : All(part)) all.push_back(one);
  }
  return all;
}

}  // namespace ambit::cli
