#pragma once
// The three-way merge of texts, line by line: what one side changed of the base is taken where the
// other left it as it was. Changes that overlap or touch are a conflict, unless both sides made the
// same. Who calls: merge_offer.cc. Pure.
#include <optional>
#include <string>
#include <string_view>

namespace ambit::review {

/// nullopt: in conflict.
std::optional<std::string> MergeLines(std::string_view base, std::string_view ours,
                                      std::string_view theirs);

}  // namespace ambit::review
