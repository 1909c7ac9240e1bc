#pragma once
// The command line as plain values: every subcommand, flag and argument that the parser knows, with
// what a shell may fill in. Man pages and completions are made of it, so neither can leave out what
// the parser takes. Who calls: man_pages, completion. No errors: it is what the program was built
// with.
#include <cstdint>
#include <string>
#include <vector>

#include "policy/options.h"

namespace CLI {
class App;
}

namespace ambit::cli {

/// Where the words for a value come from.
enum class Fill : std::uint8_t {
  kNothing,  // only a person knows
  kChoices,
  kPaths,
  kDirectories,
  kVariables,  // names of the shell's environment
  kRuns,       // ids, as `ambit ps -a` lists them
  kLiveRuns,   // of runs that go on, as `ambit ps` lists them
  kCommand,    // a command line of its own, after "--"
};

struct Value {
  std::string name;  // "PATH"; of choices "ro|cow|rw"
  Fill fill = Fill::kNothing;
  std::vector<std::string> choices;
};

struct Flag {
  std::vector<std::string> names;  // "-q", "--quiet"
  bool takes_value = false;
  Value value;
  std::string doc;  // one sentence without its period
  std::string by_default;
  const policy::Option* option = nullptr;  // the key that says the same in a file
};

struct Argument {
  Value value;  // its name in capitals
  std::string doc;
  bool required = false;
  bool many = false;
};

struct Command {
  std::vector<std::string> path;  // "ambit", "policy", "show"
  std::string about;
  std::vector<Flag> flags;
  std::vector<Argument> arguments;
  std::vector<Command> commands;
};

/// Of everything in `app` that is shown in its help.
Command TreeOf(const CLI::App& app);

/// The whole command line of ambit.
Command AmbitTree();

/// "ambit policy show".
std::string NameOf(const Command& command);

/// Whether a command line of its own follows, after "--".
bool TakesCommand(const Command& command);

/// `command` and everything below it, each before what it contains.
std::vector<const Command*> All(const Command& command);

}  // namespace ambit::cli
