#pragma once
// How the command line is declared: its commands, what each takes, and what it does. The parser is
// a library that is all header; only who includes it pays for that: command_line.cc, and those that
// look at what was declared (command_tree.cc, usage_errors.cc).
//
// Who calls: cli.cc, and the file of every command. NewCommand and NewParameter are handles, to be
// copied, which hold as long as the CommandLine. What a parameter fills must live until Execute is
// done: it stays as it was when nothing was given. Errors: a declaration that cannot be (a name
// twice, a flag that is not there) is a bug and throws.
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ambit::cli {

/// What a command does; returns the exit code. Its error is told.
using Work = std::function<Result<int>()>;

/// A flag or an argument.
class NewParameter {
 public:
  explicit NewParameter(CLI::Option& option) : option_(&option) {}

  /// What its value is called in the help: "PATH".
  NewParameter& Takes(std::string_view name);
  NewParameter& Required();
  NewParameter& OneOf(std::vector<std::string> choices);
  NewParameter& UpTo(std::uint64_t most);
  /// A number of bytes, also as "10KB" or "2 MiB": of whichever spelling, a unit is a power of
  /// 1024.
  NewParameter& InBytes();
  /// The help tells what it is when it is not given.
  NewParameter& TellsDefault();
  /// Flags of the same command that were declared before; none of them can be given with it.
  NewParameter& NotWith(std::initializer_list<const char*> flags);

 private:
  CLI::Option* option_;
};

class NewCommand {
 public:
  NewCommand(CLI::App& app, Work& chosen) : app_(&app), chosen_(&chosen) {}

  /// A command below this one, which then does nothing by itself: one of those must be named.
  NewCommand AddCommand(std::string_view name, std::string_view about);

  /// A word without a dash, or all that are left.
  NewParameter AddArgument(std::string_view name, std::string& word, std::string_view about);
  NewParameter AddArgument(std::string_view name, std::vector<std::string>& words,
                           std::string_view about);

  /// `names`: "-q,--quiet".
  NewParameter AddFlag(std::string_view names, bool& given, std::string_view about);
  NewParameter AddFlag(std::string_view names, std::function<void()> when_given,
                       std::string_view about);
  NewParameter AddFlag(std::string_view names, std::string& value, std::string_view about);
  NewParameter AddFlag(std::string_view names, std::optional<std::uint64_t>& number,
                       std::string_view about);
  /// May be repeated, with one value each time.
  NewParameter AddFlag(std::string_view names, std::vector<std::string>& values,
                       std::string_view about);

  /// Of the flags that are added to what this returns one can be given.
  NewCommand AddAlternatives(std::string_view name);

  /// What its help ends with.
  void EndHelpWith(std::string_view text);

  void Does(Work work);
  void Does(std::function<Status()> work);

 private:
  CLI::App* app_;
  Work* chosen_;
};

class CommandLine {
 public:
  CommandLine(std::string_view name, std::string_view about, std::string_view version);
  ~CommandLine();
  CommandLine(CommandLine&&) noexcept;
  CommandLine& operator=(CommandLine&&) = delete;
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// What everything is declared in.
  NewCommand top();
  const CLI::App& parser() const;

  /// Does what `words` say, when all of them were understood; prints the help that they ask for, or
  /// what is wrong with them. Returns the exit code.
  int Execute(std::vector<std::string> words);

 private:
  struct Declared;
  std::unique_ptr<Declared> declared_;
};

}  // namespace ambit::cli
