#pragma once
// What `ambit doctor` finds out: would a run start here, and if not, what is missing and what to
// do.
//
// A whole run is rehearsed by the run's own code up to the moment in which its agent would start.
// So doctor and run cannot disagree: when the rehearsal stands, every primitive stands; when it
// fails, it names the primitive that a run would name, and the others are performed one by one.
// Nothing stays: neither processes nor the rehearsal's directory in the state directory.
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "host/primitives.h"

namespace ambit::supervise {

enum class Verdict : std::uint8_t {
  kOk,
  kMissing,
  kNotReached,  // cannot be performed while something it stands on is missing
};

struct Finding {
  host::Primitive primitive = host::Primitive::kInit;
  Verdict verdict = Verdict::kNotReached;
  std::string detail;  // ok: what is there; missing: the error; not reached: what it waits for
  std::string remedy;  // missing only
  int sys_errno = 0;
};

/// Orientation, no requirement.
struct Fact {
  std::string name;
  std::string detail;
  bool in_order = true;  // false: some runs do not start for it
};

struct Diagnosis {
  bool run_would_start = false;
  bool names_would_be_reached = false;  // by a run that starts: no proxy of the host stops it
  std::vector<Finding> findings;        // in the order of host::AllPrimitives()
  std::vector<Fact> facts;
};

/// Precondition: one thread. The environment is empty afterwards (the run scrubs it before it
/// forks). Errors: already inside a run; nothing about the host could be read.
Result<Diagnosis> Diagnose();

}  // namespace ambit::supervise
