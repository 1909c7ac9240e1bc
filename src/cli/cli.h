#pragma once
// The command line: one file per subcommand. Parsing only fills a value; nothing is done before
// all of it was understood, so --help and a wrong flag have no effect.
#include <functional>
#include <string_view>

#include "base/error.h"

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
void AddShell(CLI::App& app, Action& action);
void AddDiff(CLI::App& app, Action& action);
void AddApply(CLI::App& app, Action& action);
void AddUndo(CLI::App& app, Action& action);
void AddBranch(CLI::App& app, Action& action);
void AddAudit(CLI::App& app, Action& action);
void AddWhy(CLI::App& app, Action& action);
void AddDoctor(CLI::App& app, Action& action);
void AddApprove(CLI::App& app, Action& action);
void AddDeny(CLI::App& app, Action& action);
void AddPublish(CLI::App& app, Action& action);
void AddPs(CLI::App& app, Action& action);
void AddTop(CLI::App& app, Action& action);
void AddStats(CLI::App& app, Action& action);
void AddInspect(CLI::App& app, Action& action);
void AddDiscard(CLI::App& app, Action& action);
void AddRm(CLI::App& app, Action& action);
void AddPrune(CLI::App& app, Action& action);
void AddKeep(CLI::App& app, Action& action);
void AddPlan(CLI::App& app, Action& action);
void AddPolicy(CLI::App& app, Action& action);
void AddPreset(CLI::App& app, Action& action);
void AddTrust(CLI::App& app, Action& action);
void AddImport(CLI::App& app, Action& action);
void AddCompletion(CLI::App& app, Action& action);

/// The whole command line: what Main parses, and what man pages and completions are made of.
void AddAll(CLI::App& app, Action& action);

/// What "[RUN]" says in every subcommand's help.
inline constexpr const char* kRunHelp = "The run; the newest one of this project when left out";

/// Prints "ambit: WHAT" and, when there is one, the way out to stderr. Returns kAmbitFailed.
int Complain(std::string_view what, std::string_view remedy);

/// Complains of an error; returns the exit code for `status`.
int Report(const Status& status);

Status ToStdout(std::string_view text);

}  // namespace ambit::cli
