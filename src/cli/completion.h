#pragma once
// Scripts that make a shell complete ambit's command line: subcommands, flags, choices, names of
// presets, ids of runs, paths, and after "--" whatever that command completes. Made from the
// command tree; ids are asked of `ambit ps -a` when they are wanted. Who calls: `ambit completion`.
// Everything in the tree is ambit's own text: nothing here comes from outside.
#include <string>
#include <string_view>

#include "cli/command_tree.h"

namespace ambit::cli {

std::string BashCompletion(const Command& ambit);
std::string ZshCompletion(const Command& ambit);
std::string FishCompletion(const Command& ambit);

/// One word of any of the three shells. `text` has no backslash, which fish would take otherwise.
std::string Quoted(std::string_view text);

}  // namespace ambit::cli
