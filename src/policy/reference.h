#pragma once
// The generated part of docs/policy.md: every key of the option table, in Markdown, one table per
// section. Who calls: the test that holds the page to it. Also the words for shapes and directions
// that other pages made from the table use. No errors: constant texts.
#include <string>
#include <string_view>

#include "policy/options.h"

namespace ambit::policy {

std::string ReferencePage();

/// "list of paths", "one of ro, cow, rw".
std::string TypeOf(const Option& option);

/// "widens", "tightens", "by choice".
std::string_view WordFor(Direction direction);

}  // namespace ambit::policy
