#pragma once
// The JSON Schema of ambit.toml (draft 2020-12), made from the option table: what editors complete
// and check by. It takes what the reader takes from a project's file (toml_reader.h, values.h) and
// the names of presets that there are. Who calls: cli. No errors: a constant text.
#include <string>

namespace ambit::policy {

/// Two spaces of indent, keys in the table's order, a newline at the end.
std::string JsonSchema();

}  // namespace ambit::policy
