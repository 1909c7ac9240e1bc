#pragma once
// The job that ambit itself is for the shell that started it. Who calls: signal_relay.cc.

namespace ambit::supervise {

/// Who started ambit can forbid it to its jobs by ignoring the signal.
bool CanBeSuspended();

/// As the terminal does it: the whole job, pipeline and all. Returns when somebody goes on with it,
/// and at once where nobody could: the kernel does not stop a process group that no shell watches.
void StopOwnJob();

}  // namespace ambit::supervise
