#pragma once
// A line of ambit's own while a run goes on, written where nobody may wait for its reader: the
// program inside writes to the same standard error and can fill it, and a reader that stands still
// must hold up no limit and no record. Who calls: cli, for what a run waits for.
#include <string_view>

namespace ambit::supervise {

/// Of at most PIPE_BUF bytes. False: there was no room, or nobody reads any more (no SIGPIPE).
bool WriteUnheld(int fd, std::string_view line);

}  // namespace ambit::supervise
