#include "workspace/run_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "sys/file.h"
#include "sys/process.h"

namespace ambit::workspace {
namespace {

constexpr std::string_view kIdAlphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kIdDigits = 8;
constexpr std::size_t kMaxMetaBytes = 4U << 20;  // argv alone may hold 2 MiB
constexpr const char* kNewMetaFile = "meta.json.new";

/// Who owns a directory or a link on the way can replace what is behind it at any time. The owner
/// of `/` can anyway: that is root, or root unmapped when ambit runs in a user namespace.
Status CheckOwner(const struct stat& info, const std::string& path) {
  if (info.st_uid == 0 || info.st_uid == ::geteuid()) return {};
  struct stat root{};
  if (::stat("/", &root) == 0 && info.st_uid == root.st_uid) return {};
  return Fail(Errc::kDenied,
              fmt::format("state directory: '{}' is owned by uid {}", path, info.st_uid),
              "set XDG_STATE_HOME to a directory of your own");
}

Status CheckAncestor(int fd, const std::string& path) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return FailErrno(errno, fmt::format("stat '{}'", path));
  AMBIT_CHECK(CheckOwner(info, path));
  if ((info.st_mode & S_IWOTH) != 0 && (info.st_mode & S_ISVTX) == 0) {
    return Fail(Errc::kDenied, fmt::format("state directory: everybody can write '{}'", path),
                "set XDG_STATE_HOME to a directory of your own");
  }
  return {};
}

Status CheckRoot(int fd, const std::string& path) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return FailErrno(errno, fmt::format("stat '{}'", path));
  if (info.st_uid != ::geteuid()) {
    return Fail(Errc::kDenied,
                fmt::format("state directory '{}': owned by uid {}", path, info.st_uid),
                "set XDG_STATE_HOME to a directory of your own");
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Fail(Errc::kDenied, fmt::format("state directory '{}': others can write it", path),
                fmt::format("chmod 700 '{}'", path));
  }
  return {};
}

Result<std::string> BootId() {
  AMBIT_TRY(std::string id, sys::ReadSmallFile(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 128));
  while (id.ends_with('\n')) id.pop_back();
  return id;
}

}  // namespace

Result<std::string> NewRunId() {
  std::string id = "r-";
  while (id.size() < 2 + kIdDigits) {
    std::array<unsigned char, 32> random;
    if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
      return FailErrno(errno, "getrandom");
    }
    for (const unsigned char byte : random) {
      constexpr unsigned kFair = 252;  // the largest multiple of 36 in a byte: no digit is likelier
      if (byte < kFair && id.size() < 2 + kIdDigits) id += kIdAlphabet[byte % kIdAlphabet.size()];
    }
  }
  return id;
}

bool IsRunId(std::string_view id) {
  return id.size() == 2 + kIdDigits && id.starts_with("r-") &&
         id.substr(2).find_first_not_of(kIdAlphabet) == std::string_view::npos;
}

std::string RunStore::DefaultRoot(std::string_view home, std::string_view xdg_state_home) {
  if (xdg_state_home.starts_with('/')) return fmt::format("{}/ambit/runs", xdg_state_home);
  return fmt::format("{}/.local/state/ambit/runs", home);
}

Result<RunStore> RunStore::Open(const std::string& root, bool create) {
  if (!root.starts_with('/')) {
    return Fail(Errc::kInvalidArgument, fmt::format("state directory '{}': not absolute", root));
  }
  Fd dir(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!dir) return FailErrno(errno, "open '/'");
  std::string_view rest = root;
  std::string path;
  while (true) {
    rest.remove_prefix(std::min(rest.find_first_not_of('/'), rest.size()));
    if (rest.empty()) break;
    const std::string name(rest.substr(0, rest.find('/')));
    rest.remove_prefix(name.size());
    AMBIT_CHECK(CheckAncestor(dir.get(), path.empty() ? "/" : path));
    path += "/" + name;
    const bool last = rest.find_first_not_of('/') == std::string_view::npos;
    struct stat link{};
    if (::fstatat(dir.get(), name.c_str(), &link, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(link.st_mode)) {
      AMBIT_CHECK(CheckOwner(link, path));
    }
    const bool made = create && ::mkdirat(dir.get(), name.c_str(), 0700) == 0;
    const int follow = last || made ? O_NOFOLLOW : 0;
    Fd next(::openat(dir.get(), name.c_str(),
                     (last ? O_RDONLY : O_PATH) | O_DIRECTORY | O_CLOEXEC | follow));
    if (!next) return FailErrno(errno, fmt::format("open state directory '{}'", path));
    dir = std::move(next);
  }
  AMBIT_CHECK(CheckRoot(dir.get(), path));
  // Layers are opened by path later, so every directory of the real path has to hold as well, not
  // only those before a link.
  AMBIT_TRY(std::string real,
            sys::ReadLink(AT_FDCWD, fmt::format("/proc/self/fd/{}", dir.get()).c_str()));
  if (real != path) return Open(real, /*create=*/false);
  return RunStore(std::move(path), std::move(dir));
}

Result<RunDir> RunStore::Create(std::string_view id) {
  const std::string name(id);
  if (!IsRunId(name)) return Fail(Errc::kInvalidArgument, fmt::format("'{}' is not a run id", id));
  if (::mkdirat(fd_.get(), name.c_str(), 0700) != 0) {
    return FailErrno(errno, fmt::format("create run directory '{}/{}'", root_, name));
  }
  AMBIT_TRY(RunDir run, OpenRun(name));
  for (const char* part : {"upper", "work", "home"}) {
    if (::mkdirat(run.fd.get(), part, 0700) != 0) {
      return FailErrno(errno, fmt::format("create '{}/{}'", run.path, part));
    }
  }
  return run;
}

Result<RunDir> RunStore::OpenRun(std::string_view id) const {
  if (!IsRunId(id)) return Fail(Errc::kInvalidArgument, fmt::format("'{}' is not a run id", id));
  std::string name(id);
  Fd fd(::openat(fd_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return FailErrno(errno, fmt::format("open run '{}'", name));
  std::string path = fmt::format("{}/{}", root_, name);
  return RunDir{.id = std::move(name), .path = std::move(path), .fd = std::move(fd)};
}

Status RunStore::RemoveEmpty(std::string_view id) const {
  const std::string name(id);
  if (!IsRunId(name)) return Fail(Errc::kInvalidArgument, fmt::format("'{}' is not a run id", id));
  if (::unlinkat(fd_.get(), name.c_str(), AT_REMOVEDIR) == 0) return {};
  return FailErrno(errno, fmt::format("remove run '{}'", name));
}

namespace {

/// An exchange is as atomic as a rename over the old file, and does not make ext4 write the new
/// one to disk at once (auto_da_alloc), which costs more than all else at the end of a run.
Status ReplaceFile(const RunDir& run, const char* from, const char* to) {
  if (::renameat2(run.fd.get(), from, run.fd.get(), to, RENAME_EXCHANGE) == 0) {
    ::unlinkat(run.fd.get(), from, 0);
    return {};
  }
  // There is no old file yet, or the file system cannot exchange.
  if (::renameat(run.fd.get(), from, run.fd.get(), to) != 0) {
    return FailErrno(errno, fmt::format("rename '{}/{}'", run.path, from));
  }
  return {};
}

}  // namespace

Status RunStore::WriteMeta(const RunDir& run, const RunMeta& meta) {
  const std::string text = EncodeMeta(meta);
  // A file left by a writer that died is taken over: a run has one supervisor, so one writer.
  const Fd file(::openat(run.fd.get(), kNewMetaFile,
                         O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return FailErrno(errno, fmt::format("create '{}/{}'", run.path, kNewMetaFile));
  AMBIT_CHECK(sys::WriteAll(file.get(), text, kNewMetaFile));
  return ReplaceFile(run, kNewMetaFile, kMetaFile);
}

Result<RunMeta> RunStore::ReadMeta(const RunDir& run) {
  const auto text = sys::ReadSmallFile(run.fd.get(), kMetaFile, kMaxMetaBytes);
  if (!text && text.error().sys_errno == ENOENT) {
    return Fail(
        Errc::kNotFound,
        fmt::format("run {} has no record: it is not set up yet, or ambit was killed before it was",
                    run.id),
        fmt::format("'ambit rm {}' removes what is left of it", run.id));
  }
  if (!text) return std::unexpected(text.error());
  AMBIT_TRY(RunMeta meta, DecodeMeta(*text));
  if (meta.id != run.id) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("run record of '{}': names '{}'", run.id, meta.id));
  }
  return meta;
}

Result<std::vector<RunEntry>> RunStore::List() const {
  const int copy = ::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return FailErrno(errno, fmt::format("list '{}'", root_));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy), ::closedir);
  if (stream == nullptr) return FailErrno(errno, fmt::format("list '{}'", root_));
  std::vector<RunEntry> runs;
  while (const dirent* entry = ::readdir(stream.get())) {
    if (!IsRunId(entry->d_name)) continue;
    auto run = OpenRun(entry->d_name);
    runs.push_back({.id = entry->d_name,
                    .meta = run ? ReadMeta(*run) : std::unexpected(std::move(run).error())});
  }
  std::ranges::sort(runs, [](const RunEntry& left, const RunEntry& right) {
    if (left.meta.has_value() != right.meta.has_value()) return left.meta.has_value();
    if (left.meta && left.meta->started_ns != right.meta->started_ns) {
      return left.meta->started_ns > right.meta->started_ns;
    }
    return left.id < right.id;
  });
  return runs;
}

Result<RunMeta> RunStore::NewestOf(std::string_view project) const {
  AMBIT_TRY(std::vector<RunEntry> runs, List());
  for (RunEntry& run : runs) {
    if (run.meta && run.meta->project == project) return *std::move(run.meta);
  }
  return Fail(Errc::kNotFound, fmt::format("no run of '{}'", project));
}

Status SetSupervisorToSelf(RunMeta& meta) {
  meta.supervisor_pid = ::getpid();
  AMBIT_TRY(meta.supervisor_start, sys::StartTimeOf(meta.supervisor_pid));
  AMBIT_TRY(meta.boot_id, BootId());
  return {};
}

bool HasBootOf(const RunMeta& meta) {
  const auto boot = BootId();
  return boot && *boot == meta.boot_id;
}

bool IsAlive(const RunMeta& meta) {
  if (meta.finished_ns || meta.supervisor_pid <= 0 || !HasBootOf(meta)) return false;
  const auto start = sys::StartTimeOf(meta.supervisor_pid);
  return start && *start == meta.supervisor_start;
}

}  // namespace ambit::workspace
