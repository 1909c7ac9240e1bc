#include "review/branch_host.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/path.h"
#include "base/text.h"
#include "host/facts.h"
#include "host/git_refs.h"
#include "sys/file.h"

namespace ambit::review {
namespace {

std::unexpected<Error> NoRepository(const std::string& project_root,
                                    const host::GitProject& project) {
  const std::string why =
      project.refused.empty()
          ? "it has no git repository on the host"
          : fmt::format("'{}' is not followed: {}", Printable(project.refused.front().file),
                        project.refused.front().reason);
  return Fail(Errc::kUnsupported,
              fmt::format("no branch for '{}': {}", Printable(project_root), why),
              "'ambit apply' brings the files");
}

std::unexpected<Error> CannotTake(std::string_view why) {
  return Fail(Errc::kUnsupported, fmt::format("no branch for this repository: {}", why),
              "'ambit apply' brings the files");
}

/// Only what git itself takes, because it goes to git's command line.
bool IsSharedValue(std::string_view value) {
  constexpr std::array kWords = {"group", "true", "all", "world", "everybody", "1", "2"};
  return std::ranges::find(kWords, value) != kWords.end() ||
         (value.size() >= 3 && value.size() <= 5 && value.starts_with('0') &&
          std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '7'; }));
}

Status ReadSettings(HostRepository& repository) {
  const std::string file = repository.common_dir + "/config";
  AMBIT_TRY(const std::string bytes,
            sys::ReadSmallFile(AT_FDCWD, file.c_str(), host::kMaxGitConfigBytes));
  AMBIT_TRY(const host::GitConfig config, host::ParseGitConfig(bytes));
  for (const host::GitConfigEntry& entry : config.entries) {
    if (!entry.subsection.empty() || !entry.value) continue;
    const auto is = [&](std::string_view section, std::string_view key) {
      return entry.section == section && entry.key == key;
    };
    if (is("extensions", "objectformat")) repository.objects.format = *entry.value;
    if (is("extensions", "refstorage") && *entry.value != "files") {
      return CannotTake("its refs are not stored as files");
    }
    if (is("extensions", "partialclone")) {
      return CannotTake("it is a partial clone, so nobody can say whether objects are missing");
    }
    if (is("core", "sharedrepository") && IsSharedValue(*entry.value)) {
      repository.objects.shared = *entry.value;
    }
    if (is("user", "name")) repository.identity.name = entry.value;
    if (is("user", "email")) repository.identity.email = entry.value;
  }
  if (repository.objects.format != "sha1" && repository.objects.format != "sha256") {
    return CannotTake("its object format is not known");
  }
  return {};
}

std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

Result<HostRepository> FindHostRepository(const std::string& project_root) {
  AMBIT_TRY(const host::GitProject project, host::InspectGitProject(project_root, {}));
  if (project.layout == host::GitLayout::kNone) return NoRepository(project_root, project);
  HostRepository repository{.git_dir = project.git_dir, .common_dir = project.common_dir};
  struct stat info{};
  if (::stat(repository.common_dir.c_str(), &info) != 0) {
    return FailErrno(errno, fmt::format("stat '{}'", repository.common_dir));
  }
  repository.owner = info.st_uid;
  repository.group = info.st_gid;
  repository.objects.format = "sha1";
  repository.objects.shallow_file = repository.common_dir + "/shallow";
  AMBIT_TRY(repository.objects.directory, host::RealPath(repository.common_dir + "/objects"));
  AMBIT_CHECK(ReadSettings(repository));
  return repository;
}

Actor ActorFor(const HostRepository& repository) {
  const bool for_another = ::geteuid() == 0 && repository.owner != 0;
  return for_another ? Actor{.uid = repository.owner, .gid = repository.group}
                     : Actor{.uid = ::geteuid(), .gid = ::getegid()};
}

Result<HostRefs> ReadHostRefs(const Git& git, const HostRepository& repository) {
  HostRefs refs;
  AMBIT_TRY(const std::string all,
            git.Run({.git_dir = repository.git_dir,
                     .arguments = {"for-each-ref", "--format=%(objectname) %(refname)"}}));
  for (const std::string_view line : LinesOf(all)) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || !host::IsObjectName(line.substr(0, space))) continue;
    refs.tips.emplace_back(line.substr(0, space));
    refs.names.emplace_back(line.substr(space + 1));
  }
  AMBIT_TRY(const std::string commit,
            git.Run({.git_dir = repository.git_dir,
                     .arguments = {"rev-parse", "--verify", "--quiet", "HEAD"},
                     .one_is_success = true}));
  for (const std::string_view line : LinesOf(commit)) {
    refs.tips.emplace_back(line);
    refs.head_commit = line;
  }
  AMBIT_TRY(const std::string branch, git.Run({.git_dir = repository.git_dir,
                                               .arguments = {"symbolic-ref", "--quiet", "HEAD"},
                                               .one_is_success = true}));
  for (const std::string_view line : LinesOf(branch)) refs.head = line;
  return refs;
}

Result<std::vector<bool>> AreNewToHost(const Git& git, const HostRepository& repository,
                                       const HostRefs& refs, std::span<const std::string> objects) {
  GitCall look{.git_dir = repository.git_dir,
               .arguments = {"cat-file", "--batch-check=%(objecttype)"}};
  for (const std::string& object : objects) look.input += object + "\n";
  AMBIT_TRY(const std::string said, git.Run(look));
  const std::vector<std::string_view> types = LinesOf(said);
  if (types.size() != objects.size()) {
    return Fail(Errc::kInternal, "git cat-file: an answer that cannot be understood");
  }
  GitCall list{.git_dir = repository.git_dir,
               .arguments = {"rev-list", "--ignore-missing", "--stdin"}};
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (types[i] == "commit") list.input += objects[i] + "\n";
  }
  std::string unreached;
  if (!list.input.empty()) {
    for (const std::string& tip : refs.tips) list.input += fmt::format("^{}\n", tip);
    AMBIT_TRY(unreached, git.Run(list));
  }
  const std::vector<std::string_view> lines = LinesOf(unreached);
  const std::set<std::string_view> left(lines.begin(), lines.end());
  std::vector<bool> result;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    result.push_back(types[i].ends_with(" missing") || left.contains(objects[i]));
  }
  return result;
}

Result<std::optional<std::string>> HeadAtStart(const Git& git, const HostRepository& repository,
                                               const workspace::RunMeta& run) {
  const auto resolve = [&](std::string name) -> Result<std::optional<std::string>> {
    AMBIT_TRY(const std::string commit,
              git.Run({.git_dir = repository.git_dir,
                       .arguments = {"rev-parse", "--verify", "--quiet", std::move(name)},
                       .one_is_success = true}));
    const std::vector<std::string_view> lines = LinesOf(commit);
    if (lines.size() != 1 || !host::IsObjectName(lines.front())) return std::nullopt;
    return std::string(lines.front());
  };
  if (host::IsObjectName(run.head_commit)) {
    AMBIT_TRY(auto recorded, resolve(run.head_commit + "^{commit}"));
    if (recorded) return recorded;
  }
  return resolve(fmt::format("HEAD@{{{}}}", run.started_ns / 1'000'000'000));
}

Result<PlaceInLayer> FindInLayers(const workspace::RunMeta& meta, const std::string& run_path,
                                  const std::string& host_path) {
  const workspace::RunLayer* nearest = nullptr;
  for (const workspace::RunLayer& layer : meta.layers) {
    if (!IsAtOrBelow(host_path, layer.lower)) continue;
    if (nearest == nullptr || layer.lower.size() > nearest->lower.size()) nearest = &layer;
  }
  if (nearest == nullptr) {
    return Fail(Errc::kNotFound,
                fmt::format("run {} has no layer of '{}'", meta.id, Printable(host_path)),
                "it was started with '--project ro', or before the repository was there");
  }
  struct stat info{};
  if (::stat(nearest->lower.c_str(), &info) != 0) {
    return FailErrno(errno, fmt::format("stat '{}'", nearest->lower));
  }
  if (nearest->lower_inode != 0 &&
      (info.st_dev != nearest->lower_device || info.st_ino != nearest->lower_inode)) {
    return Fail(Errc::kDenied,
                fmt::format("'{}' is another directory than the one run {} worked on",
                            Printable(nearest->lower), meta.id));
  }
  return PlaceInLayer{
      .layer = workspace::OnDisk(meta, *nearest, run_path),
      .path = host_path.substr(std::min(nearest->lower.size() + 1, host_path.size()))};
}

}  // namespace ambit::review
