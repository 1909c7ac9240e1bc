#pragma once
// What a person at the terminal is told and asked when an interactive run is over: a short summary
// of what it changed and one question, what shall become of it. Who calls: run, when everything of
// the run is dead and the launcher's environment is back.
#include <string>

namespace ambit::cli {

/// Whether there is a terminal to ask at.
bool CanReviewWithPerson();

/// Precondition: CanReviewWithPerson(). Asks nothing when nothing changed. Keeping is the
/// default: for an empty answer, for Ctrl-C and for the end of the input. What fails is told; the
/// run's exit code stays its own.
void ReviewWithPerson(const std::string& run);

}  // namespace ambit::cli
