#include "worker.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <sstream>
#include <string>

namespace ambit::bench {

Worker::Worker(const Command& command) {
  std::array<int, 2> requests{};
  std::array<int, 2> answers{};
  if (::pipe2(requests.data(), O_CLOEXEC) != 0 || ::pipe2(answers.data(), O_CLOEXEC) != 0) {
    Die("no pipe");
  }
  pid_ = Start(command, requests[0], answers[1]);
  ::close(requests[0]);
  ::close(answers[1]);
  requests_ = requests[1];
  answers_ = answers[0];
}

Worker::~Worker() {
  ::close(requests_);
  ::close(answers_);
  ::waitpid(pid_, nullptr, 0);
}

double Worker::Ask() {
  const auto start = std::chrono::steady_clock::now();
  if (::write(requests_, "\n", 1) != 1) Die("a worker is gone");
  // The shell's own times, and those of the commands it ran: each "0m1.234567s 0m1.234567s".
  std::string answer;
  while (std::ranges::count(answer, '\n') < 2) {
    std::array<char, 256> buffer{};
    const ssize_t n = ::read(answers_, buffer.data(), buffer.size());
    if (n <= 0) Die("a worker gave no answer");
    answer.append(buffer.data(), static_cast<std::size_t>(n));
  }
  const auto end = std::chrono::steady_clock::now();
  std::istringstream times(answer.substr(answer.find('\n')));
  char unit = 0;
  processor_time_ = 0;
  for (double minutes = 0, seconds = 0; times >> minutes >> unit >> seconds >> unit;) {
    processor_time_ += (minutes * 60 + seconds) * 1e3;
  }
  return std::chrono::duration<double, std::milli>(end - start).count();
}

}  // namespace ambit::bench
