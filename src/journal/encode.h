#pragma once
// One event as one line of JSON. Who calls: writer. Pure.
#include <cstdint>
#include <string>
#include <string_view>

#include "event/event.h"

namespace ambit::journal {

/// Appends the line without its last brace and its end, so that the hash can follow. Texts of the
/// event that together would make it too long for a record are cut, and `"cut":true` says so.
void AppendEvent(const event::Event& event, std::uint64_t sequence, std::int64_t time_ns,
                 std::string_view run_id, std::string& out);

/// The whole line, without a hash and the line end.
std::string EncodeEvent(const event::Event& event, std::uint64_t sequence, std::int64_t time_ns,
                        const std::string& run_id);

}  // namespace ambit::journal
