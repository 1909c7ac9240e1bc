#pragma once
// One attempt each: a probe tries one thing that a run must not be able to do and says what
// happened. The same program is run outside as the same person, where it must succeed, so that a
// refusal inside is the wall's doing and not the probe's.
//
// Probes never leave damage: files are opened for writing but not written, a mount that succeeds is
// taken away again, a signal that arrives is one that is ignored.
#include <errno.h>

#include <string>
#include <string_view>
#include <vector>

namespace ambit::probes {

/// What an attempt came to. `error` is an errno; 0 with `done` false means "not there".
struct Attempt {
  bool done = false;
  int error = 0;
};

inline Attempt Done() { return {.done = true, .error = 0}; }
inline Attempt Refused(int error) { return {.done = false, .error = error}; }
inline Attempt Absent() { return {.done = false, .error = 0}; }
/// From the result of a system call: negative means refused with the present errno.
inline Attempt FromCall(long result) { return result < 0 ? Refused(errno) : Done(); }

using Words = std::vector<std::string>;
using Probe = Attempt (*)(const Words& arguments);

struct NamedProbe {
  std::string_view name;
  Probe run;
};

std::vector<NamedProbe> FileProbes();
std::vector<NamedProbe> ProcessProbes();
std::vector<NamedProbe> NamespaceProbes();
std::vector<NamedProbe> KernelProbes();
std::vector<NamedProbe> SocketProbes();
std::vector<NamedProbe> PrivilegeProbes();

/// Programs around the probes: victims, leaking launchers, workloads. Returns -1 for a name that is
/// none of them, else the exit code.
int RunHelper(const std::string& name, const Words& arguments);

/// Decimal or 0x; ends the program with a message when it is not a number.
long NumberOf(const std::string& word);

}  // namespace ambit::probes
