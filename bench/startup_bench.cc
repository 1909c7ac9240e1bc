// Questions, with the bar each has (SPECIFICATION.md):
//   startup    `ambit run -- true` in its default configuration against bwrap: with the same
//   mounts,
//              plain, with the state directory on disk and in memory?
//   memory     how much do ambit's own processes of one run take (PSS)?
//   crowd      do 200 runs at once work, and how long do they take?
// usage: ambit_bench AMBIT DIRECTORY ROUNDS   (a disk-backed directory of the caller's; JSON on
// stdout)
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "process_times.h"

namespace ambit::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kCrowd = 200;

struct Place {
  std::string ambit;
  std::string project;
  std::string disk_state;
  std::string memory_state;
};

Command AmbitTrue(const Place& place, const std::string& name, const std::string& state) {
  return {.name = name,
          .argv = {place.ambit, "run", "-q", "--", "true"},
          .environment = {"XDG_STATE_HOME=" + state},
          .cwd = place.project};
}

std::string OutputOf(const std::string& shell) {
  std::string out;
  FILE* pipe = ::popen(shell.c_str(), "r");
  char buffer[4096];
  while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) out.append(buffer, n);
  ::pclose(pipe);
  return out;
}

/// bwrap made to build what ambit builds, taken from what a run really has mounted. bwrap 0.8 has
/// no overlay: the project is bound instead, which is cheaper.
Command BwrapWithTheSameMounts(const Place& place) {
  Command command{.name = "bwrap-same-mounts",
                  .argv = {"bwrap", "--unshare-all", "--cap-drop", "ALL"},
                  .environment = {},
                  .cwd = place.project};
  const std::string table =
      OutputOf(fmt::format("cd {} && XDG_STATE_HOME={} {} run -q -- cat /proc/self/mountinfo",
                           place.project, place.disk_state, place.ambit));
  std::istringstream lines(table);
  const auto add = [&](std::initializer_list<std::string> words) {
    command.argv.insert(command.argv.end(), words);
  };
  for (const char* link : {"/bin", "/sbin", "/lib", "/lib32", "/lib64"}) {
    std::error_code none;
    const fs::path target = fs::read_symlink(link, none);
    if (!none) add({"--symlink", target.string(), link});
  }
  add({"--proc", "/proc", "--dev", "/dev"});
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string id, parent, device, root, target, options, word, type;
    fields >> id >> parent >> device >> root >> target >> options;
    while (fields >> word && word != "-") {
    }
    fields >> type;
    if (target == "/" || target.starts_with("/dev/") || target == "/proc") continue;
    if (target.starts_with("/proc/")) {
      if (options.starts_with("ro") && type == "proc") add({"--ro-bind", target, target});
      if (type == "tmpfs" && fs::is_directory(target)) add({"--tmpfs", target});
      if (type == "tmpfs" && !fs::is_directory(target)) add({"--ro-bind", "/dev/null", target});
    } else if (type == "tmpfs") {
      add({"--tmpfs", target});
    } else if (target == place.project) {
      continue;  // last, because the table's order is not that of the paths
    } else if (options.starts_with("ro")) {
      add({"--ro-bind", target, target});
    } else {
      add({"--bind", place.project, target});
    }
  }
  add({"--bind", place.project, place.project, "--chdir", place.project, "true"});
  return command;
}

std::string Json(const std::vector<Times>& all) {
  std::string out;
  for (const Times& times : all) {
    out += fmt::format(
        "{}    \"{}\": {{\"p50\": {:.3f}, \"p10\": {:.3f}, \"p90\": {:.3f}, \"n\": {}}}",
        out.empty() ? "" : ",\n", times.name, times.Median(), times.Percentile(0.1),
        times.Percentile(0.9), times.milliseconds.size());
  }
  return "{\n" + out + "\n  }";
}

std::string Startup(const Place& place, int rounds) {
  const std::vector<Command> commands = {
      {.name = "true", .argv = {"true"}, .environment = {}, .cwd = place.project},
      AmbitTrue(place, "ambit-disk", place.disk_state),
      AmbitTrue(place, "ambit-memory", place.memory_state),
      {.name = "bwrap-plain",
       .argv = {"bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"},
       .environment = {},
       .cwd = place.project},
      BwrapWithTheSameMounts(place)};
  const std::vector<Times> all = TimeInTurns(commands, rounds);
  const auto ratio = [&](std::size_t ours, std::size_t theirs) {
    return all[ours].Median() / all[theirs].Median();
  };
  return fmt::format(
      "  \"startup_ms\": {},\n  \"ratio\": {{\"disk_to_bwrap_same_mounts\": {:.3f}, "
      "\"disk_to_bwrap_plain\": {:.3f}, \"memory_to_bwrap_plain\": {:.3f}}}",
      Json(all), ratio(1, 4), ratio(1, 3), ratio(2, 3));
}

long PssKib(int pid) {
  std::ifstream rollup(fmt::format("/proc/{}/smaps_rollup", pid));
  for (std::string line; std::getline(rollup, line);) {
    if (line.starts_with("Pss:")) return std::strtol(line.c_str() + 4, nullptr, 10);
  }
  return 0;
}

std::vector<int> ChildrenOf(int pid) {
  std::ifstream list(fmt::format("/proc/{0}/task/{0}/children", pid));
  std::vector<int> children;
  for (int child = 0; list >> child;) children.push_back(child);
  return children;
}

/// Supervisor, egress and init of a run that sleeps; the agent's own memory is not ours.
std::string Memory(const Place& place) {
  const int supervisor = Start({.name = "sleep",
                                .argv = {place.ambit, "run", "-q", "--", "sleep", "3"},
                                .environment = {"XDG_STATE_HOME=" + place.disk_state},
                                .cwd = place.project});
  ::usleep(500'000);
  long total = PssKib(supervisor);
  const std::vector<int> children = ChildrenOf(supervisor);
  for (int child : children) total += PssKib(child);
  ::waitpid(supervisor, nullptr, 0);
  return fmt::format("  \"own_processes\": {},\n  \"own_pss_kib\": {}", children.size() + 1, total);
}

std::string Crowd(const Place& place) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<int> pids;
  for (int i = 0; i < kCrowd; ++i) {
    pids.push_back(Start({.name = "crowd",
                          .argv = {place.ambit, "run", "-q", "--", "sleep", "5"},
                          .environment = {"XDG_STATE_HOME=" + place.disk_state},
                          .cwd = place.project}));
  }
  int worked = 0;
  for (int pid : pids) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (status == 0) ++worked;
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return fmt::format("  \"crowd_runs\": {},\n  \"crowd_worked\": {},\n  \"crowd_seconds\": {:.2f}",
                     kCrowd, worked, seconds);
}

}  // namespace
}  // namespace ambit::bench

int main(int argc, char** argv) {
  using namespace ambit::bench;
  if (argc != 4) {
    fmt::print(stderr, "usage: {} AMBIT DIRECTORY ROUNDS\n", argv[0]);
    return 2;
  }
  const std::string directory = argv[2];
  const Place place{.ambit = argv[1],
                    .project = directory + "/project",
                    .disk_state = directory + "/state",
                    .memory_state = fmt::format("/dev/shm/ambit-bench-{}", ::getpid())};
  for (const std::string& dir : {place.project, place.disk_state, place.memory_state}) {
    fs::create_directories(dir);
    ::chmod(dir.c_str(), 0700);
  }
  fmt::print("{},\n", Startup(place, std::atoi(argv[3])));
  fmt::print("{},\n", Memory(place));
  fmt::print("{}\n", Crowd(place));
  fs::remove_all(place.memory_state);
  return 0;
}
