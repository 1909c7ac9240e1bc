#include "host/cgroup_files.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "base/path.h"

namespace ambit::host {
namespace {

/// Takes what is before `end` off the front of `text`, and `end` with it.
std::string_view TakeUntil(std::string_view& text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), taken.size() + 1));
  return taken;
}

std::vector<std::string> SplitAtCommas(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) parts.emplace_back(TakeUntil(list, ','));
  std::erase(parts, "");
  return parts;
}

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

/// The kernel writes space, tab, newline, backslash and '#' as three octal digits.
std::string Unescape(std::string_view field) {
  std::string out;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const std::string_view digits = field.substr(i).substr(0, 4);
    if (digits.size() == 4 && digits[0] == '\\' && digits[1] >= '0' && digits[1] <= '3' &&
        IsOctal(digits[2]) && IsOctal(digits[3])) {
      const int value = (digits[1] - '0') * 64 + (digits[2] - '0') * 8 + (digits[3] - '0');
      out += static_cast<char>(value);
      i += 3;
    } else {
      out += field[i];
    }
  }
  return out;
}

/// As the kernel writes it: nothing behind the last name.
bool IsPath(std::string_view text) {
  return text == "/" || (text.starts_with('/') && !text.ends_with('/'));
}

/// "36 35 98:0 /root /at rw,noatime master:1 - type device rw,memory": any number of optional
/// fields stand before the dash.
std::optional<CgroupMount> ParseMount(std::string_view line) {
  std::array<std::string_view, 5> before;
  for (std::string_view& field : before) field = TakeUntil(line, ' ');
  while (!line.empty() && TakeUntil(line, ' ') != "-") {
  }
  const std::string_view type = TakeUntil(line, ' ');
  if (type != "cgroup" && type != "cgroup2") return std::nullopt;
  TakeUntil(line, ' ');
  CgroupMount mount{.unified = type == "cgroup2",
                    .controllers = {},
                    .root = Unescape(before[3]),
                    .at = Unescape(before[4])};
  if (!IsPath(mount.root) || !IsPath(mount.at)) return std::nullopt;
  // The options of the file system: those of v1 name its controllers, beside words that no
  // controller is called by.
  if (!mount.unified) mount.controllers = SplitAtCommas(line);
  return mount;
}

}  // namespace

std::vector<CgroupMount> ParseCgroupMounts(std::string_view mountinfo) {
  std::vector<CgroupMount> mounts;
  while (!mountinfo.empty()) {
    const std::string_view line = TakeUntil(mountinfo, '\n');
    // Most lines are about other file systems: say so before the line is taken apart.
    if (!line.contains(" - cgroup")) continue;
    if (auto mount = ParseMount(line)) mounts.push_back(*std::move(mount));
  }
  return mounts;
}

std::vector<OwnCgroup> ParseOwnCgroups(std::string_view text) {
  std::vector<OwnCgroup> found;
  while (!text.empty()) {
    // "4:memory:/path": the path may hold colons.
    std::string_view line = TakeUntil(text, '\n');
    const std::string_view number = TakeUntil(line, ':');
    const std::string_view controllers = TakeUntil(line, ':');
    const bool whole = !number.empty() && line.starts_with('/');
    // Only the v2 hierarchy has no controllers, and it has the number 0.
    if (!whole || (controllers.empty() && number != "0")) continue;
    found.push_back({.controllers = SplitAtCommas(controllers), .path = std::string(line)});
  }
  return found;
}

std::string DirectoryOf(const CgroupMount& mount, std::string_view path) {
  if (!IsAtOrBelow(path, mount.root) || ("/" + std::string(path) + "/").contains("/../")) return {};
  std::string_view below = path.substr(mount.root == "/" ? 0 : mount.root.size());
  if (below == "/") below = {};
  return mount.at == "/" && !below.empty() ? std::string(below) : mount.at + std::string(below);
}

}  // namespace ambit::host
