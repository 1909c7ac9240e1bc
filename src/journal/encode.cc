#include "journal/encode.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

#include "base/text.h"
#include "journal/chain.h"

namespace ambit::journal {
namespace {

// One byte is at most six when it is escaped, and an element of a list is three more; so what is
// within this is far shorter than kLongestLine, whatever the bytes are.
constexpr std::size_t kMostText = kLongestLine / 8;
constexpr std::size_t kOfElement = 4;

template <class Number>
void AppendNumber(Number number, std::string& out) {
  char digits[20];
  const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), number);
  out.append(digits, end);
}

void AppendText(std::string_view text, std::string& out) {
  out += '"';
  AppendJsonEscaped(text, out);
  out += '"';
}

/// What may still be told of an event.
class Budget {
 public:
  explicit Budget(std::size_t bytes) : left_(bytes) {}
  std::string_view Take(std::string_view text) {
    const std::string_view taken = text.substr(0, left_);
    cut_ |= taken.size() != text.size();
    left_ -= taken.size();
    return taken;
  }
  bool TakeElement() {
    if (left_ < kOfElement) {
      cut_ = true;
      return false;
    }
    left_ -= kOfElement;
    return true;
  }
  [[nodiscard]] bool cut() const { return cut_; }

 private:
  std::size_t left_;
  bool cut_ = false;
};

void AppendValue(const event::Value& value, Budget& budget, std::string& out) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    AppendText(budget.Take(*text), out);
  } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
    AppendNumber(*number, out);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    out += *flag ? "true" : "false";
  } else {
    out += '[';
    bool first = true;
    for (const std::string& one : std::get<std::vector<std::string>>(value)) {
      if (!budget.TakeElement()) break;
      if (!first) out += ',';
      first = false;
      AppendText(budget.Take(one), out);
    }
    out += ']';
  }
}

}  // namespace

void AppendEvent(const event::Event& event, std::uint64_t sequence, std::int64_t time_ns,
                 std::string_view run_id, std::string& out) {
  static_assert(event::kVersion == 1);
  out += R"({"v":1,"seq":)";
  AppendNumber(sequence, out);
  out += R"(,"t":)";
  AppendNumber(time_ns, out);
  out += R"(,"run":)";
  AppendText(run_id, out);
  out += R"(,"event":)";
  AppendText(event.name, out);
  Budget budget(kMostText);
  for (const event::Field& field : event.fields) {
    out += ',';
    AppendText(field.name, out);
    out += ':';
    AppendValue(field.value, budget, out);
  }
  if (budget.cut()) out += R"(,"cut":true)";
}

std::string EncodeEvent(const event::Event& event, std::uint64_t sequence, std::int64_t time_ns,
                        const std::string& run_id) {
  std::string line;
  AppendEvent(event, sequence, time_ns, run_id, line);
  return line + "}";
}

}  // namespace ambit::journal
