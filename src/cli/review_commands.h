#pragma once
// What the subcommands of the review do, for the question that follows an interactive run. Each
// takes a run's id and speaks to the person as the subcommand does.
#include <string>

#include "base/error.h"

namespace ambit::cli {

/// `ambit apply RUN` by a person at the terminal who has agreed to all that the gate does not hold;
/// what it holds is asked for. Returns the exit code.
Result<int> ApplyAgreed(const std::string& run);

/// `ambit diff RUN`.
Status ShowDiffOf(const std::string& run);

/// `ambit discard RUN`, without printing the id.
Status DiscardRun(const std::string& run);

}  // namespace ambit::cli
