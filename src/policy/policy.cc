#include "policy/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"
#include "policy/values.h"

namespace ambit::policy {
namespace {

Status CheckNormalForm(const std::string& path, const std::string& from) {
  if (IsNormalPath(path)) return {};
  if (!path.starts_with('/')) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("{} '{}': relative to no directory", from, Printable(path)),
                "write it with / or ~/ at its start");
  }
  return Fail(Errc::kInvalidArgument,
              fmt::format("{} '{}': not an absolute path without . and ..", from, Printable(path)));
}

Status CheckPaths(const std::vector<NamedPath>& paths) {
  // Mounting these would replace what ambit itself puts there.
  constexpr std::array<std::string_view, 4> kOwn = {"/proc", "/sys", "/dev", "/etc"};
  for (const auto& [path, from] : paths) {
    if (path == "/") {
      return Fail(Errc::kInvalidArgument,
                  fmt::format("{} '/': a run never shows the whole file system", from),
                  "name the directories it needs");
    }
    AMBIT_CHECK(CheckNormalForm(path, from));
    for (std::string_view own : kOwn) {
      if (path == own || path.starts_with(std::string(own) + "/")) {
        return Fail(Errc::kInvalidArgument, fmt::format("{} '{}': {} is made by ambit for each run",
                                                        from, Printable(path), own));
      }
    }
  }
  return {};
}

/// A kept place is a directory. A single file could only be mounted on itself, and there the rename
/// by which most programs replace their settings fails (EBUSY).
Status CheckKept(const std::vector<NamedPath>& paths) {
  constexpr std::array<std::string_view, 13> kEndsOfFiles = {
      ".json", ".jsonl", ".toml", ".yaml", ".yml", ".ini",    ".conf",
      ".lock", ".txt",   ".md",   ".log",  ".db",  ".sqlite",
  };
  for (const auto& [path, from] : paths) {
    AMBIT_CHECK(CheckNormalForm(path, from));
    if (std::ranges::none_of(kEndsOfFiles,
                             [&](std::string_view end) { return path.ends_with(end); })) {
      continue;
    }
    return Fail(Errc::kInvalidArgument,
                fmt::format("{} '{}': a single file cannot be kept, programs replace it by "
                            "renaming another one over it",
                            from, Printable(path)),
                "keep a directory, and let the program have the file in it (CLAUDE_CONFIG_DIR and "
                "the like)");
  }
  return {};
}

Status CheckFiles(const std::vector<SyntheticFile>& files) {
  if (files.size() > kMostFiles) {
    return Fail(Errc::kLimit, fmt::format("{}: {} files, at most {} can be made",
                                          files[kMostFiles].from, files.size(), kMostFiles));
  }
  std::size_t bytes = 0;
  for (auto file = files.begin(); file != files.end(); ++file) {
    AMBIT_CHECK(CheckNormalForm(file->path, file->from));
    bytes += file->content.size();
    if (bytes > kMostFileBytes) {
      return Fail(Errc::kLimit, fmt::format("{} '{}': the files are larger than {} bytes together",
                                            file->from, Printable(file->path), kMostFileBytes));
    }
    const auto twin = std::find_if(
        files.begin(), file, [&](const SyntheticFile& other) { return other.path == file->path; });
    if (twin != file) {
      return Fail(Errc::kInvalidArgument,
                  fmt::format("{} '{}': {} makes this file, too", file->from, Printable(file->path),
                              twin->from));
    }
  }
  return {};
}

}  // namespace

std::string_view NameOf(AuditFiles files) {
  switch (files) {
    case AuditFiles::kOff:
      return "off";
    case AuditFiles::kWrites:
      return "writes";
    case AuditFiles::kAll:
      return "all";
  }
  return "?";
}

std::string_view NameOf(Capture capture) {
  switch (capture) {
    case Capture::kAuto:
      return "auto";
    case Capture::kTproxy:
      return "tproxy";
    case Capture::kRedirect:
      return "redirect";
    case Capture::kPorts:
      return "ports";
  }
  return "?";
}

Status Validate(const Policy& policy) {
  AMBIT_CHECK(CheckPaths(policy.read_only));
  AMBIT_CHECK(CheckPaths(policy.copy_on_write));
  AMBIT_CHECK(CheckKept(policy.keep));
  AMBIT_CHECK(CheckFiles(policy.files));
  for (const EnvironmentRule& rule : policy.environment) {
    if (!IsVariableName(rule.name)) {
      return Fail(Errc::kInvalidArgument,
                  fmt::format("{} '{}': not a variable name", rule.from, Printable(rule.name)));
    }
  }
  for (std::uint16_t port : policy.host_ports) {
    if (port == 0) return Fail(Errc::kInvalidArgument, "--host-port 0: not a port");
  }
  return {};
}

}  // namespace ambit::policy
