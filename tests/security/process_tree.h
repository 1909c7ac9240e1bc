#pragma once
// A started ambit and every process of its run, seen from outside through /proc.
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace ambit::testing {

/// The processes of one run by their roles; 0: there is none (yet).
struct RunTree {
  pid_t supervisor = 0;
  pid_t egress = 0;
  pid_t init = 0;
  pid_t agent = 0;         // init's first child
  std::vector<pid_t> all;  // all of these and everything below
};

/// A look at this moment. Egress is the child in the supervisor's own pid namespace.
RunTree LookAt(pid_t supervisor);

/// Looks until `enough`, for ten seconds at most; returns the last look.
RunTree WaitFor(pid_t supervisor, const std::function<bool(const RunTree&)>& enough);

/// Waits until the agent is there and has executed its program (its name is `comm`).
RunTree WaitForAgent(pid_t supervisor, const std::string& comm);

bool IsAlive(pid_t pid);  // zombies are not

/// Every process of the machine whose command line holds `text`, the caller left out.
std::vector<pid_t> ProcessesWith(const std::string& text);

/// One line for people: pid, parent, state, name and command line.
std::string Describe(const std::vector<pid_t>& pids);

/// What /proc/PID/fd shows: "N target".
struct OpenDescriptor {
  int number = -1;
  std::string target;
};
std::vector<OpenDescriptor> DescriptorsOf(pid_t pid);

/// Number of places in the memory of `pid` that hold `bytes`; -1 when the memory cannot be read.
int CountInMemory(pid_t pid, const std::string& bytes);

std::string ReadWhole(const std::string& path);

/// Polls until `holds` or the time is over; returns whether it held.
bool Eventually(const std::function<bool()>& holds,
                std::chrono::milliseconds limit = std::chrono::milliseconds(2000));

}  // namespace ambit::testing
