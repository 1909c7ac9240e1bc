#include "cli/question.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>

namespace ambit::cli {
namespace {

/// While it lives a Ctrl-C waits for the next AwaitInput: none is lost between question and answer.
class InterruptAtAnswer {
 public:
  InterruptAtAnswer() {
    sigset_t interrupt{};
    ::sigemptyset(&interrupt);
    ::sigaddset(&interrupt, SIGINT);
    ::sigprocmask(SIG_BLOCK, &interrupt, &before_);
  }
  InterruptAtAnswer(const InterruptAtAnswer&) = delete;
  InterruptAtAnswer& operator=(const InterruptAtAnswer&) = delete;
  ~InterruptAtAnswer() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

  /// False when a signal came first.
  [[nodiscard]] bool AwaitInput() const {
    pollfd terminal{.fd = 0, .events = POLLIN, .revents = 0};
    return ::ppoll(&terminal, 1, nullptr, &before_) > 0;
  }

 private:
  sigset_t before_{};
};

std::string InLowerCase(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char byte) { return static_cast<char>(std::tolower(byte)); });
  return text;
}

}  // namespace

std::optional<std::string> Ask(std::string_view question) {
  constexpr std::size_t kLongestAnswer = 1000;
  const InterruptAtAnswer interrupt;
  std::fflush(stdout);
  fmt::print(stderr, "{} ", question);
  std::fflush(stderr);
  std::string line;
  // Byte by byte and unbuffered: what comes after the line belongs to the next question.
  for (char byte = 0; line.size() < kLongestAnswer; line += byte) {
    if (!interrupt.AwaitInput() || ::read(0, &byte, 1) != 1) {
      fmt::print(stderr, "\n");
      return std::nullopt;
    }
    if (byte == '\n') return line;
  }
  return line;
}

std::optional<bool> AskYesOrLeave(std::string_view question, std::string_view help) {
  constexpr int kMostTries = 5;
  for (int tries = 0; tries < kMostTries; ++tries) {
    const std::optional<std::string> typed =
        Ask(fmt::format("{} {}", question, help.empty() ? "[y/N]" : "[y/N/?]"));
    if (!typed) return std::nullopt;
    const std::string answer = InLowerCase(*typed);
    if (answer == "y" || answer == "yes") return true;
    if (answer.empty() || answer == "n" || answer == "no") return false;
    if (!help.empty() && (answer == "q" || answer == "quit")) return std::nullopt;
    fmt::print(stderr, "{}\n", help.empty() ? "y: yes. n, or nothing: no." : help);
  }
  return std::nullopt;
}

bool AskYes(std::string_view question) { return AskYesOrLeave(question).value_or(false); }

}  // namespace ambit::cli
