#include "policy/import.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/run.h"
#include "cli/runs.h"
#include "host/facts.h"
#include "policy/import_tree.h"
#include "sys/file.h"

namespace ambit::cli {
namespace {

struct ImportFlags {
  std::string format;
  std::string file;
  std::string directory;
};

/// A place where a program looks for its settings, and what their relative paths stand below.
struct Place {
  std::string path;
  std::string base;
};

std::string Variable(const char* name, const std::string& otherwise) {
  const char* value = ::getenv(name);
  return value != nullptr && value[0] == '/' ? value : otherwise;
}

policy::PathKind KindOf(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return policy::PathKind::kAbsent;
  return S_ISDIR(info.st_mode) ? policy::PathKind::kDirectory : policy::PathKind::kFile;
}

/// fence takes the nearest of these upwards from the working directory; else the person's own.
std::vector<Place> PlacesOfFence(const std::string& home, const host::Project& project) {
  std::vector<Place> places;
  for (std::filesystem::path dir = project.cwd;; dir = dir.parent_path()) {
    for (const char* name : {"fence.jsonc", "fence.json"}) {
      places.push_back({.path = (dir / name).string(), .base = project.root});
    }
    if (dir == dir.root_path()) break;
  }
  const std::string config = Variable("XDG_CONFIG_HOME", home + "/.config") + "/fence/fence.json";
  for (const std::string& path :
       {config + "c", config, home + "/.fence.jsonc", home + "/.fence.json"}) {
    places.push_back({.path = path, .base = project.root});
  }
  return places;
}

struct Places {
  std::vector<Place> all;
  bool first_only = false;  // the first that is there counts; else all, the weakest claim first
};

Places PlacesOf(std::string_view format, const std::string& home, const host::Project& project) {
  const std::string& root = project.root;
  if (format == "fence") return {.all = PlacesOfFence(home, project), .first_only = true};
  if (format == "srt") return {.all = {{.path = home + "/.srt-settings.json", .base = root}}};
  if (format == "codex") {
    return {
        .all = {{.path = Variable("CODEX_HOME", home + "/.codex") + "/config.toml", .base = root}}};
  }
  if (format == "claude") {
    return {.all = {{.path = home + "/.claude/settings.json", .base = home + "/.claude"},
                    {.path = root + "/.claude/settings.json", .base = root},
                    {.path = root + "/.claude/settings.local.json", .base = root}}};
  }
  return {};
}

/// nullopt when there is none.
/// A link in a project leads wherever its author likes, and what is read is printed.
Result<std::optional<policy::ImportFile>> ReadIfThere(const Place& place) {
  const bool of_project = place.path.starts_with(place.base + "/");
  auto text = sys::ReadSmallFile(AT_FDCWD, place.path.c_str(), policy::kMaxImportBytes,
                                 of_project ? RESOLVE_NO_SYMLINKS : 0);
  if (text) {
    return policy::ImportFile{.name = place.path, .text = *std::move(text), .base = place.base};
  }
  if (text.error().sys_errno == ENOENT || text.error().sys_errno == ENOTDIR) return std::nullopt;
  return std::unexpected(std::move(text).error());
}

Result<std::vector<policy::ImportFile>> FindFiles(const ImportFlags& flags,
                                                  const supervise::Place& here) {
  Places places = PlacesOf(flags.format, here.person.home, here.project);
  if (!flags.file.empty()) {
    places = {.all = {{.path = flags.file, .base = here.project.root}}};
    // The person's own settings, named: what they say of themselves is relative to their place.
    const std::string own = here.person.home + "/.claude";
    if (flags.format == "claude" && flags.file.starts_with(own + "/")) places.all[0].base = own;
  }
  if (places.all.empty()) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("settings of {} have no place of their own", flags.format),
                fmt::format("ambit import {} FILE", flags.format));
  }
  std::vector<policy::ImportFile> files;
  for (const Place& place : places.all) {
    AMBIT_TRY(auto file, ReadIfThere(place));
    if (!file) continue;
    files.push_back(*std::move(file));
    if (places.first_only) break;
  }
  if (!files.empty()) return files;
  return Fail(Errc::kNotFound,
              fmt::format("no settings: '{}' is not there", Printable(places.all.front().path)),
              fmt::format("ambit import {} FILE", flags.format));
}

Status ImportSettings(const ImportFlags& flags) {
  const policy::ImportFormat* format = policy::FindImportFormat(flags.format);
  if (format == nullptr) {
    std::vector<std::string_view> names;
    for (const policy::ImportFormat& known : policy::ImportFormats()) names.push_back(known.name);
    return Fail(Errc::kInvalidArgument,
                fmt::format("'{}' is no format that can be imported", Printable(flags.format)),
                fmt::format("known are {}", fmt::join(names, ", ")));
  }
  AMBIT_TRY(const supervise::Place here, PlaceHere(flags.directory));
  AMBIT_TRY(const std::vector<policy::ImportFile> files, FindFiles(flags, here));
  AMBIT_TRY(
      const policy::Imported imported,
      policy::Import(*format, files,
                     {.home = here.person.home, .project = here.project.root, .kind = KindOf}));
  AMBIT_CHECK(ToStdout(policy::ToToml(imported, *format, files)));
  if (const std::size_t count = imported.missing.size(); count > 0) {
    Say(fmt::format("{} of the settings {} no equivalent: what was printed ends with them", count,
                    count == 1 ? "has" : "have"));
  }
  return {};
}

}  // namespace

void AddImport(NewCommand ambit) {
  auto flags = std::make_shared<ImportFlags>();
  NewCommand import =
      ambit.AddCommand("import", "The settings of another sandbox as an ambit.toml, printed");
  import.AddArgument("format", flags->format, "claude, codex, fence, nono or srt").Required();
  import.AddArgument("file", flags->file, "Its settings; where it keeps them when left out");
  AddDirectoryFlag(import, flags->directory);
  import.Does([flags] { return ImportSettings(*flags); });
}

}  // namespace ambit::cli
