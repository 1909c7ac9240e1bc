#pragma once
// What is wrong with a command line, in words of ours, and where to read on. Who calls: Main, with
// what the parser refused. Pure.
#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace ambit::cli {

/// "unknown flag '--projct'; did you mean '--project'?"
std::string WhatIsWrong(const CLI::App& app, const CLI::ParseError& error);

/// "see 'ambit policy show --help'", or where a flag of a run belongs.
std::string WayOn(const CLI::App& app);

}  // namespace ambit::cli
