#include "cli/question.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace ambit::cli {

std::optional<std::string> Ask(std::string_view question) {
  constexpr std::size_t kLongestAnswer = 1000;
  std::fflush(stdout);
  fmt::print(stderr, "{} ", question);
  std::fflush(stderr);
  std::string line;
  // Byte by byte and unbuffered: what comes after the line belongs to the next question.
  for (char byte = 0; line.size() < kLongestAnswer; line += byte) {
    if (::read(0, &byte, 1) != 1) {
      fmt::print(stderr, "\n");
      return std::nullopt;
    }
    if (byte == '\n') return line;
  }
  return line;
}

bool AskYes(std::string_view question) {
  const std::optional<std::string> answer = Ask(fmt::format("{} [y/N]", question));
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace ambit::cli
