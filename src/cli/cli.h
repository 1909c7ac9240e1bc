#pragma once
// The command line: one file per subcommand. Parsing only fills a value; nothing is done before
// all of it was understood, so --help and a wrong flag have no effect.
#include <string_view>

#include "base/error.h"
#include "cli/command_line.h"

namespace ambit::cli {

/// ambit itself failed: bad usage, a missing primitive, a crash (decisions: "Outcome and errors").
inline constexpr int kAmbitFailed = 125;

/// Parses and executes; returns the exit code of the process.
int Main(int argc, char** argv);

void AddRun(NewCommand ambit);
void AddShell(NewCommand ambit);
void AddDiff(NewCommand ambit);
void AddApply(NewCommand ambit);
void AddUndo(NewCommand ambit);
void AddBranch(NewCommand ambit);
void AddAudit(NewCommand ambit);
void AddWhy(NewCommand ambit);
void AddDoctor(NewCommand ambit);
void AddApprove(NewCommand ambit);
void AddDeny(NewCommand ambit);
void AddPublish(NewCommand ambit);
void AddPs(NewCommand ambit);
void AddTop(NewCommand ambit);
void AddStats(NewCommand ambit);
void AddInspect(NewCommand ambit);
void AddDiscard(NewCommand ambit);
void AddRm(NewCommand ambit);
void AddPrune(NewCommand ambit);
void AddKeep(NewCommand ambit);
void AddPlan(NewCommand ambit);
void AddPolicy(NewCommand ambit);
void AddPreset(NewCommand ambit);
void AddTrust(NewCommand ambit);
void AddImport(NewCommand ambit);
void AddCompletion(NewCommand ambit);

/// All of it: what man pages and completions are made of.
CommandLine WholeCommandLine();

/// What "[RUN]" says in every subcommand's help.
inline constexpr const char* kRunHelp = "The run; the newest one of this project when left out";

/// Prints "ambit: WHAT" and, when there is one, the way out to stderr. Returns kAmbitFailed.
int Complain(std::string_view what, std::string_view remedy);

/// Complains of an error; returns the exit code for `status`.
int Report(const Status& status);

Status ToStdout(std::string_view text);

}  // namespace ambit::cli
