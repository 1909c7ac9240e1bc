#include "proto/proxy_answer.h"

#include <algorithm>

namespace ambit::proto {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// "HTTP/1.1 200" with a space, or the end of the line, behind it; 0: no such line.
int StatusIn(std::string_view line) {
  constexpr std::string_view kProtocol = "HTTP/1.";
  constexpr std::size_t kShortest = 12;
  if (line.size() < kShortest || !line.starts_with(kProtocol)) return 0;
  if (!IsDigit(line[7]) || line[8] != ' ') return 0;
  const std::string_view digits = line.substr(9, 3);
  if (!std::ranges::all_of(digits, IsDigit)) return 0;
  if (line.size() > kShortest && line[kShortest] != ' ') return 0;
  const int status = ((digits[0] - '0') * 100) + ((digits[1] - '0') * 10) + (digits[2] - '0');
  return status >= 100 && status < 600 ? status : 0;
}

}  // namespace

ProxyAnswer ReadProxyAnswer(std::string_view text) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  const std::size_t end = text.substr(0, kMostProxyAnswer).find(kEnd);
  if (end == std::string_view::npos) {
    const bool too_long = text.size() >= kMostProxyAnswer;
    return {.state = too_long ? ProxyAnswer::State::kBad : ProxyAnswer::State::kMore};
  }
  const int status = StatusIn(text.substr(0, text.find("\r\n")));
  if (status == 0) return {.state = ProxyAnswer::State::kBad};
  return {.state = ProxyAnswer::State::kWhole, .bytes = end + kEnd.size(), .status = status};
}

}  // namespace ambit::proto
