#pragma once
// What a run that is over is told of in up to three lines on stderr: how it ended, what it changed,
// what it was refused. Silent when it changed nothing and was refused nothing. Who calls: run, when
// everything of the run is dead. No errors: what cannot be read is not told.
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

/// The three lines.
void TellHowItWent(const Ended& ended);

/// The third one alone, for a run whose changes are about to be reviewed with the person.
void TellWhatWasRefused(const Ended& ended);

}  // namespace ambit::cli
