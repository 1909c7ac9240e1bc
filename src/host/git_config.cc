#include "host/git_config.h"

#include <fmt/format.h>

#include <cstdint>

namespace ambit::host {
namespace {

// git's own classes: locale and the C library have no say in what its files mean.
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsKeyChar(char c) { return IsAlpha(c) || (c >= '0' && c <= '9') || c == '-'; }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<GitConfig> Run() {
    if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (IsSpace(c)) {
        ++at_;
      } else if (c == '#' || c == ';') {
        SkipComment();
      } else if (c == '[') {
        AMBIT_CHECK(ReadSection());
      } else if (IsAlpha(c)) {
        AMBIT_CHECK(ReadEntry());
      } else {
        return Bad("neither a section, a key nor a comment");
      }
    }
    return std::move(config_);
  }

 private:
  std::unexpected<Error> Bad(std::string_view why) const {
    std::size_t line = 1;
    for (const char c : text_.substr(0, at_)) line += c == '\n' ? 1 : 0;
    return Fail(Errc::kInvalidArgument, fmt::format("git configuration line {}: {}", line, why));
  }

  bool AtEndOfLine() const { return at_ >= text_.size() || text_[at_] == '\n' || AtCrLf(at_); }
  bool AtCrLf(std::size_t at) const {
    return at + 1 < text_.size() && text_[at] == '\r' && text_[at + 1] == '\n';
  }

  void SkipComment() {
    const std::size_t begin = at_;
    while (!AtEndOfLine()) ++at_;
    config_.comments.push_back({begin, at_ - begin});
  }

  Status ReadSection() {
    GitConfigSection section;
    const std::size_t begin = at_++;
    std::string name;
    bool quoted = false;
    for (;; ++at_) {
      if (AtEndOfLine()) return Bad("section name without ']'");
      const char c = text_[at_];
      if (c == ']') break;
      if (IsSpace(c)) {
        AMBIT_CHECK(ReadSubsection(section.subsection));
        quoted = true;
        break;
      }
      if (!IsKeyChar(c) && c != '.') return Bad("invalid character in a section name");
      name += Lower(c);
    }
    ++at_;
    if (const std::size_t dot = name.find('.'); !quoted && dot != std::string::npos) {
      section.subsection = name.substr(dot + 1);
      name.resize(dot);
    }
    if (name.empty()) return Bad("empty section name");
    section.name = std::move(name);
    section.header = {begin, at_ - begin};
    config_.sections.push_back(std::move(section));
    return {};
  }

  /// Reads `"sub"` after the section name; leaves `at_` on the closing bracket.
  Status ReadSubsection(std::string& subsection) {
    while (!AtEndOfLine() && IsSpace(text_[at_])) ++at_;
    if (AtEndOfLine() || text_[at_] != '"') return Bad("expected a quoted subsection name");
    for (++at_;; ++at_) {
      if (AtEndOfLine()) return Bad("subsection name without closing quote");
      if (text_[at_] == '"') break;
      if (text_[at_] == '\\') {
        ++at_;
        if (AtEndOfLine()) return Bad("subsection name without closing quote");
      }
      subsection += text_[at_];
    }
    ++at_;
    if (at_ >= text_.size() || text_[at_] != ']') return Bad("expected ']' after the subsection");
    return {};
  }

  Status ReadEntry() {
    if (config_.sections.empty()) return Bad("a key before the first section");
    GitConfigEntry entry{.section = config_.sections.back().name,
                         .subsection = config_.sections.back().subsection,
                         .key = {},
                         .value = std::nullopt,
                         .value_span = {},
                         .span = {}};
    const std::size_t begin = at_;
    while (at_ < text_.size() && IsKeyChar(text_[at_])) entry.key += Lower(text_[at_++]);
    std::size_t end = at_;
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    entry.value_span = {end, 0};
    if (!AtEndOfLine()) {
      if (text_[at_] != '=') return Bad("expected '=' after the key");
      ++at_;
      AMBIT_CHECK(ReadValue(entry));
      end = entry.value_span.offset + entry.value_span.length;
    }
    entry.span = {begin, end - begin};
    config_.entries.push_back(std::move(entry));
    return {};
  }

  Status ReadValue(GitConfigEntry& entry) {
    while (!AtEndOfLine() && IsSpace(text_[at_])) ++at_;
    const std::size_t begin = at_;
    std::size_t end = at_;  // behind the last byte that belongs to the value
    std::size_t kept = 0;   // length of `value` without trailing unquoted space
    std::string value;
    bool quoted = false;
    for (;;) {
      if (AtEndOfLine()) {
        if (quoted) return Bad("value without closing quote");
        break;
      }
      const char c = text_[at_];
      if (!quoted && IsSpace(c)) {
        if (!value.empty()) value += c;
        ++at_;
        continue;
      }
      if (!quoted && (c == '#' || c == ';')) {
        SkipComment();
        break;
      }
      if (c == '"') {
        quoted = !quoted;
        ++at_;
      } else if (c == '\\') {
        AMBIT_CHECK(ReadEscape(value));
      } else {
        value += c;
        ++at_;
      }
      kept = value.size();
      end = at_;
    }
    value.resize(kept);
    entry.value = std::move(value);
    entry.value_span = {begin, end - begin};
    return {};
  }

  Status ReadEscape(std::string& value) {
    ++at_;
    if (at_ < text_.size() && AtEndOfLine()) {  // the value goes on in the next line
      at_ += text_[at_] == '\r' ? 2 : 1;
      return {};
    }
    switch (at_ < text_.size() ? text_[at_] : '\0') {
      case 't':
        value += '\t';
        break;
      case 'b':
        value += '\b';
        break;
      case 'n':
        value += '\n';
        break;
      case '\\':
      case '"':
        value += text_[at_];
        break;
      default:
        return Bad("invalid escape in a value");
    }
    ++at_;
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  GitConfig config_;
};

Status CheckBounds(std::string_view bytes) {
  if (bytes.size() > kMaxGitConfigBytes) {
    return Fail(Errc::kLimit,
                fmt::format("git configuration: larger than {} bytes", kMaxGitConfigBytes));
  }
  std::size_t lines = 1;
  std::size_t line_begin = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '\0') {
      return Fail(Errc::kInvalidArgument,
                  fmt::format("git configuration line {}: a NUL byte", lines));
    }
    if (bytes[i] == '\n') {
      line_begin = i + 1;
      ++lines;
    }
    if (lines > kMaxGitConfigLines) {
      return Fail(Errc::kLimit,
                  fmt::format("git configuration: more than {} lines", kMaxGitConfigLines));
    }
    if (i - line_begin + 1 > kMaxGitConfigLineBytes && bytes[i] != '\n') {
      return Fail(Errc::kLimit, fmt::format("git configuration line {}: longer than {} bytes",
                                            lines, kMaxGitConfigLineBytes));
    }
  }
  return {};
}

}  // namespace

Result<GitConfig> ParseGitConfig(std::string_view bytes) {
  AMBIT_CHECK(CheckBounds(bytes));
  return Parser(bytes).Run();
}

std::string QuoteGitConfigValue(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    switch (c) {
      case '"':
      case '\\':
        out += '\\';
        out += c;
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      default:
        out += c;
    }
  }
  out += '"';
  return out;
}

}  // namespace ambit::host
