#include "journal/chain.h"

#include <fmt/format.h>

#include <charconv>

#include "base/hex.h"
#include "event/event.h"

namespace ambit::journal {
namespace {

constexpr std::string_view kBefore = R"(,"hash":")";
constexpr std::string_view kAfter = R"("})";
constexpr std::size_t kDigits = 64;
constexpr std::size_t kMember = kBefore.size() + kDigits + kAfter.size();

bool Skip(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

template <class Number>
bool TakeNumber(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

/// Up to the closing quote, which goes as well. Ids and names hold nothing that is escaped.
bool TakeText(std::string_view& text, std::string_view& taken) {
  const std::size_t end = text.find_first_of("\"\\");
  if (end == std::string_view::npos || text[end] != '"') return false;
  taken = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

}  // namespace

std::optional<LineHead> ParseLineHead(std::string_view line) {
  static_assert(event::kVersion == 1);
  LineHead head;
  if (Skip(line, R"({"v":1,"seq":)") && TakeNumber(line, head.sequence) && Skip(line, R"(,"t":)") &&
      TakeNumber(line, head.time_ns) && Skip(line, R"(,"run":")") && TakeText(line, head.run) &&
      Skip(line, R"(,"event":")") && TakeText(line, head.event) &&
      (line.starts_with(',') || line == "}")) {
    return head;
  }
  return std::nullopt;
}

std::optional<ChainedLine> ParseChained(std::string_view line) {
  if (line.size() < kMember) return std::nullopt;
  const std::string_view member = line.substr(line.size() - kMember);
  if (!member.starts_with(kBefore) || !member.ends_with(kAfter)) return std::nullopt;
  return ChainedLine{.body = line.substr(0, line.size() - kMember),
                     .hash = member.substr(kBefore.size(), kDigits)};
}

Sha256Digest HashOf(const Sha256Digest& previous, std::string_view body) {
  Sha256 hash;
  hash.Update({reinterpret_cast<const char*>(previous.data()), previous.size()});
  hash.Update(body);
  return hash.Digest();
}

void AppendHash(const Sha256Digest& hash, std::string& body) {
  body += kBefore;
  AppendHex(hash, body);
  body += kAfter;
}

std::string_view PlainMember(std::string_view body, std::string_view name) {
  const std::string before = fmt::format(R"(,"{}":")", name);
  const std::size_t at = body.find(before);
  if (at == std::string_view::npos) return {};
  std::string_view rest = body.substr(at + before.size());
  std::string_view text;
  return TakeText(rest, text) ? text : std::string_view();
}

}  // namespace ambit::journal
