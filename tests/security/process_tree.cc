#include "process_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/fd.h"

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::istringstream words(ReadWhole(fmt::format("/proc/{0}/task/{0}/children", pid)));
  std::vector<pid_t> children;
  for (pid_t child = 0; words >> child;) children.push_back(child);
  return children;
}

std::string LinkTarget(const std::string& path) {
  std::error_code ignored;
  return fs::read_symlink(path, ignored).string();
}

std::string StatusField(pid_t pid, const std::string& name) {
  std::istringstream lines(ReadWhole(fmt::format("/proc/{}/status", pid)));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  }
  return {};
}

/// "NSpid: outer inner" has a second number in a pid namespace below ours.
bool IsInOwnPidNamespace(pid_t pid) {
  return StatusField(pid, "NSpid").find('\t') != std::string::npos;
}

void AddDescendants(pid_t pid, std::vector<pid_t>& all) {
  all.push_back(pid);
  for (const pid_t child : ChildrenOf(pid)) AddDescendants(child, all);
}

}  // namespace

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

RunTree LookAt(pid_t supervisor) {
  RunTree tree{.supervisor = supervisor, .egress = 0, .init = 0, .agent = 0, .all = {}};
  for (const pid_t child : ChildrenOf(supervisor)) {
    (IsInOwnPidNamespace(child) ? tree.init : tree.egress) = child;
  }
  if (tree.init != 0) {
    const std::vector<pid_t> inside = ChildrenOf(tree.init);
    if (!inside.empty()) tree.agent = inside.front();
  }
  AddDescendants(supervisor, tree.all);
  return tree;
}

RunTree WaitFor(pid_t supervisor, const std::function<bool(const RunTree&)>& enough) {
  RunTree tree;
  Eventually(
      [&] {
        tree = LookAt(supervisor);
        return enough(tree);
      },
      std::chrono::seconds(10));
  return tree;
}

RunTree WaitForAgent(pid_t supervisor, const std::string& comm) {
  return WaitFor(supervisor, [&](const RunTree& tree) {
    return tree.agent != 0 && ReadWhole(fmt::format("/proc/{}/comm", tree.agent)) == comm + "\n";
  });
}

bool IsAlive(pid_t pid) {
  const std::string state = StatusField(pid, "State");
  return !state.empty() && state[0] != 'Z' && state[0] != 'X';
}

std::vector<pid_t> ProcessesWith(const std::string& text) {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size()) continue;
    if (pid == ::getpid()) continue;
    if (ReadWhole(entry.path().string() + "/cmdline").find(text) != std::string::npos &&
        IsAlive(pid)) {
      found.push_back(pid);
    }
  }
  return found;
}

std::string Describe(const std::vector<pid_t>& pids) {
  std::string text;
  for (const pid_t pid : pids) {
    std::string command = ReadWhole(fmt::format("/proc/{}/cmdline", pid));
    std::ranges::replace(command, '\0', ' ');
    text += fmt::format("{} (parent {}, {}, {}): {}\n", pid, StatusField(pid, "PPid"),
                        StatusField(pid, "State"), StatusField(pid, "NSpid"), command);
  }
  return text;
}

std::vector<OpenDescriptor> DescriptorsOf(pid_t pid) {
  std::vector<OpenDescriptor> found;
  std::error_code ignored;
  const std::string dir = fmt::format("/proc/{}/fd", pid);
  for (const auto& entry : fs::directory_iterator(dir, ignored)) {
    found.push_back(
        {.number = ::atoi(entry.path().filename().c_str()), .target = LinkTarget(entry.path())});
  }
  std::ranges::sort(found, {}, &OpenDescriptor::number);
  return found;
}

int CountInMemory(pid_t pid, const std::string& bytes) {
  const Fd memory(::open(fmt::format("/proc/{}/mem", pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!memory) return -1;
  int count = 0;
  std::size_t looked_at = 0;
  std::istringstream lines(ReadWhole(fmt::format("/proc/{}/maps", pid)));
  for (std::string line; std::getline(lines, line);) {
    unsigned long from = 0;
    unsigned long to = 0;
    char readable = '-';
    if (::sscanf(line.c_str(), "%lx-%lx %c", &from, &to, &readable) != 3) continue;
    if (readable != 'r' || line.find("[vvar") != std::string::npos) continue;
    std::string content(to - from, '\0');
    const ssize_t n =
        ::pread(memory.get(), content.data(), content.size(), static_cast<off_t>(from));
    if (n <= 0) continue;
    looked_at += static_cast<std::size_t>(n);
    content.resize(static_cast<std::size_t>(n));
    for (std::size_t at = content.find(bytes); at != std::string::npos;
         at = content.find(bytes, at + 1)) {
      ++count;
    }
  }
  return looked_at > 0 ? count : -1;
}

bool Eventually(const std::function<bool()>& holds, std::chrono::milliseconds limit) {
  const auto end = steady_clock::now() + limit;
  for (;;) {
    if (holds()) return true;
    if (steady_clock::now() > end) return false;
    ::usleep(1000);
  }
}

}  // namespace ambit::testing
