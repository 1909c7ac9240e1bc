#include "policy/options.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace ambit::policy {
namespace {

constexpr std::array<std::string_view, 3> kProjectModes = {"ro", "cow", "rw"};

constexpr std::array<std::string_view, 3> kAutoExec = {"deny", "ask", "allow"};

constexpr std::array<std::string_view, 3> kDiskBackings = {"disk", "image", "memory"};

constexpr std::array<std::string_view, 4> kCaptures = {"auto", "tproxy", "redirect", "ports"};

constexpr std::array<std::string_view, 3> kAuditFiles = {"all", "writes", "off"};

constexpr std::array<std::string_view, 2> kNoYes = {"no", "yes"};

constexpr std::array<Option, 33> kOptions = {{
    {.key = "extends",
     .flag = "--preset",
     .shape = Shape::kPresets,
     .direction = Direction::kWidens,
     .value_name = "NAME",
     .choices = {},
     .by_default = "the preset of the command",
     .doc = "Add what this preset names; 'ambit preset list' tells them"},
    {.key = "fs.project",
     .flag = "--project",
     .shape = Shape::kChoice,
     .direction = Direction::kByChoice,
     .value_name = "MODE",
     .choices = kProjectModes,
     .by_default = "cow",
     .doc = "cow: changes stay in the run; ro: read-only; rw: the host's tree itself"},
    {.key = "fs.ro",
     .flag = "--ro",
     .shape = Shape::kPaths,
     .direction = Direction::kWidens,
     .value_name = "PATH",
     .choices = {},
     .by_default = kNothing,
     .doc = "Show this host path inside, read-only"},
    {.key = "fs.cow",
     .flag = "--cow",
     .shape = Shape::kPaths,
     .direction = Direction::kWidens,
     .value_name = "PATH",
     .choices = {},
     .by_default = kNothing,
     .doc = "Show this host directory inside, copy-on-write"},
    {.key = "fs.keep",
     .flag = "",
     .shape = Shape::kPaths,
     .direction = Direction::kWidens,
     .value_name = "PATH",
     .choices = {},
     .by_default = kNothing,
     .doc = "Keep this directory of the run's home for later runs of the project"},
    {.key = "fs.mask",
     .flag = "--mask",
     .shape = Shape::kPatterns,
     .direction = Direction::kTightens,
     .value_name = "PATTERN",
     .choices = {},
     .by_default = ".env* but .env.example and .env.sample",
     .doc = "Show these project files with placeholders for values"},
    {.key = "fs.hide",
     .flag = "--hide",
     .shape = Shape::kPatterns,
     .direction = Direction::kTightens,
     .value_name = "PATTERN",
     .choices = {},
     .by_default = "*.pem, *.key",
     .doc = "Leave these project files, or directories/, out"},
    {.key = "fs.unmask",
     .flag = "--unmask",
     .shape = Shape::kPatterns,
     .direction = Direction::kWidens,
     .value_name = "PATTERN",
     .choices = {},
     .by_default = kNothing,
     .doc = "Show these as they are, though they look secret"},
    {.key = "fs.files",
     .flag = "",
     .shape = Shape::kFiles,
     .direction = Direction::kWidens,
     .value_name = "PATH",
     .choices = {},
     .by_default = kNothing,
     .doc = "A file below the home or /etc that exists only inside, with this content"},
    {.key = "env.pass",
     .flag = "--env",
     .shape = Shape::kNames,
     .direction = Direction::kWidens,
     .value_name = "NAME[=VALUE]",
     .choices = {},
     .by_default = "HOME USER LOGNAME SHELL PATH TERM COLORTERM LANG LC_* TZ NO_COLOR AMBIT",
     .doc = "Pass this variable, or set it"},
    {.key = "env.set",
     .flag = "--env",
     .shape = Shape::kVariables,
     .direction = Direction::kWidens,
     .value_name = "NAME[=VALUE]",
     .choices = {},
     .by_default = kNothing,
     .doc = "Set this variable; ~/ at the start of the value is the home"},
    {.key = "net.allow",
     .flag = "--allow",
     .shape = Shape::kTargets,
     .direction = Direction::kWidens,
     .value_name = "NAME[:PORT]",
     .choices = {},
     .by_default = kNothing,
     .doc = "Reach this name, on ports 80 and 443 or on PORT; *.NAME: all names below it"},
    {.key = "net.deny",
     .flag = "--deny",
     .shape = Shape::kTargets,
     .direction = Direction::kTightens,
     .value_name = "NAME[:PORT]",
     .choices = {},
     .by_default = kNothing,
     .doc = "Never reach this name, whatever allows it"},
    {.key = "net.ask",
     .flag = "--ask",
     .shape = Shape::kYesNo,
     .direction = Direction::kByChoice,
     .value_name = "",
     .choices = kNoYes,
     .by_default = "no",
     .doc = "Hold a connection that no rule allows or denies until 'ambit approve' or 'ambit deny' "
            "answers"},
    {.key = "net.private",
     .flag = "--private",
     .shape = Shape::kPrivate,
     .direction = Direction::kWidens,
     .value_name = "NAME[=ADDRESS]",
     .choices = {},
     .by_default = kNothing,
     .doc = "A name that is allowed may lead to private addresses; =ADDRESS: it leads there, also "
            "to the host's loopback"},
    {.key = "net.host_ports",
     .flag = "--host-port",
     .shape = Shape::kPorts,
     .direction = Direction::kWidens,
     .value_name = "PORT",
     .choices = {},
     .by_default = kNothing,
     .doc = "127.0.0.1:PORT inside reaches the host's own"},
    {.key = "net.publish",
     .flag = "--publish",
     .shape = Shape::kPublished,
     .direction = Direction::kWidens,
     .value_name = "[PORT:]PORT",
     .choices = {},
     .by_default = kNothing,
     .doc = "The host's 127.0.0.1:PORT reaches a server inside, on the second PORT where there are "
            "two; 0: any free one"},
    {.key = "net.capture",
     .flag = "--capture",
     .shape = Shape::kChoice,
     .direction = Direction::kWidens,
     .value_name = "HOW",
     .choices = kCaptures,
     .by_default = "auto",
     .doc = "How connections get to ambit: auto takes the first of the others that this kernel "
            "has"},
    {.key = "limits.time",
     .flag = "--time",
     .shape = Shape::kDuration,
     .direction = Direction::kByValue,
     .value_name = "DURATION",
     .choices = {},
     .by_default = "none",
     .doc = "End the run after this time; while the machine sleeps it does not count"},
    {.key = "limits.idle",
     .flag = "--idle",
     .shape = Shape::kDuration,
     .direction = Direction::kByValue,
     .value_name = "DURATION",
     .choices = {},
     .by_default = "none",
     .doc = "End the run after this time without output, processor time and network"},
    {.key = "limits.cpu_time",
     .flag = "--cpu-time",
     .shape = Shape::kDuration,
     .direction = Direction::kByValue,
     .value_name = "DURATION",
     .choices = {},
     .by_default = "none",
     .doc = "End the run after this much processor time of all its processes"},
    {.key = "limits.cpus",
     .flag = "--cpus",
     .shape = Shape::kDecimal,
     .direction = Direction::kByValue,
     .value_name = "NUMBER",
     .choices = {},
     .by_default = "none",
     .doc = "At most this many processors at once, as 1.5"},
    {.key = "limits.memory",
     .flag = "--memory",
     .shape = Shape::kBytes,
     .direction = Direction::kByValue,
     .value_name = "SIZE",
     .choices = {},
     .by_default = "three quarters of RAM",
     .doc = "Most memory of all processes and of files in memory together"},
    {.key = "limits.processes",
     .flag = "--processes",
     .shape = Shape::kCount,
     .direction = Direction::kByValue,
     .value_name = "NUMBER",
     .choices = {},
     .by_default = "4096, on small machines one for each MiB of RAM",
     .doc = "Most processes and threads at once"},
    {.key = "limits.disk",
     .flag = "--disk",
     .shape = Shape::kBytes,
     .direction = Direction::kByValue,
     .value_name = "SIZE",
     .choices = {},
     .by_default = "half of what is free, at most 64 GiB",
     .doc = "Most that layers and home of the run take on the disk"},
    {.key = "limits.inodes",
     .flag = "--inodes",
     .shape = Shape::kCount,
     .direction = Direction::kByValue,
     .value_name = "NUMBER",
     .choices = {},
     .by_default = "half of those that are free, at most 4 million",
     .doc = "Most files and directories in layers and home of the run"},
    {.key = "limits.io",
     .flag = "--io",
     .shape = Shape::kBytes,
     .direction = Direction::kByValue,
     .value_name = "SIZE",
     .choices = {},
     .by_default = "none",
     .doc = "Read at most so much a second from the disk of the state directory, and write at most "
            "as much"},
    {.key = "limits.open_files",
     .flag = "--open-files",
     .shape = Shape::kCount,
     .direction = Direction::kByValue,
     .value_name = "NUMBER",
     .choices = {},
     .by_default = "those that the launcher may open",
     .doc = "Most open files of one process"},
    {.key = "limits.net_out",
     .flag = "--net-out",
     .shape = Shape::kBytes,
     .direction = Direction::kByValue,
     .value_name = "SIZE",
     .choices = {},
     .by_default = "none",
     .doc = "End the run when it wants to send more than this out by its network"},
    {.key = "limits.disk_backing",
     .flag = "--disk-backing",
     .shape = Shape::kChoice,
     .direction = Direction::kWidens,
     .value_name = "WHERE",
     .choices = kDiskBackings,
     .by_default = "disk",
     .doc = "Where layers and home are while the run lasts: image: of a fixed size, as root; "
            "memory: of "
            "a fixed size, lost when the machine or ambit dies"},
    {.key = "limits.require_hard",
     .flag = "--require-hard",
     .shape = Shape::kLimits,
     .direction = Direction::kTightens,
     .value_name = "LIMIT",
     .choices = kLimitNames,
     .by_default = kNothing,
     .doc = "Do not start where this limit would only be looked at now and then"},
    {.key = "audit.files",
     .flag = "--audit-files",
     .shape = Shape::kChoice,
     .direction = Direction::kByChoice,
     .value_name = "WHICH",
     .choices = kAuditFiles,
     .by_default = "writes",
     .doc =
         "Which calls on files are recorded: all, those that write, or off: no processes either"},
    {.key = "apply.auto_exec",
     .flag = "",
     .shape = Shape::kChoice,
     .direction = Direction::kByChoice,
     .value_name = "CHOICE",
     .choices = kAutoExec,
     .by_default = "ask",
     .doc =
         "What the host would run or obey by itself comes back: never, with a consent, or as any "
         "other file; the stricter of the run's start and of now counts"},
}};

constexpr std::array<TestKey, 4> kTestKeys = {{
    {.key = "fs_hidden", .doc = "Paths that do not exist inside, or hold placeholders"},
    {.key = "fs_visible", .doc = "Host paths whose content can be read inside"},
    {.key = "env_hidden", .doc = "Variables that do not exist inside"},
    {.key = "net_deny", .doc = "host:port that cannot be reached from inside"},
}};

/// Changed, missing and added characters, and two that changed places: optimal string alignment.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before;
  std::vector<std::size_t> last(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::vector<std::size_t> row = {i + 1};
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = last[j] + (a[i] == b[j] ? 0 : 1);
      row.push_back(std::min({row[j] + 1, last[j + 1] + 1, changed}));
      const bool swapped = i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j];
      if (swapped) row.back() = std::min(row.back(), before[j - 1] + 1);
    }
    before = std::exchange(last, std::move(row));
  }
  return last.back();
}

std::string_view LastPart(std::string_view key) { return key.substr(key.rfind('.') + 1); }

/// How much of it may be wrong: a third. Words of two letters are all near each other, and fs.rw is
/// no fs.ro.
std::size_t MostWrong(std::string_view text, std::string_view name) {
  const std::string_view meant = LastPart(text);
  const std::string_view there = LastPart(name);
  if (meant == there) return name.size();  // in another section, or in none
  return std::max(meant.size(), there.size()) / 3;
}

}  // namespace

std::span<const Option> Options() { return kOptions; }

const Option* FindOption(std::string_view key) {
  const auto* const found = std::ranges::find(kOptions, key, &Option::key);
  return found != kOptions.end() ? found : nullptr;
}

std::optional<Limit> LimitOf(const Option& option) {
  if (option.direction != Direction::kByValue) return std::nullopt;
  return LimitNamed(LastPart(option.key));
}

bool IsSingle(const Option& option) {
  return option.shape == Shape::kChoice || option.shape == Shape::kYesNo ||
         option.direction == Direction::kByValue;
}

int ChoiceOf(const Option& option, std::string_view text) {
  const auto found = std::ranges::find(option.choices, text);
  return found != option.choices.end() ? static_cast<int>(found - option.choices.begin()) : -1;
}

std::span<const TestKey> TestKeys() { return kTestKeys; }

std::string_view Nearest(std::string_view text, std::span<const std::string_view> names) {
  constexpr std::size_t kLongest = 64;  // nobody means a word of ours by more
  if (text.empty() || text.size() > kLongest) return {};
  std::string_view nearest;
  std::size_t best = kLongest;
  for (std::string_view name : names) {
    const std::size_t distance = Distance(text, name);
    if (distance >= name.size() || distance > std::min(best, MostWrong(text, name))) continue;
    // Of two that are as near, the one whose beginning it is.
    if (distance < best || (!nearest.empty() && name.starts_with(text))) {
      best = distance;
      nearest = name;
    }
  }
  return nearest;
}

}  // namespace ambit::policy
