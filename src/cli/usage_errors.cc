#include "cli/usage_errors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "policy/presets.h"

namespace ambit::cli {
namespace {

/// The command itself and those chosen in it, the last one at the end. A group of options is none.
std::vector<const CLI::App*> Chosen(const CLI::App& app) {
  std::vector<const CLI::App*> chosen = {&app};
  for (;;) {
    const std::vector<CLI::App*> next = chosen.back()->get_subcommands();
    const auto named =
        std::ranges::find_if(next, [](const CLI::App* one) { return !one->get_name().empty(); });
    if (named == next.end()) return chosen;
    chosen.push_back(*named);
  }
}

/// "ambit policy show".
std::string NameOf(const std::vector<const CLI::App*>& chosen) {
  std::vector<std::string> names = {"ambit"};
  for (std::size_t i = 1; i < chosen.size(); ++i) names.push_back(chosen[i]->get_name());
  return fmt::format("{}", fmt::join(names, " "));
}

/// The flag of the chosen commands that may have been meant; empty when none is near.
std::string NearestFlag(const CLI::App& app, const std::string& word) {
  std::vector<std::string> flags;
  for (const CLI::App* chosen : Chosen(app)) {
    for (const CLI::Option* option : chosen->get_options()) {
      for (const std::string& name : option->get_lnames()) flags.push_back(name);
    }
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

std::vector<const CLI::App*> CommandsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* one) { return !one->get_name().empty(); });
}

/// What `ambit NAME` takes: an agent's name is a short form of a run.
std::vector<std::string> KnownWords(const std::vector<const CLI::App*>& chosen) {
  std::vector<std::string> known;
  for (const CLI::App* command : CommandsOf(*chosen.back())) known.push_back(command->get_name());
  if (chosen.size() > 1) return known;
  for (const policy::Preset& preset : policy::Presets()) {
    if (!policy::IsOfAgent(preset)) continue;
    std::ranges::copy(policy::ReadPreset(preset).commands, std::back_inserter(known));
  }
  return known;
}

std::string NoCommand(const std::vector<const CLI::App*>& chosen, const std::string& word) {
  const std::vector<std::string> known = KnownWords(chosen);
  const std::vector<std::string_view> names(known.begin(), known.end());
  const std::string_view meant = policy::Nearest(word, names);
  const std::string name = NameOf(chosen);
  return fmt::format("'{}' is no command of {}{}", Printable(word), name,
                     meant.empty() ? "" : fmt::format("; did you mean '{} {}'?", name, meant));
}

/// "shell: tcsh not in {bash,zsh,fish}" is how the parser says it.
std::string NoChoice(const std::string& told) {
  constexpr std::string_view kNotIn = " not in {";
  const std::size_t colon = told.find(": ");
  const std::size_t at = told.rfind(kNotIn);
  if (colon == std::string::npos || at == std::string::npos || at < colon || !told.ends_with('}')) {
    return Printable(told);
  }
  const std::string name = told.substr(0, colon);
  const std::string given = told.substr(colon + 2, at - colon - 2);
  const std::size_t first = at + kNotIn.size();
  const std::vector<std::string> choices =
      CLI::detail::split(told.substr(first, told.size() - first - 1), ',');
  const std::vector<std::string_view> names(choices.begin(), choices.end());
  const std::string_view meant = policy::Nearest(given, names);
  return fmt::format("{} '{}': not one of {}{}", name, Printable(given), fmt::join(choices, ", "),
                     meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant));
}

/// The flags of a group of which only one can hold.
std::string NotTogether(const CLI::App& command) {
  for (const CLI::App* group : command.get_subcommands([](const CLI::App*) { return true; })) {
    if (!group->get_name().empty()) continue;
    std::vector<std::string> given;
    for (const CLI::Option* option : group->get_options()) {
      if (option->count() > 0) given.push_back(option->get_name());
    }
    if (given.size() > 1) return fmt::format("only one of {} can be given", fmt::join(given, ", "));
  }
  return {};
}

}  // namespace

/// The parser says what is missing before it says what it did not understand, which is what a
/// person has to correct first. A flag it does not know makes words after it look superfluous.
std::string WhatIsWrong(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> words = app.remaining(/*recurse=*/true);
  const std::vector<const CLI::App*> chosen = Chosen(app);
  if (const std::string* flag = FlagIn(words)) {
    const std::string meant = NearestFlag(app, *flag);
    return fmt::format("unknown flag '{}'{}", Printable(*flag),
                       meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant));
  }
  const bool any_word = !words.empty() && words.front() != "--";
  if (any_word && !CommandsOf(*chosen.back()).empty()) return NoCommand(chosen, words.front());
  if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr) return NoChoice(error.what());
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    if (std::string together = NotTogether(*chosen.back()); !together.empty()) return together;
  }
  return error.what();
}

/// A flag of a run in the place of a command is put where it belongs.
std::string WayOn(const CLI::App& app) {
  const std::vector<const CLI::App*> chosen = Chosen(app);
  const std::vector<std::string> words = app.remaining(/*recurse=*/true);
  const std::string* flag = FlagIn(words);
  const auto is_run = [](const CLI::App* one) { return one->get_name() == "run"; };
  if (chosen.size() == 1 && flag != nullptr) {
    const std::string name = flag->substr(0, flag->find('='));
    for (const CLI::App* run : app.get_subcommands(is_run)) {
      if (run->get_option_no_throw(name) == nullptr) continue;
      return fmt::format("flags of a run come behind 'run': ambit run {} ... -- COMMAND", name);
    }
  }
  const std::string name = NameOf(chosen);
  return fmt::format("see '{} --help'{}", name,
                     name == "ambit run" ? "; what is to run comes after --" : "");
}

}  // namespace ambit::cli
