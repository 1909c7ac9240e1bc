#include "worker.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>

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
  std::array<char, 64> answer{};
  if (::write(requests_, "\n", 1) != 1 || ::read(answers_, answer.data(), answer.size()) <= 0) {
    Die("a worker gave no answer");
  }
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

}  // namespace ambit::bench
