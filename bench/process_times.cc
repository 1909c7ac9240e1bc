#include "process_times.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace ambit::bench {

void Die(const std::string& why) {
  fmt::print(stderr, "bench: {}\n", why);
  std::exit(1);
}

double Times::Percentile(double fraction) const {
  const auto last = static_cast<double>(milliseconds.size() - 1);
  return milliseconds[static_cast<std::size_t>(std::lround(fraction * last))];
}

int Start(const Command& command, int input, int output) {
  std::vector<std::string> argv_text = command.argv;
  std::vector<char*> argv;
  for (std::string& word : argv_text) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<std::string> environment_text = command.environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment_text.emplace_back(*entry);
  std::vector<char*> environment;
  for (std::string& entry : environment_text) environment.push_back(entry.data());
  environment.push_back(nullptr);
  const pid_t pid = ::vfork();
  if (pid < 0) Die("vfork failed");
  if (pid == 0) {
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(input < 0 ? null : input, 0);
    ::dup2(output < 0 ? null : output, 1);
    ::dup2(null, 2);
    if (!command.cwd.empty() && ::chdir(command.cwd.c_str()) != 0) ::_exit(99);
    ::execvpe(argv[0], argv.data(), environment.data());
    ::_exit(98);
  }
  return pid;
}

double TimeOnce(const Command& command) {
  const auto start = std::chrono::steady_clock::now();
  const int pid = Start(command);
  int status = 0;
  ::waitpid(pid, &status, 0);
  const auto end = std::chrono::steady_clock::now();
  if (status != 0) Die(fmt::format("'{}' ended with wait status {}", command.name, status));
  return std::chrono::duration<double, std::milli>(end - start).count();
}

double ProcessorTime() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const auto milliseconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

std::vector<Times> TimeInTurns(const std::vector<Command>& commands, int rounds) {
  std::vector<Times> all;
  for (const Command& command : commands) {
    all.push_back({.name = command.name, .milliseconds = {}});
    (void)TimeOnce(command);
  }
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < commands.size(); ++i) {
      // Another order each round: nobody always runs after the same neighbour.
      const std::size_t at = (i + static_cast<std::size_t>(round)) % commands.size();
      all[at].milliseconds.push_back(TimeOnce(commands[at]));
    }
  }
  for (Times& times : all) std::ranges::sort(times.milliseconds);
  return all;
}

}  // namespace ambit::bench
