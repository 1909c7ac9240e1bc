#include "cli/cli.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "supervise/version.h"

namespace ambit::cli {

int Complain(std::string_view what, std::string_view remedy) {
  // Names of others are in it: nothing of them may steer the terminal.
  const std::string text = "ambit: " + WithoutControls(what) + "\n" +
                           (remedy.empty() ? "" : "ambit: " + WithoutControls(remedy) + "\n");
  std::fputs(text.c_str(), stderr);
  return kAmbitFailed;
}

int Report(const Status& status) {
  return status ? 0 : Complain(status.error().what, status.error().remedy);
}

Status ToStdout(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return FailErrno(errno, "write to stdout");
  }
  return {};
}

namespace {

/// The parser says what is missing before it says what it did not understand, which is what a
/// person has to correct first.
std::string WhatIsWrong(const CLI::App& app, const CLI::ParseError& error) {
  for (const std::string& word : app.remaining(/*recurse=*/true)) {
    if (word == "--") continue;
    if (word.starts_with('-')) return fmt::format("unknown flag '{}'", Printable(word));
    if (app.get_subcommands().empty()) {
      return fmt::format("'{}' is no command of ambit", Printable(word));
    }
    break;  // one argument too many
  }
  return error.what();
}

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app("A sandbox for AI coding agents: full autonomy inside hard limits.", "ambit");
  app.set_version_flag("--version", std::string(supervise::kVersion));
  app.require_subcommand(1);
  Action action;
  AddRun(app, action);
  AddDiff(app, action);
  AddApply(app, action);
  AddUndo(app, action);
  AddBranch(app, action);
  AddDoctor(app, action);
  AddPs(app, action);
  AddInspect(app, action);
  AddDiscard(app, action);
  AddRm(app, action);
  AddPrune(app, action);
  AddPlan(app, action);
  AddPolicy(app, action);
  AddPreset(app, action);
  AddTrust(app, action);
  AddImport(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);
  } catch (const CLI::ParseError& error) {
    const std::vector<CLI::App*> chosen = app.get_subcommands();
    const std::string command = chosen.empty() ? "" : chosen.front()->get_name() + " ";
    return Complain(WhatIsWrong(app, error),
                    fmt::format("see 'ambit {}--help'{}", command,
                                command == "run " ? "; what is to run comes after --" : ""));
  }
  return action();
}

}  // namespace ambit::cli
