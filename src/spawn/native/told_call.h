#pragma once
// A call that init is told of, as the record that is made of it. Who calls: Witness.
#include <linux/seccomp.h>

#include <optional>

#include "event/inside_record.h"

namespace ambit::spawn::native {

/// What was asked for, as it was asked; whether the kernel does it is not known. Nothing for calls
/// that are no evidence: programs that are not there (a search along PATH), opens of the run's own
/// device files, and by openat2 to read unless `reads` are wanted. A path that could not be read is
/// marked so, and empty.
std::optional<event::InsideRecord> RecordOf(const seccomp_notif& notification, bool reads);

}  // namespace ambit::spawn::native
