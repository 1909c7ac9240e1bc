#pragma once
// What the exports that are JSON have in common. Who calls: export.cc, export_ocsf.cc.
#include <string>

#include <nlohmann/json.hpp>

#include "journal/entry.h"

namespace ambit::journal {

using Json = nlohmann::ordered_json;

/// ASCII, with a line break.
std::string AsLine(const Json& json);

Json FieldsOf(const Entry& entry);

}  // namespace ambit::journal
