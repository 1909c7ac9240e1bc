#pragma once
// The command line: one file per subcommand. Parsing only fills a value; nothing is done before
// all of it was understood, so --help and a wrong flag have no effect.
#include <functional>
#include <string_view>

namespace CLI {
class App;
}

namespace ambit::cli {

/// ambit itself failed: bad usage, a missing primitive, a crash (decisions: "Outcome and errors").
inline constexpr int kAmbitFailed = 125;

/// Parses and executes; returns the exit code of the process.
int Main(int argc, char** argv);

/// What the chosen subcommand does; returns the exit code.
using Action = std::function<int()>;
void AddRun(CLI::App& app, Action& action);
void AddDiff(CLI::App& app, Action& action);
void AddDoctor(CLI::App& app, Action& action);

/// Prints "ambit: WHAT" and, when there is one, the way out to stderr. Returns kAmbitFailed.
int Complain(std::string_view what, std::string_view remedy);

}  // namespace ambit::cli
