#pragma once
// What a run that is over is told of in a few lines on stderr: how it ended, what it changed, what
// it was refused, and what failed that no rule refused. Silent when there is none of it but its
// end. Who calls: run, when everything of the run is dead. No errors: what cannot be read is not
// told.
#include <chrono>
#include <string>

#include "supervise/outcome.h"
#include "supervise/refused.h"

namespace ambit::cli {

struct Ended {
  std::string id;
  supervise::Outcome outcome;
  std::chrono::milliseconds took{0};
  supervise::Refused refused;
};

/// All of it.
void TellHowItWent(const Ended& ended);

/// What was refused and what failed alone, for a run whose changes are about to be reviewed with
/// the person.
void TellWhatWasRefused(const Ended& ended);

}  // namespace ambit::cli
