#include "workspace/kept_state.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <tuple>

#include "base/fd.h"
#include "base/text.h"
#include "sys/file.h"
#include "workspace/change_dir.h"
#include "workspace/disk_owner.h"
#include "workspace/run_removal.h"
#include "workspace/run_store.h"

namespace ambit::workspace {
namespace {

constexpr const char* kAbout = "about";
constexpr std::size_t kMaxAbout = 1U << 16;
constexpr std::uint64_t kStayBelow = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

/// Escaped, so that two different places never have the same text.
std::string AboutOf(const plan::Kept& kept) {
  return fmt::format("project {}\nplace ~/{}\n", Printable(kept.project), Printable(kept.place));
}

Result<Fd> OpenOwn(int dir, const std::string& name) {
  AMBIT_TRY(Fd own, sys::OpenAt(dir, name.c_str(), O_RDONLY | O_DIRECTORY, kStayBelow));
  struct stat info{};
  if (::fstat(own.get(), &info) != 0) return FailErrno(errno, fmt::format("stat '{}'", name));
  if (info.st_uid != ::geteuid() || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Fail(Errc::kDenied, fmt::format("'{}': others own it or can write it", name),
                "remove it, or make it yours alone again");
  }
  return own;
}

Status MakeContent(int place, const plan::Identity& identity) {
  if (::mkdirat(place, plan::kKeptContent, 0700) != 0) {
    if (errno == EEXIST) return {};
    return FailErrno(errno, "mkdir 'content'");
  }
  return GiveToDiskOwner(place, plan::kKeptContent, identity);
}

/// Made aside and put in place as a whole. When another run was faster, its directory is as good.
Status MakePlace(const std::string& project_path, const std::string& name, const plan::Kept& kept,
                 const plan::Identity& identity) {
  std::string aside = project_path + "/new-XXXXXX";
  if (::mkdtemp(aside.data()) == nullptr) return FailErrno(errno, "mkdir a kept directory");
  AMBIT_TRY(const Fd dir, sys::OpenAt(AT_FDCWD, aside.c_str(), O_RDONLY | O_DIRECTORY));
  AMBIT_CHECK(sys::WriteNewFile(dir.get(), kAbout, AboutOf(kept), 0600));
  AMBIT_CHECK(MakeContent(dir.get(), identity));
  if (::rename(aside.c_str(), (project_path + "/" + name).c_str()) == 0) return {};
  const int error = errno;
  std::error_code ignored;
  std::filesystem::remove_all(aside, ignored);
  if (error == EEXIST || error == ENOTEMPTY) return {};
  return FailErrno(error, "rename a kept directory");
}

Status CheckContent(int place, const plan::Identity& identity) {
  AMBIT_TRY(const Fd content,
            sys::OpenAt(place, plan::kKeptContent, O_PATH | O_DIRECTORY, kStayBelow));
  struct stat info{};
  if (::fstat(content.get(), &info) != 0) return FailErrno(errno, "stat 'content'");
  if (info.st_uid == identity.disk_uid) return {};
  return Fail(Errc::kDenied,
              fmt::format("what was kept belongs to uid {}, the project to uid {}", info.st_uid,
                          identity.disk_uid),
              "give it to the project's owner (chown -R), or remove it");
}

Status Prepare(const Fd& root, const std::string& root_path, const plan::Kept& kept,
               const plan::Identity& identity) {
  const std::size_t slash = kept.name.find('/');
  const std::string project = kept.name.substr(0, slash);
  const std::string name = kept.name.substr(slash + 1);
  if (::mkdirat(root.get(), project.c_str(), 0700) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("mkdir '{}'", project));
  }
  AMBIT_TRY(const Fd project_dir, OpenOwn(root.get(), project));
  Result<Fd> place = OpenOwn(project_dir.get(), name);
  if (!place && place.error().code == Errc::kNotFound) {
    AMBIT_CHECK(MakePlace(root_path + "/" + project, name, kept, identity));
    place = OpenOwn(project_dir.get(), name);
  }
  if (!place) return std::unexpected(std::move(place).error());
  AMBIT_TRY(const std::string about,
            sys::ReadSmallFile(place->get(), kAbout, kMaxAbout, kStayBelow));
  if (about != AboutOf(kept)) {
    return Fail(Errc::kDenied, fmt::format("it is kept for {}", Printable(about)),
                "remove the directory, or name another place to keep");
  }
  AMBIT_CHECK(MakeContent(place->get(), identity));
  return CheckContent(place->get(), identity);
}

}  // namespace

std::string KeptBeside(const std::string& runs_root) {
  return runs_root.substr(0, runs_root.rfind('/')) + "/keep";
}

Result<std::string> PrepareKept(const std::string& root, const plan::LaunchPlan& plan) {
  if (plan.kept.empty()) return std::string();
  AMBIT_TRY(const RunStore store, RunStore::Open(root, /*create=*/true));
  AMBIT_TRY(const Fd dir, sys::OpenUnlinked(store.root().c_str(), O_RDONLY | O_DIRECTORY));
  for (const plan::Kept& kept : plan.kept) {
    if (Status made = Prepare(dir, store.root(), kept, plan.identity); !made) {
      made.error().what = fmt::format("keep '~/{}' in '{}/{}': {}", Printable(kept.place),
                                      Printable(store.root()), kept.name, made.error().what);
      return std::unexpected(std::move(made).error());
    }
  }
  return store.root();
}

namespace {

/// The two lines of the record.
Result<KeptDirectory> ReadAbout(int place, const std::string& name) {
  AMBIT_TRY(const std::string about, sys::ReadSmallFile(place, kAbout, kMaxAbout, kStayBelow));
  constexpr std::string_view kProject = "project ";
  constexpr std::string_view kPlace = "\nplace ";
  const std::size_t middle = about.find(kPlace);
  if (!about.starts_with(kProject) || middle == std::string::npos || !about.ends_with('\n')) {
    return Fail(Errc::kInvalidArgument, fmt::format("'{}': no record", name));
  }
  const std::size_t from = middle + kPlace.size();
  return KeptDirectory{.name = name,
                       .project = about.substr(kProject.size(), middle - kProject.size()),
                       .place = about.substr(from, about.size() - from - 1)};
}

void ListProject(const Fd& root, const std::string& project, std::vector<KeptDirectory>& found) {
  const auto dir = OpenOwn(root.get(), project);
  const auto names = dir ? NamesIn(dir->get()) : std::unexpected(dir.error());
  if (!names) return;
  for (const std::string& name : *names) {
    const auto place = OpenOwn(dir->get(), name);
    if (!place) continue;
    auto kept = ReadAbout(place->get(), project + "/" + name);
    if (!kept) continue;
    kept->bytes = SizeOnDisk(place->get());
    found.push_back(*std::move(kept));
  }
}

}  // namespace

Result<std::vector<KeptDirectory>> ListKept(const std::string& root) {
  std::vector<KeptDirectory> found;
  const auto store = RunStore::Open(root, /*create=*/false);
  if (!store && store.error().code == Errc::kNotFound) return found;
  if (!store) return std::unexpected(store.error());
  AMBIT_TRY(const Fd dir, sys::OpenUnlinked(store->root().c_str(), O_RDONLY | O_DIRECTORY));
  AMBIT_TRY(const std::vector<std::string> projects, NamesIn(dir.get()));
  for (const std::string& project : projects) ListProject(dir, project, found);
  std::ranges::sort(found, {}, [](const KeptDirectory& kept) {
    return std::tie(kept.project, kept.place, kept.name);
  });
  return found;
}

Status RemoveKept(const std::string& root, const KeptDirectory& kept) {
  AMBIT_TRY(const RunStore store, RunStore::Open(root, /*create=*/false));
  AMBIT_TRY(const Fd dir, sys::OpenUnlinked(store.root().c_str(), O_RDONLY | O_DIRECTORY));
  const std::size_t slash = kept.name.find('/');
  const std::string project = kept.name.substr(0, slash);
  AMBIT_TRY(const Fd project_dir, OpenOwn(dir.get(), project));
  const std::string aside = fmt::format("removed-{}", ::getpid());
  if (::renameat(project_dir.get(), kept.name.substr(slash + 1).c_str(), project_dir.get(),
                 aside.c_str()) != 0) {
    return FailErrno(errno, fmt::format("remove '{}'", kept.name));
  }
  AMBIT_CHECK(RemoveTree(project_dir.get(), aside));
  ::unlinkat(dir.get(), project.c_str(), AT_REMOVEDIR);  // when it was the last one
  return {};
}

}  // namespace ambit::workspace
