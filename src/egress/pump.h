#pragma once
// Moves bytes one way between two connected, non-blocking stream sockets until the source ends.
#include <cstddef>
#include <cstdint>

#include "egress/allowance.h"
#include "egress/loop.h"
#include "egress/pipe_pool.h"

namespace ambit::egress {

/// 0 when the source ended and everything it sent was passed on; otherwise the errno with which
/// either side broke (ECANCELED: closed by ourselves; EDQUOT: `out` allows no more). `moved` counts
/// what reached `to`. Gives other connections a turn at least every two megabytes. All must outlive
/// the task. `out`: of what leaves the run; what it does not allow stays where it is.
Task<int> Pump(Descriptor& from, Descriptor& to, PipePool& pipes, std::uint64_t& moved,
               Allowance* out = nullptr);

}  // namespace ambit::egress
