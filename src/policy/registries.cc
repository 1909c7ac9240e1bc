#include "policy/registries.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>

#include "policy/net_rules.h"

namespace ambit::policy {
namespace {

constexpr std::string_view kBlank = " \t\r\f\v";

std::string_view Trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::string_view Unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
                      text.back() == text.front();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

/// The addresses of one file, as many as are taken.
class Taken {
 public:
  void Add(std::string_view url, unsigned line, bool chief) {
    if (url.empty() || all_.size() == kMostRegistries) return;
    all_.push_back({.url = std::string(url), .line = line, .chief = chief});
  }
  void Add(std::vector<NamedRegistry> found, unsigned line) {
    for (const NamedRegistry& one : found) Add(one.url, line, one.chief);
  }
  std::vector<NamedRegistry> All() && { return std::move(all_); }

 private:
  std::vector<NamedRegistry> all_;
};

void ForEachLine(std::string_view text,
                 const std::function<void(std::string_view line, unsigned number)>& take) {
  text = text.substr(0, kMaxRegistryFile);
  for (unsigned number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    take(line, number);
  }
}

struct Assignment {
  std::string_view key;
  std::string_view value;
};

/// In quotes or up to a comment.
std::string_view ValueIn(std::string_view text) {
  text = Trimmed(text);
  if (!text.empty() && (text.front() == '"' || text.front() == '\'')) {
    const std::size_t end = text.find(text.front(), 1);
    if (end != std::string_view::npos) return text.substr(1, end - 1);
  }
  return Trimmed(text.substr(0, std::min(text.find(" #"), text.find(" ;"))));
}

/// `key = value`, either in quotes. Nothing: a comment, a section, a blank line.
std::optional<Assignment> AssignmentIn(std::string_view line, char between) {
  line = Trimmed(line);
  if (line.empty() || line.starts_with('#') || line.starts_with(';')) return std::nullopt;
  const std::size_t at = line.find(between);
  if (at == std::string_view::npos) return std::nullopt;
  return Assignment{.key = Unquoted(Trimmed(line.substr(0, at))),
                    .value = ValueIn(line.substr(at + 1))};
}

std::vector<NamedRegistry> SplitAt(std::string_view value, std::string_view separators,
                                   bool chief) {
  Taken taken;
  while (!value.empty()) {
    const std::size_t end = std::min(value.find_first_of(separators), value.size());
    taken.Add(Trimmed(value.substr(0, end)), 0, chief);
    value.remove_prefix(std::min(end + 1, value.size()));
  }
  return std::move(taken).All();
}

/// pip takes index_url for index-url.
bool IsPipKey(std::string_view key, std::string_view name) {
  return std::ranges::equal(key, name, [](char a, char b) { return (a == '_' ? '-' : a) == b; });
}

/// The value of `NAME=` in the file of `go env -w`.
FoundRegistries OfGoEnv(std::string_view text, std::string_view name,
                        std::vector<NamedRegistry> (*read)(std::string_view)) {
  Taken taken;
  ForEachLine(text, [&](std::string_view line, unsigned number) {
    const auto said = AssignmentIn(line, '=');
    if (said && said->key == name) taken.Add(read(said->value), number);
  });
  return std::move(taken).All();
}

/// What is between `<name>` and `</name>`, from `at` on; `at` goes behind it.
std::optional<std::string_view> ElementIn(std::string_view xml, std::string_view name,
                                          std::size_t& at) {
  const std::string opens = fmt::format("<{}>", name);
  const std::string closes = fmt::format("</{}>", name);
  const std::size_t begin = xml.find(opens, at);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::size_t end = xml.find(closes, begin);
  if (end == std::string_view::npos) return std::nullopt;
  at = end + closes.size();
  return xml.substr(begin + opens.size(), end - begin - opens.size());
}

std::string_view WithoutBlank(std::string_view text) {
  constexpr std::string_view kAnyBlank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kAnyBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kAnyBlank) - begin + 1);
}

std::string_view FirstElementIn(std::string_view xml, std::string_view name) {
  std::size_t at = 0;
  return WithoutBlank(ElementIn(xml, name, at).value_or(""));
}

/// Asked for places in their order: each byte is looked at once.
class LineCounter {
 public:
  explicit LineCounter(std::string_view text) : at_(text.data()) {}
  unsigned LineOf(const char* place) {
    if (place > at_) line_ += static_cast<unsigned>(std::count(at_, place, '\n'));
    at_ = std::max(at_, place);
    return line_;
  }

 private:
  const char* at_;
  unsigned line_ = 1;
};

/// Comments become blanks, so that every line keeps its number.
std::string WithBlankComments(std::string_view xml) {
  std::string text(xml.substr(0, kMaxRegistryFile));
  for (std::size_t at = text.find("<!--"); at != std::string::npos; at = text.find("<!--", at)) {
    const std::size_t closes = text.find("-->", at + 4);
    const std::size_t end = closes == std::string::npos ? text.size() : closes + 3;
    for (; at < end; ++at) {
      if (text[at] != '\n') text[at] = ' ';
    }
  }
  return text;
}

bool IsForCentral(std::string_view mirror_of) {
  return mirror_of.starts_with('*') || mirror_of.starts_with("external:*") ||
         mirror_of.contains("central");
}

struct UrlParts {
  bool secure = false;
  std::string_view host;  // v6 in its brackets
  std::string_view port;
  bool has_user = false;
  std::string_view path;  // with query and fragment
};

std::optional<UrlParts> PartsOf(std::string_view url) {
  constexpr std::string_view kSparse = "sparse+";  // Cargo's
  UrlParts parts;
  if (url.starts_with(kSparse)) url.remove_prefix(kSparse.size());
  const auto takes = [&](std::string_view scheme) {
    const bool is = url.size() > scheme.size() &&
                    std::ranges::equal(url.substr(0, scheme.size()), scheme, [](char a, char b) {
                      return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
                    });
    if (is) url.remove_prefix(scheme.size());
    return is;
  };
  parts.secure = takes("https://");
  if (!parts.secure && !takes("http://")) return std::nullopt;
  const std::size_t end = std::min(url.find_first_of("/?#\\"), url.size());
  std::string_view authority = url.substr(0, end);
  parts.path = url.substr(end);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    parts.has_user = true;
    authority.remove_prefix(at + 1);
  }
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && !authority.ends_with(']');
  parts.host = has_port ? authority.substr(0, colon) : authority;
  if (has_port) parts.port = authority.substr(colon + 1);
  if (parts.port.empty()) parts.port = parts.secure ? "443" : "80";
  return parts;
}

/// As far as it is spelled as people do; what else leads there egress refuses.
bool IsLoopback(std::string_view host) {
  std::string name(host);
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return name == "localhost" || name.ends_with(".localhost") || name.starts_with("127.") ||
         name == "0.0.0.0" || name == "[::1]" || name == "[::]";
}

std::optional<std::uint16_t> PortIn(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), port);
  if (error != std::errc() || end != text.end() || port == 0) return std::nullopt;
  return port;
}

/// Twelve or more letters and digits in a row, of more than one kind: what a person names hardly is
/// one, what a machine makes for a sign-in nearly always.
bool HoldsWhatCouldBeASignIn(std::string_view path) {
  constexpr std::size_t kShortest = 12;
  std::size_t run = 0;
  bool small = false;
  bool capital = false;
  bool digit = false;
  for (const char c : path) {
    const bool is_small = c >= 'a' && c <= 'z';
    const bool is_capital = c >= 'A' && c <= 'Z';
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_small && !is_capital && !is_digit) {
      run = 0;
      small = capital = digit = false;
      continue;
    }
    ++run;
    small |= is_small;
    capital |= is_capital;
    digit |= is_digit;
    if (run >= kShortest && static_cast<int>(small) + capital + digit > 1) return true;
  }
  return false;
}

bool IsPrintable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

bool IsPlainPath(std::string_view path) {
  return path.find_first_of("?#\\%;=@$\"'`") == std::string_view::npos &&
         !HoldsWhatCouldBeASignIn(path);
}

}  // namespace

std::optional<Ecosystem> EcosystemNamed(std::string_view name) {
  const auto found = std::ranges::find(kEcosystems, name);
  if (found == kEcosystems.end()) return std::nullopt;
  return static_cast<Ecosystem>(found - kEcosystems.begin());
}

FoundRegistries RegistriesOfNpmrc(std::string_view text) {
  Taken taken;
  ForEachLine(text, [&](std::string_view line, unsigned number) {
    const auto said = AssignmentIn(line, '=');
    if (!said) return;
    const bool chief = said->key == "registry";
    const bool of_scope = said->key.starts_with('@') && said->key.ends_with(":registry");
    if (chief || of_scope) taken.Add(said->value, number, chief);
  });
  return std::move(taken).All();
}

FoundRegistries RegistriesOfYarnrc(std::string_view text) {
  Taken taken;
  ForEachLine(text, [&](std::string_view line, unsigned number) {
    const auto said = AssignmentIn(line, ' ');
    if (!said) return;
    const bool chief = said->key == "registry";
    const bool of_scope = said->key.starts_with('@') && said->key.ends_with(":registry");
    if (chief || of_scope) taken.Add(said->value, number, chief);
  });
  return std::move(taken).All();
}

FoundRegistries RegistriesOfYarnrcYml(std::string_view text) {
  Taken taken;
  ForEachLine(text, [&](std::string_view line, unsigned number) {
    const auto said = AssignmentIn(line, ':');
    // What is indented is of one scope.
    if (said && said->key == "npmRegistryServer") {
      taken.Add(said->value, number, kBlank.find(line.front()) == std::string_view::npos);
    }
  });
  return std::move(taken).All();
}

FoundRegistries RegistriesOfPipConf(std::string_view text) {
  Taken taken;
  enum class In : std::uint8_t { kOther, kIndex, kMore } in = In::kOther;
  ForEachLine(text, [&](std::string_view line, unsigned number) {
    const std::string_view said = Trimmed(line);
    if (said.empty() || said.starts_with('#') || said.starts_with(';')) return;
    std::string_view value = said;  // of a line that goes on with the one before
    if (kBlank.find(line.front()) == std::string_view::npos) {
      const std::size_t at = said.find_first_of("=:");
      const std::string_view key = Trimmed(said.substr(0, at));
      in = IsPipKey(key, "index-url")                                        ? In::kIndex
           : IsPipKey(key, "extra-index-url") || IsPipKey(key, "find-links") ? In::kMore
                                                                             : In::kOther;
      value = at == std::string_view::npos ? std::string_view() : said.substr(at + 1);
    }
    if (in != In::kOther) taken.Add(RegistriesOfValue(value, in == In::kIndex), number);
  });
  return std::move(taken).All();
}

FoundRegistries RegistriesOfMavenSettings(std::string_view text) {
  const std::string xml = WithBlankComments(text);
  Taken taken;
  // The sign-ins stand elsewhere, in <servers>.
  for (const std::string_view name : {"mirror", "repository", "pluginRepository"}) {
    std::size_t at = 0;
    LineCounter lines(xml);
    while (const auto element = ElementIn(xml, name, at)) {
      const std::string_view url = FirstElementIn(*element, "url");
      taken.Add(url, lines.LineOf(url.empty() ? element->data() : url.data()),
                name == "mirror" && IsForCentral(FirstElementIn(*element, "mirrorOf")));
    }
  }
  return std::move(taken).All();
}

FoundRegistries ProxiesOfGoEnv(std::string_view text) {
  return OfGoEnv(text, "GOPROXY", ProxiesOfValue);
}

FoundRegistries SumDatabaseOfGoEnv(std::string_view text) {
  return OfGoEnv(text, "GOSUMDB", SumDatabaseOfValue);
}

std::vector<NamedRegistry> RegistriesOfValue(std::string_view value, bool chief) {
  return SplitAt(value, " \t\r\n", chief);
}

std::vector<NamedRegistry> ProxiesOfValue(std::string_view value) {
  return SplitAt(value, ",|", /*chief=*/true);
}

std::vector<NamedRegistry> SumDatabaseOfValue(std::string_view value) {
  // "NAME", "NAME+KEY" or "NAME+KEY ADDRESS".
  value = Trimmed(value);
  if (value.empty()) return {};
  const std::size_t space = value.find(' ');
  if (value == "off") return {{.url = "off", .chief = true}};
  if (space != std::string_view::npos) {
    return {{.url = std::string(Trimmed(value.substr(space + 1))), .chief = true}};
  }
  return {{.url = fmt::format("https://{}", value.substr(0, value.find('+'))), .chief = true}};
}

bool IsOfFiles(std::string_view url) {
  return url.starts_with("file:") || url.starts_with('/') || url.starts_with('.') ||
         url.starts_with('~') || url == "direct" || url == "off";
}

std::optional<RegistryTarget> TargetOf(std::string_view url) {
  const auto parts = PartsOf(url);
  if (!parts) return std::nullopt;
  RegistryTarget target{.plain = !parts->has_user && IsPrintable(url) && IsPlainPath(parts->path)};
  if (IsLoopback(parts->host)) {
    target.host_port = PortIn(parts->port);
    if (!target.host_port) return std::nullopt;
    return target;
  }
  const auto rule = ParseNetRule(fmt::format("{}:{}", parts->host, parts->port), {});
  // No wildcard and no range: what the address names, and nothing beside it.
  if (!rule || rule->below || (rule->range && rule->range->bits != 128)) return std::nullopt;
  target.rule = TextOf(*rule);
  return target;
}

}  // namespace ambit::policy
