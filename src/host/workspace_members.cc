#include "host/workspace_members.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <set>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

constexpr std::size_t kMaxManifestBytes = 1U << 20;
constexpr std::uint64_t kInside = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

struct Manifest {
  const char* name;
  std::vector<std::string> (*members)(std::string_view);
};
constexpr std::array kManifests = {
    Manifest{"package.json", JsonMembers},        Manifest{"lerna.json", JsonMembers},
    Manifest{"pnpm-workspace.yaml", YamlMembers}, Manifest{"Cargo.toml", TomlMembers},
    Manifest{"pyproject.toml", TomlMembers},      Manifest{"go.work", GoMembers},
};

std::string_view Trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") + 1 - first);
}

std::string_view Unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == text.back() &&
                      (text.front() == '"' || text.front() == '\'');
  return quoted ? text.substr(1, text.size() - 2) : text;
}

/// Calls `visit` with each line, trimmed, until it returns false.
template <class Visit>
void ForEachLine(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (!visit(text.substr(0, end))) return;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
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

bool IsPattern(std::string_view name) { return name.find_first_of("*?") != std::string_view::npos; }

std::string Join(const std::string& directory, std::string_view name) {
  return directory.empty() ? std::string(name) : fmt::format("{}/{}", directory, name);
}

/// The directories below `directory` that the one component `name` means.
std::vector<std::string> Below(int project, const std::string& directory, std::string_view name) {
  constexpr std::uint64_t kDirectory = O_RDONLY | O_DIRECTORY;
  if (!IsPattern(name)) {
    const std::string path = Join(directory, name);
    const bool exists =
        sys::OpenAt(project, path.c_str(), O_PATH | O_DIRECTORY, kInside).has_value();
    return exists ? std::vector{path} : std::vector<std::string>();
  }
  std::vector<std::string> out;
  const auto fd =
      sys::OpenAt(project, directory.empty() ? "." : directory.c_str(), kDirectory, kInside);
  if (!fd) return out;
  const auto entries = sys::ListDirectory(fd->get());
  if (!entries) return out;
  for (const sys::DirectoryEntry& entry : *entries) {
    const bool plain = entry.name.front() != '.' && entry.name != "node_modules";
    if (plain && entry.kind == sys::EntryKind::kDirectory && MatchesName(name, entry.name)) {
      out.push_back(Join(directory, entry.name));
    }
  }
  return out;
}

/// `**` means one or two levels: further down is a walk, which only a person may ask for.
Status Expand(int project, std::string_view pattern, std::set<std::string>& members) {
  std::vector<std::string> found = {""};
  for (const std::string_view name : Components(pattern)) {
    if (name == "..") return {};
    std::vector<std::string> next;
    for (const std::string& directory : found) {
      std::ranges::move(Below(project, directory, name), std::back_inserter(next));
    }
    if (name == "**") {
      const std::vector<std::string> first = next;
      for (const std::string& directory : first) {
        std::ranges::move(Below(project, directory, "*"), std::back_inserter(next));
      }
      std::ranges::copy(found, std::back_inserter(next));
    }
    found = std::move(next);
    if (found.size() > kMaxMembers) {
      return Fail(Errc::kLimit,
                  fmt::format("workspace pattern '{}': more than {} directories",
                              Printable(pattern), kMaxMembers),
                  "name the secret files with --mask instead and add --unmask '*'");
    }
  }
  members.insert(found.begin(), found.end());
  return {};
}

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

std::vector<std::string> JsonMembers(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  std::vector<std::string> out;
  if (!json.is_object()) return out;
  const auto add = [&](const nlohmann::json& list) {
    if (!list.is_array()) return;
    for (const nlohmann::json& entry : list) {
      if (entry.is_string()) out.push_back(entry.get<std::string>());
    }
  };
  const auto workspaces = json.find("workspaces");
  if (workspaces != json.end()) {
    add(*workspaces);
    if (workspaces->is_object() && workspaces->contains("packages")) add((*workspaces)["packages"]);
  }
  if (const auto packages = json.find("packages"); packages != json.end()) add(*packages);
  return out;
}

std::vector<std::string> YamlMembers(std::string_view text) {
  std::vector<std::string> out;
  bool in_list = false;
  ForEachLine(text, [&](std::string_view line) {
    const std::string_view word = Trimmed(line);
    if (word.empty() || word.front() == '#') return true;
    if (in_list && word.starts_with("- ")) {
      out.emplace_back(Unquoted(Trimmed(word.substr(2))));
    } else {
      in_list = word == "packages:" && word.front() == line.front();
    }
    return true;
  });
  return out;
}

std::vector<std::string> TomlMembers(std::string_view text) {
  std::vector<std::string> out;
  bool in_table = false;
  bool in_list = false;
  ForEachLine(text, [&](std::string_view line) {
    std::string_view word = Trimmed(line);
    if (!in_list && word.starts_with("[")) {
      in_table = word.ends_with("workspace]");
      return true;
    }
    if (in_table && word.starts_with("members") && word.find('[') != std::string_view::npos) {
      in_list = true;
      word.remove_prefix(word.find('[') + 1);
    }
    if (!in_list) return true;
    for (std::size_t at = 0; at < word.size(); ++at) {
      if (word[at] == '#') break;
      if (word[at] == ']') in_list = false;
      if (word[at] != '"' && word[at] != '\'') continue;
      const std::size_t end = word.find(word[at], at + 1);
      if (end == std::string_view::npos) break;
      if (in_list) out.emplace_back(word.substr(at + 1, end - at - 1));
      at = end;
    }
    return true;
  });
  return out;
}

std::vector<std::string> GoMembers(std::string_view text) {
  std::vector<std::string> out;
  bool in_block = false;
  ForEachLine(text, [&](std::string_view line) {
    std::string_view word = Trimmed(line.substr(0, line.find("//")));
    if (in_block) {
      in_block = word != ")";
    } else if (word == "use (" || word == "use(") {
      in_block = true;
      return true;
    } else if (word.starts_with("use ")) {
      word = Trimmed(word.substr(4));
    } else {
      return true;
    }
    if (!word.empty() && word != ")") out.emplace_back(Unquoted(word));
    return true;
  });
  return out;
}

Result<std::vector<std::string>> WorkspaceMembers(int project) {
  std::set<std::string> members;
  for (const Manifest& manifest : kManifests) {
    const auto text = sys::ReadSmallFile(project, manifest.name, kMaxManifestBytes, kInside);
    if (!text) continue;
    for (const std::string& pattern : manifest.members(*text)) {
      if (!pattern.starts_with('!')) AMBIT_CHECK(Expand(project, pattern, members));
    }
  }
  members.erase("");
  return std::vector(members.begin(), members.end());
}

}  // namespace ambit::host
