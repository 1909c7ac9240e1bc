#pragma once
// The words in which a person answers at a terminal what a run waits for. Who calls:
// terminal_questions; cli/approve, which asks in the same words. Pure.
#include <optional>
#include <string>
#include <string_view>

#include "supervise/control_message.h"

namespace ambit::supervise {

/// What was typed to a question.
struct TypedAnswer {
  bool allow = false;
  Scope scope = Scope::kOnce;
};
/// nullopt: it is left waiting.
std::optional<TypedAnswer> ReadTypedAnswer(std::string_view typed);
/// Stands behind a question.
inline constexpr std::string_view kTypedAnswers =
    "allow it [o]nce, for this [r]un, in this [p]roject, [a]lways; [n]o, [d]eny for the run; "
    "nothing: leave it waiting; ?: what they mean";
/// What is said to what was typed and is no answer: to a question mark what the answers mean.
std::string TextForNoAnswer(std::string_view typed);

}  // namespace ambit::supervise
