#include "host/dotenv.h"

#include <algorithm>
#include <map>

namespace ambit::host {
namespace {

constexpr std::size_t kMaxKeyBytes = 128;
constexpr std::string_view kBlanks = " \t\r";

bool IsKeyStart(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }

bool IsKeyCharacter(char c) {
  return IsKeyStart(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool AtEnd() const { return at_ == text_.size(); }

  std::optional<DotenvEntry> Next() {
    const std::size_t start = at_;
    DotenvEntry entry;
    SkipBlanks();
    if (!IsLineOver() && !ReadAssignment(entry)) return std::nullopt;
    at_ = std::min(text_.find('\n', at_), text_.size() - 1) + 1;
    entry.text = text_.substr(start, at_ - start);
    return entry;
  }

 private:
  char Now() const { return at_ < text_.size() ? text_[at_] : '\n'; }

  void SkipBlanks() { at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size()); }

  /// Nothing more on this line but a comment.
  bool IsLineOver() const { return Now() == '\n' || Now() == '#'; }

  std::string_view ReadWord() {
    const std::size_t start = at_;
    while (at_ < text_.size() && IsKeyCharacter(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  bool ReadAssignment(DotenvEntry& entry) {
    entry.key = ReadWord();
    SkipBlanks();
    if (entry.key == "export" && Now() != '=') {
      entry.exported = true;
      entry.key = ReadWord();
      SkipBlanks();
    }
    const bool named = !entry.key.empty() && IsKeyStart(entry.key.front()) &&
                       entry.key.size() <= kMaxKeyBytes && Now() == '=';
    if (!named) return false;
    ++at_;
    SkipBlanks();
    const std::size_t start = at_;
    if (!ReadValue()) return false;
    entry.value = text_.substr(start, at_ - start);
    const std::size_t last = entry.value.find_last_not_of(kBlanks);
    entry.value = entry.value.substr(0, last == std::string_view::npos ? 0 : last + 1);
    return true;
  }

  /// Ends behind the value; false where readers disagree on what it is.
  bool ReadValue() {
    const char quote = Now();
    if (quote == '"' || quote == '\'' || quote == '`') return ReadQuoted(quote);
    at_ = std::min(text_.find('\n', at_), text_.size());
    return at_ == 0 || text_[at_ - 1] != '\\';
  }

  bool ReadQuoted(char quote) {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\' && quote != '\'') {
        ++at_;
      } else if (text_[at_] == quote) {
        ++at_;
        const std::size_t end = at_;
        SkipBlanks();
        const bool over = IsLineOver();
        at_ = end;
        return over;
      }
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Also when an editor has put it into quotes.
bool IsPlaceholder(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == value.back() &&
                      std::string_view("\"'`").find(value.front()) != std::string_view::npos;
  return (quoted ? value.substr(1, value.size() - 2) : value) == kPlaceholder;
}

using EntriesByKey = std::map<std::string_view, const DotenvEntry*>;

/// Of a key that is there twice the last one counts.
EntriesByKey ByKey(const std::vector<DotenvEntry>& entries) {
  EntriesByKey out;
  for (const DotenvEntry& entry : entries) {
    if (!entry.key.empty()) out[entry.key] = &entry;
  }
  return out;
}

void Append(std::string& out, std::string_view line) {
  if (!out.empty() && out.back() != '\n') out += '\n';
  out += line;
}

}  // namespace

std::optional<std::vector<DotenvEntry>> ParseDotenv(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  std::vector<DotenvEntry> entries;
  Reader reader(text);
  while (!reader.AtEnd()) {
    const auto entry = reader.Next();
    if (!entry) return std::nullopt;
    entries.push_back(*entry);
  }
  return entries;
}

std::optional<std::string> WithPlaceholders(std::string_view text) {
  const auto entries = ParseDotenv(text);
  if (!entries) return std::nullopt;
  std::string out;
  for (const DotenvEntry& entry : *entries) {
    if (entry.key.empty()) continue;
    if (entry.exported) out += "export ";
    out.append(entry.key).append("=").append(kPlaceholder).append("\n");
  }
  return out.empty() ? std::nullopt : std::optional(std::move(out));
}

std::optional<Joined> MergeByKey(std::string_view real, std::string_view shown,
                                 std::string_view changed) {
  const auto ours = ParseDotenv(real);
  const auto seen = ParseDotenv(shown);
  const auto theirs = ParseDotenv(changed);
  if (!ours || !seen || !theirs) return std::nullopt;
  const EntriesByKey seen_keys = ByKey(*seen);
  const EntriesByKey wanted = ByKey(*theirs);
  const EntriesByKey known = ByKey(*ours);
  Joined out{.text = {}, .only_adds = true};
  for (const DotenvEntry& entry : *ours) {
    const auto found = wanted.find(entry.key);
    const bool stays = found == wanted.end() ? !seen_keys.contains(entry.key)
                                             : IsPlaceholder(found->second->value) ||
                                                   found->second->value == entry.value;
    if (entry.key.empty() || stays) {
      Append(out.text, entry.text);
      continue;
    }
    out.only_adds = false;
    if (found != wanted.end()) {
      Append(out.text, found->second->text);
    } else {
      ++out.removed;
    }
  }
  for (const DotenvEntry& entry : *theirs) {
    if (entry.key.empty() || known.contains(entry.key)) continue;
    if (IsPlaceholder(entry.value)) return std::nullopt;
    Append(out.text, entry.text);
  }
  return out;
}

}  // namespace ambit::host
