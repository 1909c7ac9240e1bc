#include "host/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include "base/path.h"
#include "base/text.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

constexpr std::array<const char*, 9> kSystemDirectories = {
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix"};
// Of /nix only the store: beside it lies the socket of a daemon that builds for everybody.
constexpr const char* kNix = "/nix";
constexpr const char* kNixStore = "/nix/store";

bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

bool IsOwnedBy(const std::string& path, uid_t uid) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && info.st_uid == uid;
}

/// mountinfo writes space, tab, newline and backslash as three octal digits.
std::string UnescapeMountPath(std::string_view field) {
  std::string out;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && i + 3 < field.size() && field[i + 1] >= '0' && field[i + 1] <= '3') {
      out += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 +
                               (field[i + 3] - '0'));
      i += 3;
    } else {
      out += field[i];
    }
  }
  return out;
}

Status RefuseUnfitRoot(const std::string& root, const Person& person,
                       const std::string& state_root) {
  const auto refuse = [&](std::string_view why) -> Status {
    return Fail(Errc::kInvalidArgument, fmt::format("project '{}': {}", Printable(root), why),
                "change into a project directory, or name one with -C DIR");
  };
  if (root == "/") return refuse("the whole file system is not a project");
  if (IsAtOrBelow(person.home, root)) {
    return refuse("it is or contains your home directory");
  }
  for (const char* system : kSystemDirectories) {
    if (IsAtOrBelow(root, system) && std::string_view(system) != "/opt") {
      return refuse("it lies in a system directory");
    }
  }
  for (const char* own : {"/etc", "/proc", "/sys", "/dev", "/boot", "/var", "/run", "/tmp"}) {
    const bool inside_is_fine = std::string_view(own) == "/tmp" ||
                                std::string_view(own) == "/var" || std::string_view(own) == "/run";
    if (root == own || (!inside_is_fine && IsAtOrBelow(root, own))) {
      return refuse("it is a system directory");
    }
  }
  if (IsAtOrBelow(state_root, root)) {
    return refuse(fmt::format("it contains ambit's own state directory '{}'", state_root));
  }
  if (IsAtOrBelow(root, state_root)) {
    return refuse(fmt::format("it lies in ambit's own state directory '{}'", state_root));
  }
  return {};
}

}  // namespace

std::string ResolveWhatExists(const std::string& path) {
  for (std::size_t end = path.size(); end != std::string::npos && end > 0;
       end = path.rfind('/', end - 1)) {
    if (auto real = RealPath(path.substr(0, end))) {
      return (*real == "/" ? "" : *real) + path.substr(end);
    }
  }
  return path;
}

Result<std::string> RealPath(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), &::free);
  if (real == nullptr) return FailErrno(errno, fmt::format("'{}'", Printable(path)));
  return std::string(real.get());
}

Result<Person> ReadPerson() {
  const char* home = ::getenv("HOME");
  return ReadPerson(home != nullptr ? home : "");
}

Result<Person> ReadPerson(std::string_view home) {
  Person person{
      .uid = ::geteuid(), .gid = ::getegid(), .name = {}, .home = {}, .own_home = {}, .shell = {}};
  std::string passwd_home;
  const std::unique_ptr<FILE, int (*)(FILE*)> passwd(::fopen("/etc/passwd", "re"), &::fclose);
  while (const ::passwd* entry = passwd != nullptr ? ::fgetpwent(passwd.get()) : nullptr) {
    if (entry->pw_uid != person.uid) continue;
    person.name = entry->pw_name;
    passwd_home = entry->pw_dir;
    person.shell = entry->pw_shell;
    break;
  }
  person.home = passwd_home;
  if (home.starts_with('/')) person.home = home;
  if (person.home.empty()) {
    return Fail(Errc::kNotFound, fmt::format("home directory of uid {}", person.uid),
                "set HOME to an absolute path");
  }
  if (auto real = RealPath(person.home)) person.home = *real;
  for (const char* own :
       {"/", "/bin", "/dev", "/etc", "/lib", "/proc", "/run", "/sys", "/tmp", "/usr", "/var"}) {
    if (person.home != own) continue;
    return Fail(Errc::kInvalidArgument,
                fmt::format("the home directory is '{}', which a run makes itself", own),
                "set HOME to a directory of yours");
  }
  person.own_home =
      IsOwnedBy(person.home, person.uid) || passwd_home.empty() ? person.home : passwd_home;
  person.passwd_home = RealPath(passwd_home).value_or(passwd_home);
  if (person.name.empty()) person.name = "user";
  if (person.shell.empty() || !Exists(person.shell)) person.shell = "/bin/sh";
  return person;
}

namespace {

/// Whether `marker` is there and made by somebody whose word counts: in a directory that others can
/// write, anybody could make everything around a person's work their project.
bool MarksProject(const std::string& marker, const Person& person, const std::string& start) {
  struct stat info{};
  if (::lstat(marker.c_str(), &info) != 0) return false;
  return info.st_uid == person.uid || info.st_uid == 0 || IsOwnedBy(start, info.st_uid);
}

/// `start` and what is above it, the nearest first, as far as somebody marked them as projects.
std::vector<std::string> Marked(const std::string& start, const Person& person) {
  std::vector<std::string> marked;
  for (std::string dir = start; !dir.empty(); dir = dir.substr(0, dir.rfind('/'))) {
    if (MarksProject(dir + "/.git", person, start) ||
        MarksProject(dir + "/ambit.toml", person, start)) {
      marked.push_back(dir);
    }
  }
  return marked;
}

}  // namespace

Result<Project> FindProject(const std::string& start, bool explicit_root, const Person& person,
                            const std::string& state_root) {
  Project project;
  AMBIT_TRY(project.cwd, RealPath(start));
  const std::vector<std::string> marked = Marked(project.cwd, person);
  project.root = explicit_root || marked.empty() ? project.cwd : marked.front();
  for (const std::string& around : marked) {
    // One that is none by itself, as a home under version control, has no parts.
    if (around != project.root && RefuseUnfitRoot(around, person, state_root)) {
      project.around.push_back(around);
    }
  }
  AMBIT_CHECK(RefuseUnfitRoot(project.root, person, state_root));
  // One look: owner and identity are those of what the real path names, whoever renames meanwhile.
  AMBIT_TRY(const Fd root, sys::OpenUnlinked(project.root.c_str(), O_PATH));
  struct stat info{};
  if (::fstat(root.get(), &info) != 0) {
    return FailErrno(errno, fmt::format("project '{}'", Printable(project.root)));
  }
  if (!S_ISDIR(info.st_mode)) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("project '{}': not a directory", Printable(project.root)),
                "name the directory that holds it");
  }
  project.id = sys::FileId{.device = info.st_dev, .inode = info.st_ino};
  project.owner = info.st_uid;
  project.group = info.st_gid;
  return project;
}

std::vector<SystemPath> ReadSystemPaths() {
  std::vector<SystemPath> found;
  for (const char* path : kSystemDirectories) {
    if (std::string_view(path) == kNix) path = kNixStore;
    struct stat info{};
    if (::lstat(path, &info) != 0) continue;
    if (S_ISLNK(info.st_mode)) {
      if (auto target = sys::ReadLink(AT_FDCWD, path)) {
        found.push_back({.path = path, .link_target = *target, .directory = false});
      }
    } else if (S_ISDIR(info.st_mode)) {
      found.push_back({.path = path, .link_target = {}, .directory = true});
    }
  }
  return found;
}

std::vector<std::string> ParseMountPoints(std::string_view mountinfo) {
  std::vector<std::string> found;
  while (!mountinfo.empty()) {
    std::string_view line = mountinfo.substr(0, mountinfo.find('\n'));
    mountinfo.remove_prefix(std::min(mountinfo.size(), line.size() + 1));
    for (int field = 0; field < 4; ++field) {
      line.remove_prefix(std::min(line.size(), line.find(' ') + 1));
    }
    if (!line.empty()) found.push_back(UnescapeMountPath(line.substr(0, line.find(' '))));
  }
  return found;
}

Result<std::vector<std::string>> ReadMountPoints() {
  constexpr std::size_t kLimit = 16U << 20;
  AMBIT_TRY(const std::string table, sys::ReadSmallFile(AT_FDCWD, "/proc/self/mountinfo", kLimit));
  return ParseMountPoints(table);
}

std::vector<SystemPath> LinksOnTheWay(const std::string& path) {
  constexpr std::size_t kMostLinks = 40;  // the kernel's own bound (MAXSYMLINKS)
  std::vector<SystemPath> links;
  std::string here;
  std::string rest = path;
  while (!rest.empty() && links.size() < kMostLinks) {
    const std::string name = rest.substr(0, rest.find('/'));
    rest.erase(0, name.size() + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      here.resize(here.empty() ? 0 : here.rfind('/'));
      continue;
    }
    const std::string next = here + "/" + name;
    const auto target = sys::ReadLink(AT_FDCWD, next.c_str());
    if (!target) {
      here = next;
      continue;
    }
    links.push_back({.path = next, .link_target = *target, .directory = false});
    if (target->starts_with('/')) here.clear();
    rest = *target + "/" + rest;
  }
  return links;
}

std::map<std::string, std::string> ReadEnvironment(
    const std::function<bool(std::string_view)>& wanted) {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || !wanted(text.substr(0, equals))) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

}  // namespace ambit::host
