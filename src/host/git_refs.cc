#include "host/git_refs.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

constexpr std::size_t kMaxPackedRefsAtStart = 4U << 20;  // tens of thousands of branches
constexpr int kMaxSymbolicDepth = 5;                     // git's own bound

bool IsHexDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool IsForbidden(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= 0x20 || byte == 0x7F || std::string_view("~^:?*[\\").contains(c);
}

bool IsRefComponent(std::string_view name) {
  return !name.empty() && !name.starts_with('.') && !name.ends_with('.') &&
         !name.ends_with(".lock") && !name.contains("..") && !name.contains("@{") &&
         std::ranges::none_of(name, IsForbidden);
}

std::string_view TakeLine(std::string_view& bytes) {
  const std::size_t end = bytes.find('\n');
  const std::string_view line = bytes.substr(0, end);
  bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
  return line;
}

}  // namespace

bool IsObjectName(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) && std::ranges::all_of(text, IsHexDigit);
}

bool IsBranchRef(std::string_view name) {
  constexpr std::string_view kPrefix = "refs/heads/";
  if (!name.starts_with(kPrefix) || name.size() > kMaxRefBytes) return false;
  name.remove_prefix(kPrefix.size());
  for (;;) {
    const std::size_t slash = name.find('/');
    if (!IsRefComponent(name.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

Result<RefValue> ParseRef(std::string_view bytes) {
  if (bytes.size() > kMaxRefBytes) return Fail(Errc::kLimit, "git ref: too long");
  if (bytes.ends_with('\n')) bytes.remove_suffix(1);
  constexpr std::string_view kSymbolic = "ref:";
  if (bytes.starts_with(kSymbolic)) {
    bytes.remove_prefix(kSymbolic.size());
    while (bytes.starts_with(' ') || bytes.starts_with('\t')) bytes.remove_prefix(1);
    if (!IsBranchRef(bytes)) {
      return Fail(Errc::kInvalidArgument,
                  fmt::format("git ref: '{}' is not a branch", Printable(bytes)));
    }
    return RefValue{.object = {}, .target = std::string(bytes)};
  }
  if (!IsObjectName(bytes)) return Fail(Errc::kInvalidArgument, "git ref: not an object's name");
  return RefValue{.object = std::string(bytes), .target = {}};
}

Result<std::optional<std::string>> FindPackedRef(std::string_view bytes, std::string_view name) {
  std::optional<std::string> found;
  while (!bytes.empty()) {
    const std::string_view line = TakeLine(bytes);
    const std::size_t space = line.find(' ');
    if (line.starts_with('#') || space == std::string_view::npos) continue;
    if (line.substr(space + 1) != name) continue;
    // Git's own search is a binary one, so of two entries nobody could say which one counts.
    if (found) return Fail(Errc::kInvalidArgument, "packed-refs: a branch that stands there twice");
    if (!IsObjectName(line.substr(0, space))) {
      return Fail(Errc::kInvalidArgument, "packed-refs: not an object's name");
    }
    found = std::string(line.substr(0, space));
  }
  return found;
}

Result<std::vector<PackedRef>> ParsePackedRefs(std::string_view bytes) {
  std::vector<PackedRef> refs;
  while (!bytes.empty()) {
    const std::string_view line = TakeLine(bytes);
    const std::size_t space = line.find(' ');
    if (line.starts_with('#') || space == std::string_view::npos) continue;
    const std::string_view name = line.substr(space + 1);
    if (name != kStashRef && !IsBranchRef(name)) continue;
    if (!IsObjectName(line.substr(0, space))) {
      return Fail(Errc::kInvalidArgument, "packed-refs: not an object's name");
    }
    refs.push_back({.name = std::string(name), .object = std::string(line.substr(0, space))});
  }
  std::ranges::sort(refs, {}, &PackedRef::name);
  if (std::ranges::adjacent_find(refs, {}, &PackedRef::name) != refs.end()) {
    return Fail(Errc::kInvalidArgument, "packed-refs: a branch that stands there twice");
  }
  return refs;
}

Result<std::vector<std::string>> ParseStashLog(std::string_view bytes) {
  std::vector<std::string> objects;
  while (!bytes.empty()) {
    const std::string_view line = TakeLine(bytes);  // OLD NEW NAME <MAIL> TIME ZONE\tMESSAGE
    const std::string_view words = line.substr(0, line.find('\t'));
    const std::size_t old_end = std::min(words.find(' '), words.size());
    const std::string_view rest = words.substr(std::min(old_end + 1, words.size()));
    const std::string_view object = rest.substr(0, rest.find(' '));
    if (!IsObjectName(object) || !IsObjectName(words.substr(0, old_end))) {
      return Fail(Errc::kInvalidArgument, "the stash's reflog: a line without two objects' names");
    }
    objects.emplace_back(object);
  }
  std::ranges::reverse(objects);
  return objects;
}

Result<std::optional<std::string>> FollowHead(const GitFileReader& own,
                                              const GitFileReader& common) {
  AMBIT_TRY(std::optional<std::string> bytes, own("HEAD", kMaxRefBytes));
  if (!bytes) return Fail(Errc::kInvalidArgument, "the repository has no HEAD any more");
  for (int depth = 0; depth < kMaxSymbolicDepth; ++depth) {
    AMBIT_TRY(RefValue value, ParseRef(*bytes));
    if (!value.object.empty()) return std::move(value.object);
    AMBIT_TRY(bytes, common(value.target, kMaxRefBytes));
    if (bytes) continue;
    AMBIT_TRY(const std::optional<std::string> packed, common("packed-refs", kMaxPackedRefsBytes));
    if (!packed) return std::nullopt;
    return FindPackedRef(*packed, value.target);
  }
  return Fail(Errc::kInvalidArgument, "HEAD leads from branch to branch without end");
}

std::optional<std::string> HeadCommitOf(const GitProject& project) {
  if (project.layout == GitLayout::kNone) return std::nullopt;
  const auto read_in = [](const std::string& directory) {
    return [directory](const std::string& path,
                       std::size_t max_bytes) -> Result<std::optional<std::string>> {
      const std::string file = directory + "/" + path;
      auto bytes =
          sys::ReadSmallFile(AT_FDCWD, file.c_str(), std::min(max_bytes, kMaxPackedRefsAtStart));
      if (bytes) return *std::move(bytes);
      // A directory may stay behind where a deleted branch was.
      const bool none =
          bytes.error().code == Errc::kNotFound || bytes.error().code == Errc::kInvalidArgument;
      if (none) return std::nullopt;
      return std::unexpected(std::move(bytes).error());
    };
  };
  return FollowHead(read_in(project.git_dir), read_in(project.common_dir)).value_or(std::nullopt);
}

}  // namespace ambit::host
