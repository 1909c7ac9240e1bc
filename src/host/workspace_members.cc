#include "host/workspace_members.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "base/text.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

constexpr std::size_t kMaxManifestBytes = 1U << 20;
constexpr std::uint64_t kInside = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;

struct Manifest {
  const char* name;
  std::string_view word;  // declares a workspace; empty: the file by itself does
};
constexpr std::array kManifests = {
    Manifest{"package.json", "workspaces"},
    Manifest{"pnpm-workspace.yaml", ""},
    Manifest{"lerna.json", ""},
    Manifest{"deno.json", "workspace"},
    Manifest{"deno.jsonc", "workspace"},
    Manifest{"Cargo.toml", "workspace"},
    Manifest{"pyproject.toml", "workspace"},
    Manifest{"go.work", ""},
};

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_.@*-/").find(c) != std::string_view::npos;
}

std::vector<std::string_view> Components(std::string_view path) {
  std::vector<std::string_view> out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, end);
    if (!name.empty() && name != ".") out.push_back(name);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return out;
}

std::string Join(const std::string& directory, std::string_view name) {
  return directory.empty() ? std::string(name) : fmt::format("{}/{}", directory, name);
}

class Members {
 public:
  Members(int project, std::string_view part) : project_(project), part_(part) {}

  Result<std::vector<std::string>> Find() {
    bool declared = false;
    std::set<std::string> deep;
    for (const Manifest& manifest : kManifests) {
      const auto text = sys::ReadSmallFile(project_, manifest.name, kMaxManifestBytes, kInside);
      if (!text && text.error().sys_errno == ENOENT) continue;
      declared = declared || !text || text->find(manifest.word) != std::string::npos;
      if (text) std::ranges::move(DeepPatterns(*text), std::inserter(deep, deep.end()));
    }
    if (!declared) return std::vector<std::string>();
    AMBIT_TRY(const std::vector<std::string> first, Below("", "*"));
    AMBIT_CHECK(Add(first));
    for (const std::string& directory : first) {
      AMBIT_TRY(const std::vector<std::string> second, Below(directory, "*"));
      AMBIT_CHECK(Add(second));
    }
    for (const std::string& pattern : deep) AMBIT_CHECK(Expand(pattern));
    return std::vector(members_.begin(), members_.end());
  }

 private:
  [[nodiscard]] bool Matters(const std::string& path) const {
    return part_.empty() || path == part_ || path.starts_with(fmt::format("{}/", part_)) ||
           part_.starts_with(path + "/");
  }

  Status Add(const std::vector<std::string>& directories) {
    members_.insert(directories.begin(), directories.end());
    return members_.size() > kMaxMembers ? TooMany() : Status();
  }

  static std::unexpected<Error> TooMany() {
    return Fail(Errc::kLimit,
                fmt::format("looking for secret files in the parts of the project: more than {} "
                            "directories or {} names",
                            kMaxMembers, kMaxListed),
                "run in a part of the project with -C DIR");
  }

  /// The directories below `directory` that the one component `name` means.
  Result<std::vector<std::string>> Below(const std::string& directory, std::string_view name) {
    std::vector<std::string> out;
    if (name.find('*') == std::string_view::npos) {
      std::string path = Join(directory, name);
      if (Matters(path) && sys::OpenAt(project_, path.c_str(), O_PATH | O_DIRECTORY,
                                       kInside | RESOLVE_NO_SYMLINKS)) {
        out.push_back(std::move(path));
      }
      return out;
    }
    const auto fd = sys::OpenAt(project_, directory.empty() ? "." : directory.c_str(),
                                O_RDONLY | O_DIRECTORY, kInside | RESOLVE_NO_SYMLINKS);
    if (!fd) return out;
    const auto entries = sys::ListDirectory(fd->get());
    if (!entries) return out;
    listed_ += entries->size();
    if (listed_ > kMaxListed) return TooMany();
    for (const sys::DirectoryEntry& entry : *entries) {
      const bool entered =
          entry.name.front() != '.' && entry.name != "node_modules" && entry.name != "target";
      if (entered && entry.kind == sys::EntryKind::kDirectory && MatchesName(name, entry.name)) {
        std::string path = Join(directory, entry.name);
        if (Matters(path)) out.push_back(std::move(path));
      }
    }
    return out;
  }

  Status Expand(std::string_view pattern) {
    std::vector<std::string> found = {""};
    for (const std::string_view name : Components(pattern)) {
      std::vector<std::string> next;
      for (const std::string& directory : found) {
        AMBIT_TRY(std::vector<std::string> below, Below(directory, name));
        std::ranges::move(below, std::back_inserter(next));
      }
      found = std::move(next);
      if (found.size() > kMaxMembers) return TooMany();
    }
    return Add(found);
  }

  int project_;
  std::string_view part_;
  std::size_t listed_ = 0;
  std::set<std::string> members_;
};

}  // namespace

bool MatchesName(std::string_view pattern, std::string_view name) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  // The last `*` can take one character more whenever what follows it does not fit.
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t taken = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(name[n]))) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  return pattern.substr(p).find_first_not_of('*') == std::string_view::npos;
}

std::vector<std::string> DeepPatterns(std::string_view manifest) {
  std::vector<std::string> out;
  while (!manifest.empty() && out.size() < kMaxDeepPatterns) {
    const auto* const first = std::ranges::find_if(manifest, IsWordCharacter);
    manifest.remove_prefix(static_cast<std::size_t>(first - manifest.begin()));
    const auto* const last = std::ranges::find_if_not(manifest, IsWordCharacter);
    const auto length = static_cast<std::size_t>(last - manifest.begin());
    const std::vector<std::string_view> names = Components(manifest.substr(0, length));
    const bool climbs = std::ranges::find(names, "..") != names.end();
    if (names.size() >= 3 && !climbs) out.push_back(fmt::format("{}", fmt::join(names, "/")));
    manifest.remove_prefix(length);
  }
  return out;
}

Result<std::vector<std::string>> WorkspaceMembers(int project, std::string_view part) {
  return Members(project, part).Find();
}

}  // namespace ambit::host
