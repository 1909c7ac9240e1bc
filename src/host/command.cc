#include "host/command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "host/facts.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

constexpr std::size_t kMostHops = 40;  // the kernel's own bound (MAXSYMLINKS)
constexpr std::size_t kHead = 256;     // the kernel's own bound (BINPRM_BUF_SIZE)

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::vector<std::string> HopsOf(std::string path) {
  std::vector<std::string> hops;
  while (hops.size() < kMostHops) {
    const auto parent = RealPath(DirectoryOf(path));
    if (!parent) break;
    const std::string prefix = *parent == "/" ? "/" : *parent + "/";
    hops.push_back(prefix + path.substr(path.rfind('/') + 1));
    const auto target = sys::ReadLink(AT_FDCWD, hops.back().c_str());
    if (!target) break;
    path = target->starts_with('/') ? *target : prefix + *target;
  }
  return hops;
}

std::optional<FoundFile> Look(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return FoundFile{.path = path,
                   .hops = HopsOf(path),
                   .directory = S_ISDIR(info.st_mode),
                   .executable = S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0};
}

/// The first one that can be executed, else the first one.
std::optional<FoundFile> LookInPath(const std::string& name, std::string_view path_variable) {
  std::optional<FoundFile> second_best;
  while (!path_variable.empty()) {
    const std::string dir(path_variable.substr(0, path_variable.find(':')));
    path_variable.remove_prefix(std::min(path_variable.size(), dir.size() + 1));
    if (!dir.starts_with('/')) continue;
    std::optional<FoundFile> found = Look(dir + (dir.ends_with('/') ? "" : "/") + name);
    if (!found || found->directory) continue;
    if (found->executable) return found;
    if (!second_best) second_best = std::move(found);
  }
  return second_best;
}

std::optional<FoundFile> LookFor(const std::string& name, std::string_view path_variable,
                                 const std::string& directory) {
  if (name.starts_with('/')) return Look(name);
  if (name.find('/') != std::string::npos) return Look(directory + "/" + name);
  return LookInPath(name, path_variable);
}

std::string HeadOf(const std::string& path) {
  std::array<char, kHead> head{};
  const auto file = sys::OpenAt(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat info{};
  if (!file || ::fstat(file->get(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  const ssize_t size = ::read(file->get(), head.data(), head.size());
  return size <= 0 ? std::string() : std::string(head.data(), static_cast<std::size_t>(size));
}

void Mark(const FoundFile& file, std::set<std::string>& markers) {
  const auto look = [&](const std::string& path) {
    if (::access(path.c_str(), F_OK) == 0) markers.insert(path);
  };
  for (const std::string& hop : file.hops) {
    for (std::size_t slash = hop.rfind('/'); slash != 0 && slash != std::string::npos;
         slash = hop.rfind('/', slash - 1)) {
      const std::string dir = hop.substr(0, slash + 1);
      look(dir + kPythonEnvironment);
      look(dir + kNodeModules);
      for (const char* marker : kHomeMarkers) look(dir + marker);
    }
  }
}

/// The next word of `line`, taken off it.
std::string_view TakeWord(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(word.size());
  return word;
}

}  // namespace

std::optional<Interpreter> ParseInterpreter(std::string_view head) {
  if (!head.starts_with("#!")) return std::nullopt;
  head.remove_prefix(2);
  std::string_view line = head.substr(0, head.find('\n'));
  Interpreter interpreter{.path = std::string(TakeWord(line)), .name = {}};
  if (!interpreter.path.starts_with('/')) return std::nullopt;
  if (!interpreter.path.ends_with("/env")) return interpreter;
  std::string_view word = TakeWord(line);
  while (word.starts_with('-') || word.find('=') != std::string_view::npos) word = TakeWord(line);
  interpreter.name = word;
  return interpreter;
}

CommandFacts FindCommand(const std::string& name, std::string_view path_variable,
                         const std::string& directory) {
  CommandFacts facts;
  facts.name = name;
  facts.file = LookFor(name, path_variable, directory);
  if (!facts.file) return facts;
  Mark(*facts.file, facts.markers);
  facts.interpreter = ParseInterpreter(HeadOf(facts.file->path));
  if (!facts.interpreter) return facts;
  const Interpreter& interpreter = *facts.interpreter;
  facts.interpreter_file = interpreter.name.empty() ? Look(interpreter.path)
                                                    : LookInPath(interpreter.name, path_variable);
  if (facts.interpreter_file) Mark(*facts.interpreter_file, facts.markers);
  return facts;
}

}  // namespace ambit::host
