#include "cli/command_line.h"

#include <algorithm>
#include <utility>

#include <CLI/CLI.hpp>

#include "cli/cli.h"
#include "cli/usage_errors.h"

namespace ambit::cli {
namespace {

template <class Filled>
CLI::Option& AddOption(CLI::App& app, std::string_view names, Filled& filled,
                       std::string_view about) {
  return *app.add_option(std::string(names), filled, std::string(about));
}

}  // namespace

NewParameter& NewParameter::Takes(std::string_view name) {
  option_->type_name(std::string(name));
  return *this;
}

NewParameter& NewParameter::Required() {
  option_->required();
  return *this;
}

NewParameter& NewParameter::OneOf(std::vector<std::string> choices) {
  option_->check(CLI::IsMember(std::move(choices)));
  return *this;
}

NewParameter& NewParameter::UpTo(std::uint64_t most) {
  option_->check(CLI::Range(std::uint64_t{0}, most));
  return *this;
}

NewParameter& NewParameter::InBytes() {
  option_->transform(CLI::AsSizeValue(/*kb_is_1000=*/false));
  return *this;
}

NewParameter& NewParameter::TellsDefault() {
  option_->capture_default_str();
  return *this;
}

NewParameter& NewParameter::NotWith(std::initializer_list<const char*> flags) {
  for (const char* flag : flags) option_->excludes(std::string(flag));
  return *this;
}

NewCommand NewCommand::AddCommand(std::string_view name, std::string_view about) {
  app_->require_subcommand(1);
  return {*app_->add_subcommand(std::string(name), std::string(about)), *chosen_};
}

NewParameter NewCommand::AddArgument(std::string_view name, std::string& word,
                                     std::string_view about) {
  return NewParameter(AddOption(*app_, name, word, about));
}

NewParameter NewCommand::AddArgument(std::string_view name, std::vector<std::string>& words,
                                     std::string_view about) {
  return NewParameter(AddOption(*app_, name, words, about));
}

NewParameter NewCommand::AddFlag(std::string_view names, bool& given, std::string_view about) {
  return NewParameter(*app_->add_flag(std::string(names), given, std::string(about)));
}

NewParameter NewCommand::AddFlag(std::string_view names, std::function<void()> when_given,
                                 std::string_view about) {
  return NewParameter(
      *app_->add_flag_callback(std::string(names), std::move(when_given), std::string(about)));
}

NewParameter NewCommand::AddFlag(std::string_view names, std::string& value,
                                 std::string_view about) {
  return NewParameter(AddOption(*app_, names, value, about));
}

NewParameter NewCommand::AddFlag(std::string_view names, std::optional<std::uint64_t>& number,
                                 std::string_view about) {
  return NewParameter(AddOption(*app_, names, number, about));
}

NewParameter NewCommand::AddFlag(std::string_view names, std::vector<std::string>& values,
                                 std::string_view about) {
  CLI::Option& flag = AddOption(*app_, names, values, about);
  flag.allow_extra_args(false);  // it would swallow the "--" behind it
  return NewParameter(flag);
}

NewCommand NewCommand::AddAlternatives(std::string_view name) {
  CLI::App* group = app_->add_option_group(std::string(name));
  group->require_option(0, 1);
  return {*group, *chosen_};
}

void NewCommand::EndHelpWith(std::string_view text) { app_->footer(std::string(text)); }

void NewCommand::Does(Work work) {
  app_->final_callback([chosen = chosen_, work = std::move(work)] { *chosen = work; });
}

void NewCommand::Does(std::function<Status()> work) {
  Does([work = std::move(work)]() -> Result<int> {
    AMBIT_CHECK(work());
    return 0;
  });
}

struct CommandLine::Declared {
  CLI::App app;
  Work chosen;
};

CommandLine::CommandLine(std::string_view name, std::string_view about, std::string_view version)
    : declared_(std::make_unique<Declared>()) {
  CLI::App& app = declared_->app;
  app.name(std::string(name));
  app.description(std::string(about));
  app.set_version_flag("--version", std::string(version));
}

CommandLine::~CommandLine() = default;
CommandLine::CommandLine(CommandLine&&) noexcept = default;

NewCommand CommandLine::top() { return {declared_->app, declared_->chosen}; }
const CLI::App& CommandLine::parser() const { return declared_->app; }

int CommandLine::Execute(std::vector<std::string> words) {
  CLI::App& app = declared_->app;
  std::ranges::reverse(words);  // as the parser takes them
  try {
    app.parse(std::move(words));
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);
  } catch (const CLI::ParseError& error) {
    return Complain(WhatIsWrong(app, error), WayOn(app));
  }
  const Result<int> done = declared_->chosen();
  return done ? *done : Complain(done.error().what, done.error().remedy);
}

}  // namespace ambit::cli
