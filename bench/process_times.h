#pragma once
// Wall times of whole commands, taken in turns so that what else the machine does hits all alike.
#include <string>
#include <vector>

namespace ambit::bench {

struct Command {
  std::string name;
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // NAME=value, added to the caller's
  std::string cwd;
};

struct Times {
  std::string name;
  std::vector<double> milliseconds;  // sorted
  [[nodiscard]] double Percentile(double fraction) const;
  [[nodiscard]] double Median() const { return Percentile(0.5); }
};

/// Runs one command to its end with 0, 1, 2 at /dev/null. Aborts the benchmark when it fails: a
/// time of something that did not work is worse than none.
double TimeOnce(const Command& command);

/// Processor time, in milliseconds, of all commands that have ended.
double ProcessorTime();

/// `rounds` of all commands, one after the other in each round, after one round that is not
/// counted.
std::vector<Times> TimeInTurns(const std::vector<Command>& commands, int rounds);

/// Starts a command and returns its pid; 0 and 1 are these descriptors, -1 is /dev/null.
int Start(const Command& command, int input = -1, int output = -1);

/// Says why and ends the benchmark.
[[noreturn]] void Die(const std::string& why);

}  // namespace ambit::bench
