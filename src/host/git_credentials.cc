// What of a git configuration authenticates, and how it is taken out (git_config.h).
#include <algorithm>
#include <array>

#include "host/git_config.h"

namespace ambit::host {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string ToLower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), Lower);
  return out;
}

constexpr std::string_view kSchemeChars =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";

/// The text without the userinfo of every URL in it. A password may hold any byte but '/', '?'
/// and '#', which end the authority for git and for curl alike; the last '@' before them counts.
/// Where the text is more than one URL (an alias, a comment), white space ends it too.
std::string WithoutUserinfo(std::string_view text) {
  constexpr std::string_view kMark = "://";
  const std::size_t first = text.find_first_not_of(kSchemeChars);
  const bool is_url = first != std::string_view::npos && text.substr(first).starts_with(kMark);
  const std::string_view ends = is_url ? "/?#\n" : "/?# \t\n";
  std::string out;
  for (;;) {
    const std::size_t mark = text.find(kMark);
    if (mark == std::string_view::npos) break;
    const std::size_t before = text.substr(0, mark).find_last_not_of(kSchemeChars);
    const std::size_t scheme_begin = before == std::string_view::npos ? 0 : before + 1;
    const std::string scheme = ToLower(text.substr(scheme_begin, mark - scheme_begin));
    out += text.substr(0, mark + kMark.size());
    text.remove_prefix(mark + kMark.size());
    std::string_view authority = text.substr(0, text.find_first_of(ends));
    const std::size_t host = authority.rfind('@');
    if (scheme.empty() || host == std::string_view::npos) continue;
    const bool has_password = authority.substr(0, host).find(':') != std::string_view::npos;
    const bool token_as_user = scheme == "http" || scheme == "https";
    if (has_password || token_as_user) text.remove_prefix(host + 1);
  }
  out += text;
  return out;
}

bool NamesASecret(const GitConfigEntry& entry) {
  if (entry.section == "credential") return true;
  if (entry.section == "http" && entry.key == "extraheader") return true;
  if (entry.key == "askpass") return false;  // a program, not a password
  constexpr std::array<std::string_view, 5> kEndings = {"pass", "password", "passwd", "token",
                                                        "secret"};
  return std::ranges::any_of(kEndings,
                             [&](std::string_view ending) { return entry.key.ends_with(ending); });
}

/// A line that was commented out still holds its secret.
bool CommentMayHoldASecret(std::string_view comment) {
  const std::string lower = ToLower(comment);
  constexpr std::array<std::string_view, 5> kWords = {"extraheader", "authorization", "password",
                                                      "token", "secret"};
  return WithoutUserinfo(comment) != comment ||
         std::ranges::any_of(
             kWords, [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

std::string QuoteSubsection(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

struct Edit {
  ByteSpan span;
  std::string replacement;
};

std::vector<Edit> CredentialEdits(std::string_view bytes, const GitConfig& config) {
  std::vector<Edit> edits;
  for (const GitConfigSection& section : config.sections) {
    std::string subsection = WithoutUserinfo(section.subsection);
    if (subsection == section.subsection) continue;
    edits.push_back(
        {section.header, "[" + section.name + " \"" + QuoteSubsection(subsection) + "\"]"});
  }
  for (const GitConfigEntry& entry : config.entries) {
    if (NamesASecret(entry)) {
      edits.push_back({entry.span, ""});
      continue;
    }
    if (!entry.value) continue;
    std::string value = WithoutUserinfo(*entry.value);
    if (value != *entry.value) edits.push_back({entry.value_span, QuoteGitConfigValue(value)});
  }
  for (const ByteSpan& comment : config.comments) {
    if (CommentMayHoldASecret(bytes.substr(comment.offset, comment.length))) {
      edits.push_back({comment, ""});
    }
  }
  std::ranges::sort(edits, {}, [](const Edit& edit) { return edit.span.offset; });
  return edits;
}

}  // namespace

Result<std::optional<std::string>> WithoutCredentials(std::string_view bytes) {
  AMBIT_TRY(const GitConfig config, ParseGitConfig(bytes));
  const std::vector<Edit> edits = CredentialEdits(bytes, config);
  if (edits.empty()) return std::nullopt;
  std::string out;
  std::size_t copied = 0;
  for (const Edit& edit : edits) {
    out += bytes.substr(copied, edit.span.offset - copied);
    out += edit.replacement;
    copied = edit.span.offset + edit.span.length;
  }
  out += bytes.substr(copied);
  return out;
}

}  // namespace ambit::host
