#pragma once
// The manual: ambit(1), a page for each subcommand, and ambit.toml(5), made from the command tree
// and the option table in the macros of man(7). Who calls: tools/man while ambit is built, so no
// run pays for it. No errors.
#include <string>
#include <string_view>
#include <vector>

#include "cli/command_tree.h"

namespace ambit::cli {

struct ManPage {
  std::string file;  // below a directory that man(1) searches: "man1/ambit-run.1"
  std::string text;
};

/// `date` as it stands below each page: 2026-01-31.
std::vector<ManPage> ManPages(const Command& ambit, std::string_view date);

}  // namespace ambit::cli
