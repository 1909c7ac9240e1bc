#pragma once
// Moves bytes one way between two connected, non-blocking stream sockets until the source ends.
#include <cstddef>
#include <cstdint>

#include "egress/loop.h"
#include "egress/pipe_pool.h"

namespace ambit::egress {

/// 0 when the source ended and everything it sent was passed on; otherwise the errno with which
/// either side broke (ECANCELED: closed by ourselves). `moved` counts what reached `to`. Gives
/// other connections a turn at least every megabyte. Both descriptors must outlive the task.
Task<int> Pump(Descriptor& from, Descriptor& to, PipePool& pipes, std::uint64_t& moved);

}  // namespace ambit::egress
