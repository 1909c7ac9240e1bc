#include "cli/cli.h"

#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "supervise/version.h"

namespace ambit::cli {

int Complain(std::string_view what, std::string_view remedy) {
  const std::string text = "ambit: " + std::string(what) + "\n" +
                           (remedy.empty() ? "" : "ambit: " + std::string(remedy) + "\n");
  std::fputs(text.c_str(), stderr);
  return kAmbitFailed;
}

int Main(int argc, char** argv) {
  CLI::App app("A sandbox for AI coding agents: full autonomy inside hard limits.", "ambit");
  app.set_version_flag("--version", std::string(supervise::kVersion));
  app.require_subcommand(1);
  Action action;
  AddRun(app, action);
  AddDiff(app, action);
  AddDoctor(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);
  } catch (const CLI::ParseError& error) {
    const std::string command = argc > 1 && app.get_subcommand_no_throw(argv[1]) != nullptr
                                    ? std::string(argv[1]) + " "
                                    : "";
    return Complain(error.what(),
                    "see 'ambit " + command + "--help'; what is to run comes after --");
  }
  return action();
}

}  // namespace ambit::cli
