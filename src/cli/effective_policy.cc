#include "cli/effective_policy.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "base/text.h"
#include "cli/approved_rules.h"
#include "cli/runs.h"
#include "cli/trust_store.h"
#include "host/registries.h"
#include "policy/toml_reader.h"
#include "sys/file.h"

namespace ambit::cli {
namespace {

std::string Variable(const char* name) {
  const char* value = ::getenv(name);
  return value != nullptr ? value : "";
}

/// nullopt when there is no such file. A file that is there and cannot be read is an error: what it
/// says would silently not hold.
Result<std::optional<std::string>> ReadIfThere(const std::string& path) {
  auto text = sys::ReadSmallFile(AT_FDCWD, path.c_str(), policy::kMaxPolicyBytes);
  if (text) return std::optional(*std::move(text));
  if (text.error().sys_errno == ENOENT || text.error().sys_errno == ENOTDIR) return std::nullopt;
  return Fail(text.error().code, fmt::format("policy '{}': {}", Printable(path), text.error().what),
              "make it a readable file, or remove it");
}

/// Whoever could write it could loosen what an administrator laid down.
Status CheckIsRoots(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return FailErrno(errno, fmt::format("stat '{}'", path));
  if (info.st_uid == 0 && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
  return Fail(Errc::kDenied,
              fmt::format("managed policy '{}' can be written by others than root", path),
              fmt::format("chown root '{0}'; chmod go-w '{0}'", path));
}

Status AddManaged(policy::LoadRequest& request) {
  AMBIT_TRY(auto text, ReadIfThere(kManagedPolicy));
  if (!text) return {};
  AMBIT_CHECK(CheckIsRoots(kManagedPolicy));
  request.managed = policy::Source{.source = policy::SourceKind::kManaged,
                                   .name = kManagedPolicy,
                                   .text = *std::move(text),
                                   .trusted = true,
                                   .base = {}};
  return {};
}

Status AddOwn(const std::string& path, policy::LoadRequest& request) {
  AMBIT_TRY(auto text, ReadIfThere(path));
  if (!text) return {};
  request.files.push_back({.source = policy::SourceKind::kUser,
                           .name = path,
                           .text = *std::move(text),
                           .trusted = true,
                           .base = {}});
  return {};
}

/// Of a project around this one: its person wants its secrets kept in its parts as well.
Status AddAround(const std::string& root, policy::LoadRequest& request) {
  const std::string path = root + "/" + kProjectPolicy;
  AMBIT_TRY(auto text, ReadIfThere(path));
  if (!text) return {};
  request.files.push_back({.source = policy::SourceKind::kProject,
                           .name = path,
                           .text = *std::move(text),
                           .trusted = false,
                           .base = root,
                           .around = true});
  return {};
}

Status AddProject(EffectivePolicy& effective, TrustIn trust, policy::LoadRequest& request) {
  if (trust == TrustIn::kNoFile) return {};
  const std::string& root = effective.place.project.root;
  const std::string path = root + "/" + kProjectPolicy;
  AMBIT_TRY(auto text, ReadIfThere(path));
  if (!text) return {};
  const bool trusted =
      trust == TrustIn::kEverything ||
      (trust == TrustIn::kRecord && IsTrusted(effective.place.runs_root, root, *text));
  request.files.push_back({.source = policy::SourceKind::kProject,
                           .name = path,
                           .text = *std::move(text),
                           .trusted = trusted,
                           .base = root});
  effective.project_file = request.files.back();
  return {};
}

Status AddNamed(const PolicyFlags& flags, policy::LoadRequest& request) {
  for (const std::string& path : flags.files()) {
    AMBIT_TRY(auto text, ReadIfThere(path));
    if (!text) {
      return Fail(Errc::kNotFound, fmt::format("--policy '{}': no such file", Printable(path)),
                  "name a policy file that exists");
    }
    request.files.push_back({.source = policy::SourceKind::kFile,
                             .name = path,
                             .text = *std::move(text),
                             .trusted = true,
                             .base = std::filesystem::absolute(path).parent_path()});
  }
  return {};
}

policy::Host OfThisMachine() {
  return {.real = host::ResolveWhatExists,
          .exists = [](const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }};
}

/// The same with the registries that tools have here.
policy::Host OfThisMachine(const supervise::Place& place) {
  policy::Host host = OfThisMachine();
  host.registries = [&place](policy::Ecosystem ecosystem) {
    return host::FindRegistries(
        ecosystem,
        {.home = place.person.home, .project = place.project.root, .variable = Variable});
  };
  return host;
}

bool IsSameFile(const std::string& path, const std::string& other) {
  std::error_code error;
  return std::filesystem::equivalent(path, other, error);
}

std::string BasenameOf(const std::string& command) {
  return command.substr(command.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace

std::string UserPolicyPath(const host::Person& person) {
  const std::string config = Variable("XDG_CONFIG_HOME");
  return (config.starts_with('/') ? config : person.home + "/.config") + "/ambit/config.toml";
}

Result<EffectivePolicy> ReadPolicyHere(const PolicyFlags& flags, const std::string& command,
                                       TrustIn trust) {
  EffectivePolicy effective;
  AMBIT_TRY(effective.place, PlaceHere(flags.directory()));
  policy::LoadRequest request;
  request.home = effective.place.person.home;
  request.managed_home = effective.place.person.passwd_home;
  for (const std::string& path :
       {UserPolicyPath(effective.place.person), ApprovedAlwaysPath(effective.place.person),
        ApprovedInProjectPath(effective.place.runs_root, effective.place.project.root)}) {
    AMBIT_CHECK(AddOwn(path, request));
  }
  for (const std::string& root : effective.place.project.around) {
    if (trust != TrustIn::kNoFile) AMBIT_CHECK(AddAround(root, request));
  }
  AMBIT_CHECK(AddProject(effective, trust, request));
  AMBIT_CHECK(AddNamed(flags, request));
  AMBIT_CHECK(AddManaged(request));
  AMBIT_TRY(request.flags, flags.ToDocument());
  if (!flags.no_preset()) request.command = BasenameOf(command);
  request.without_names = flags.no_net();
  effective.loaded = policy::Load(request, OfThisMachine(effective.place));
  effective.policy = policy::ToPolicy(effective.loaded.merged);
  return effective;
}

Result<policy::Loaded> ReadPolicyFile(const std::string& path) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  policy::Source source{.source = policy::SourceKind::kProject,
                        .name = path,
                        .text = {},
                        .trusted = true,
                        .base = std::filesystem::absolute(path).parent_path()};
  AMBIT_TRY(source.text, sys::ReadSmallFile(AT_FDCWD, path.c_str(), policy::kMaxPolicyBytes));
  policy::LoadRequest request;
  request.home = person.home;
  request.managed_home = person.passwd_home;
  if (IsSameFile(path, kManagedPolicy)) {
    AMBIT_CHECK(CheckIsRoots(kManagedPolicy));
    source.source = policy::SourceKind::kManaged;
    request.managed = std::move(source);
  } else {
    if (IsSameFile(path, UserPolicyPath(person))) source.source = policy::SourceKind::kUser;
    request.files.push_back(std::move(source));
  }
  return policy::Load(request, OfThisMachine());
}

Status CheckMistakes(const std::vector<policy::Mistake>& mistakes) {
  if (mistakes.empty()) return {};
  std::string lines;
  for (const policy::Mistake& mistake : mistakes) {
    lines += (lines.empty() ? "" : "\nambit: ") + policy::Describe(mistake);
  }
  return Fail(Errc::kInvalidArgument, std::move(lines));
}

Result<EffectivePolicy> FindPolicy(const PolicyFlags& flags, const std::string& command) {
  AMBIT_TRY(EffectivePolicy effective, ReadPolicyHere(flags, command, TrustIn::kRecord));
  AMBIT_CHECK(CheckMistakes(effective.loaded.mistakes));
  return effective;
}

}  // namespace ambit::cli
