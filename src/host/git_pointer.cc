// The formats of git's pointer files (git_project.h).
#include <limits.h>

#include <algorithm>

#include "host/git_project.h"

namespace ambit::host {
namespace {

constexpr std::size_t kMaxAlternates = 64;

Result<std::string> CheckPath(std::string_view path) {
  if (path.empty()) return Fail(Errc::kInvalidArgument, "git pointer: empty path");
  if (path.size() >= PATH_MAX) return Fail(Errc::kInvalidArgument, "git pointer: path too long");
  if (path.find_first_of(std::string_view("\0\n", 2)) != std::string_view::npos) {
    return Fail(Errc::kInvalidArgument, "git pointer: NUL or line break in a path");
  }
  return std::string(path);
}

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

/// git's C-style quoting: "\n", "\\", "\"", "\302".
Result<std::string> Unquote(std::string_view text) {
  const auto bad = [] { return Fail(Errc::kInvalidArgument, "alternates: bad quoting"); };
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return bad();
  text = text.substr(1, text.size() - 2);
  std::string out;
  while (!text.empty()) {
    if (text.front() == '"') return bad();
    if (text.front() != '\\') {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    if (text.size() >= 4 && text[1] <= '3' && std::ranges::all_of(text.substr(1, 3), IsOctal)) {
      out += static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
      text.remove_prefix(4);
      continue;
    }
    constexpr std::string_view kNames = "abfnrtv\\\"";
    constexpr std::string_view kBytes = "\a\b\f\n\r\t\v\\\"";
    const std::size_t which = text.size() >= 2 ? kNames.find(text[1]) : std::string_view::npos;
    if (which == std::string_view::npos) return bad();
    out += kBytes[which];
    text.remove_prefix(2);
  }
  return out;
}

}  // namespace

Result<std::string> ParsePathFile(std::string_view bytes) {
  while (bytes.ends_with('\n') || bytes.ends_with('\r')) bytes.remove_suffix(1);
  return CheckPath(bytes);
}

Result<std::string> ParseGitFile(std::string_view bytes) {
  constexpr std::string_view kPrefix = "gitdir: ";
  if (!bytes.starts_with(kPrefix)) {
    return Fail(Errc::kInvalidArgument, "git pointer: does not start with 'gitdir: '");
  }
  return ParsePathFile(bytes.substr(kPrefix.size()));
}

Result<std::vector<std::string>> ParseAlternates(std::string_view bytes) {
  std::vector<std::string> paths;
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    if (line.empty() || line.front() == '#') continue;
    if (paths.size() == kMaxAlternates) {
      return Fail(Errc::kInvalidArgument, "alternates: too many lines");
    }
    std::string raw(line);
    if (line.front() == '"') {
      if (auto plain = Unquote(line)) raw = *std::move(plain);  // git too takes it raw otherwise
    }
    AMBIT_TRY(std::string path, CheckPath(raw));
    paths.push_back(std::move(path));
  }
  return paths;
}

}  // namespace ambit::host
