#include "event/redact.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <optional>

#include "event/secret_options.h"

namespace ambit::event {
namespace {

constexpr std::size_t kShortestValue = 8;

bool IsTokenByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.' ||
         c == '/' || c == '+' || c == '=' || c == '~';
}

/// How a kind of token begins, and how many token bytes follow at least. Sources: the issuers'
/// own descriptions of their formats.
struct TokenForm {
  std::string_view prefix;
  std::size_t least;
};
constexpr TokenForm kTokenForms[] = {
    {"sk-", 20},  // Anthropic (sk-ant-), OpenAI and others
    {"ghp_", 30},   {"gho_", 30},  {"ghu_", 30}, {"ghs_", 30},  {"ghr_", 30},  {"github_pat_", 20},
    {"glpat-", 16}, {"AKIA", 16},  {"ASIA", 16}, {"AIza", 30},  {"xoxb-", 10}, {"xoxp-", 10},
    {"xoxa-", 10},  {"xapp-", 10}, {"npm_", 30}, {"pypi-", 30}, {"hf_", 20},   {"dop_v1_", 20},
    {"ya29.", 16},  {"eyJ", 40},  // a JSON web token
};

/// The first letters of all of them: most words of most paths are passed over by one look.
constexpr std::string_view kTokenBegins = "sgAxnphdye";
static_assert(std::ranges::all_of(kTokenForms, [](const TokenForm& form) {
  return kTokenBegins.contains(form.prefix.front());
}));

/// Words after which a value stands: `Authorization: Bearer VALUE`.
constexpr std::string_view kBearers[] = {"bearer ", "basic ", "token "};
constexpr std::string_view kHeaders[] = {"authorization:",
                                         "cookie:",
                                         "x-api-key:",
                                         "api-key:",
                                         "apikey:",
                                         "private-token:",
                                         "x-auth-token:",
                                         "x-gitlab-token:",
                                         "x-vault-token:",
                                         "x-goog-api-key:",
                                         "x-amz-security-token:",
                                         "ocp-apim-subscription-key:"};

/// The length of a token that begins here; 0: none does.
std::size_t TokenAt(std::string_view text) {
  for (const TokenForm& form : kTokenForms) {
    if (!text.starts_with(form.prefix)) continue;
    std::size_t end = form.prefix.size();
    while (end < text.size() && IsTokenByte(text[end])) ++end;
    if (end - form.prefix.size() >= form.least) return end;
  }
  return 0;
}

void RedactTokens(std::string& text) {
  // A token begins where a word does: most texts have few places to look at.
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool in_word = at > 0 && std::isalnum(static_cast<unsigned char>(text[at - 1])) != 0;
    if (in_word || !kTokenBegins.contains(text[at])) continue;
    const std::size_t length = TokenAt(std::string_view(text).substr(at));
    if (length == 0) continue;
    text.replace(at, length, kRedacted);
    at += kRedacted.size() - 1;
  }
}

/// The length of the name of a header that begins here, with its colon; 0: of none whose value is a
/// secret. Names that somebody made up begin with X-.
std::size_t SecretHeaderAt(std::string_view text) {
  for (const std::string_view known : kHeaders) {
    if (StartsWithIgnoringCase(text, known)) return known.size();
  }
  if (!StartsWithIgnoringCase(text, "x-")) return 0;
  std::string name;
  for (const char c : text) {
    if (c == ':') return LooksSecret(name) ? name.size() + 1 : 0;
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_') return 0;
    name += c == '-' ? '_' : c;
  }
  return 0;
}

/// Whether a header can begin at `at`: not in the middle of a sentence.
bool CanBeginHeader(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  if (before.empty() || std::string_view("\"'=\r\n").contains(before.back())) return true;
  return before.ends_with("-H") || before.ends_with("-H ") || before.ends_with("--header ");
}

/// Where the value of a header ends: in quotes with them, by itself with its line. A cookie may
/// have quotes of its own.
std::size_t EndOfHeader(std::string_view text, std::size_t header, std::size_t value) {
  const char before = header == 0 ? '\n' : text[header - 1];
  const std::string_view quotes = before == '"'    ? "\""
                                  : before == '\'' ? "'"
                                  : before == '\n' ? ""
                                                   : "\"'";
  for (std::size_t at = value; at < text.size(); ++at) {
    if (text[at] == '\r' || text[at] == '\n') return at;
    const bool escaped = text[at - 1] == '\\' && quotes == "\"";
    if (quotes.contains(text[at]) && !escaped) return at;
  }
  return text.size();
}

/// `Authorization: Bearer VALUE` keeps its first two words.
void RedactHeader(std::string& text) {
  if (!text.contains(':')) return;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!CanBeginHeader(text, at)) continue;
    const std::size_t name = SecretHeaderAt(std::string_view(text).substr(at));
    if (name == 0) continue;
    std::size_t begin = at + name;
    while (begin < text.size() && text[begin] == ' ') ++begin;
    for (const std::string_view bearer : kBearers) {
      if (StartsWithIgnoringCase(std::string_view(text).substr(begin), bearer)) {
        begin += bearer.size();
        break;
      }
    }
    const std::size_t end = EndOfHeader(text, at, begin);
    if (begin < end) text.replace(begin, end - begin, kRedacted);
    at = begin;
  }
}

/// The end of the string of JSON whose content begins at `at`; `quote` is `"`, or `\"` where the
/// whole body stands in quotes.
std::size_t EndOfString(std::string_view text, std::size_t at, std::string_view quote) {
  for (; at < text.size(); ++at) {
    if (text.substr(at).starts_with(quote)) return at;
    if (text[at] == '\\') ++at;
  }
  return text.size();
}

/// `"password": "VALUE"`, wherever it stands.
void RedactJson(std::string& text) {
  for (std::size_t at = text.find('"'); at < text.size(); at = text.find('"', at)) {
    const std::string_view quote = at > 0 && text[at - 1] == '\\' ? "\\\"" : "\"";
    const std::size_t begin = ++at;
    const std::size_t end = EndOfString(text, begin, quote);
    const std::string_view name = std::string_view(text).substr(begin, end - begin);
    if (!NamesSecret(name) && !LooksSecret(name)) continue;
    std::size_t value = end + quote.size();
    const auto skip_blanks = [&] {
      while (value < text.size() && (text[value] == ' ' || text[value] == '\t')) ++value;
    };
    skip_blanks();
    if (value >= text.size() || text[value] != ':') continue;
    ++value;
    skip_blanks();
    if (value >= text.size() || !std::string_view(text).substr(value).starts_with(quote)) continue;
    value += quote.size();
    const std::size_t value_end = EndOfString(text, value, quote);
    text.replace(value, value_end - value, kRedacted);
    at = std::min(value + kRedacted.size() + quote.size(), text.size());
  }
}

/// Of what stands before an `@` the part that is a secret: a password, or what stands in the place
/// of a name for one. `git` of ssh://git@host is a name.
std::pair<std::size_t, std::size_t> SecretInUser(std::string_view user, bool of_http) {
  const std::size_t colon = user.find(':');
  const std::string_view password =
      colon == std::string_view::npos ? std::string_view() : user.substr(colon + 1);
  if (!password.empty() && password != "x-oauth-basic") return {colon + 1, password.size()};
  return {0, of_http || colon != std::string_view::npos ? std::min(colon, user.size()) : 0};
}

/// `https://name:PASSWORD@host`, `https://TOKEN@host`.
void RedactUrl(std::string& text) {
  for (std::size_t at = text.find("://"); at != std::string::npos; at = text.find("://", at + 3)) {
    const std::size_t begin = at + 3;
    const std::size_t end = std::min(text.find_first_of("/?# \n", begin), text.size());
    const std::size_t sign = std::string_view(text).substr(0, end).rfind('@');
    if (sign == std::string::npos || sign < begin) continue;
    const bool of_http = std::string_view(text).substr(0, at).ends_with("http") ||
                         std::string_view(text).substr(0, at).ends_with("https");
    const auto [from, length] =
        SecretInUser(std::string_view(text).substr(begin, sign - begin), of_http);
    if (length > 0) text.replace(begin + from, length, kRedacted);
  }
}

}  // namespace

Redactor::Redactor(const std::vector<std::string>& environment) {
  for (const std::string& entry : environment) {
    const std::size_t sign = entry.find('=');
    if (sign == std::string::npos || entry.size() - sign - 1 < kShortestValue) continue;
    std::string name = entry.substr(0, sign);
    // A socket or a file that is named so is no secret itself.
    if (!LooksSecret(name) || entry[sign + 1] == '/') continue;
    values_.emplace_back(entry.substr(sign + 1), std::move(name));
  }
  std::ranges::sort(values_,
                    [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
}

std::string Redactor::Clean(std::string text) const {
  for (const auto& [value, name] : values_) {
    const std::string told = "[redacted " + name + "]";
    for (std::size_t at = text.find(value); at != std::string::npos;
         at = text.find(value, at + told.size())) {
      text.replace(at, value.size(), told);
    }
  }
  RedactTokens(text);
  RedactUrl(text);
  return text;
}

std::vector<std::string> Redactor::CleanArguments(std::vector<std::string> arguments) const {
  for (std::string& argument : arguments) {
    argument = Clean(std::move(argument));
    RedactHeader(argument);
    RedactJson(argument);
  }
  RedactOptions(arguments);
  return arguments;
}

}  // namespace ambit::event
