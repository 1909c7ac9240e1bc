#include "supervise/cgroup_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>

#include "base/text.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ambit::supervise {
namespace {

constexpr int kMostAttempts = 8;
constexpr int kMostLookedAt = 64;
constexpr int kMostWaits = 100;
constexpr std::chrono::milliseconds kWait{2};
constexpr std::size_t kMostBytes = 64U << 10;
constexpr const char* kRunPrefix = "ambit-r-";

bool IsSame(int fd, const std::string& path) {
  struct stat opened{};
  struct stat named{};
  return ::fstat(fd, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

void RemoveLeftovers(const std::string& parent) {
  const Fd top(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto entries = sys::ListDirectory(top.get());
  int looked_at = 0;
  for (const auto& entry : entries.value_or(std::vector<sys::DirectoryEntry>{})) {
    if (!entry.name.starts_with(kRunPrefix)) continue;
    if (++looked_at > kMostLookedAt) return;
    const Fd run(
        ::openat(top.get(), entry.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    const bool dead = run && ::flock(run.get(), LOCK_EX | LOCK_NB) == 0;
    if (dead) ::unlinkat(top.get(), entry.name.c_str(), AT_REMOVEDIR);
  }
}

std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return number;
}

/// The number behind `key` where it begins a line or follows a space, as in "oom 1\noom_kill 2".
std::optional<std::uint64_t> FindEntry(std::string_view text, std::string_view key) {
  for (std::size_t at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
    if (at == 0 || text[at - 1] == '\n' || text[at - 1] == ' ') {
      return ParseNumber(text.substr(at + key.size()));
    }
  }
  return std::nullopt;
}

}  // namespace

CgroupDirectory::CgroupDirectory(std::string path, Fd fd, bool ours)
    : path_(std::move(path)), fd_(std::move(fd)), ours_(ours) {}

CgroupDirectory::~CgroupDirectory() { (void)Remove(); }

Result<CgroupDirectory> CgroupDirectory::Open(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return FailErrno(errno, fmt::format("open cgroup '{}'", Printable(path)));
  return CgroupDirectory(path, std::move(fd), false);
}

Result<CgroupDirectory> CgroupDirectory::Adopt(const std::string& path) {
  AMBIT_TRY(CgroupDirectory directory, Open(path));
  directory.ours_ = true;
  return directory;
}

Result<CgroupDirectory> CgroupDirectory::Make(const std::string& parent, const std::string& name) {
  RemoveLeftovers(parent);
  const std::string path = parent + "/" + name;
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    if (::mkdir(path.c_str(), S_IRWXU) != 0) {
      return FailErrno(errno, fmt::format("make cgroup '{}'", Printable(path)));
    }
    Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Waits only for another Make that takes this one for a dead run's: a moment.
    if (fd && ::flock(fd.get(), LOCK_SH) == 0 && IsSame(fd.get(), path)) {
      return CgroupDirectory(path, std::move(fd), true);
    }
    if (!fd && errno != ENOENT) {
      const int error = errno;
      ::rmdir(path.c_str());
      return FailErrno(error, fmt::format("open cgroup '{}'", Printable(path)));
    }
  }
  return Fail(Errc::kLimit,
              fmt::format("make cgroup '{}': it vanishes again and again", Printable(path)));
}

Result<Fd> CgroupDirectory::OpenToWrite(const char* file) const {
  Fd fd(::openat(fd_.get(), file, O_WRONLY | O_CLOEXEC));
  if (fd) return fd;
  return FailErrno(errno, fmt::format("open '{}/{}'", Printable(path_), file));
}

Status CgroupDirectory::Write(const char* file, std::string_view value) const {
  const Fd fd(::openat(fd_.get(), file, O_WRONLY | O_CLOEXEC));
  if (fd && ::write(fd.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size())) {
    return {};
  }
  return FailErrno(errno, fmt::format("write '{}' to '{}/{}'", value, Printable(path_), file));
}

bool CgroupDirectory::Has(const char* file) const {
  return ::faccessat(fd_.get(), file, F_OK, 0) == 0;
}

std::string CgroupDirectory::Read(const char* file) const {
  return sys::ReadSmallFile(fd_.get(), file, kMostBytes).value_or("");
}

std::optional<std::uint64_t> CgroupDirectory::Number(const char* file) const {
  return ParseNumber(Read(file));
}

std::optional<std::uint64_t> CgroupDirectory::Entry(const char* file, std::string_view key) const {
  return FindEntry(Read(file), std::string(key) + " ");
}

std::optional<Pressure> CgroupDirectory::PressureIn(const char* file) const {
  // "some avg10=0.00 avg60=0.00 avg300=0.00 total=12\nfull ... total=3\n"
  const std::string text = Read(file);
  const std::size_t full = std::min(text.find("full "), text.size());
  const auto some_usec = FindEntry(std::string_view(text).substr(0, full), "total=");
  if (!some_usec) return std::nullopt;
  const auto full_usec = FindEntry(std::string_view(text).substr(full), "total=");
  return Pressure{.some_usec = *some_usec, .full_usec = full_usec.value_or(0)};
}

Status CgroupDirectory::Remove() {
  if (!fd_ || !ours_) return {};
  for (int wait = 0;; ++wait) {
    if (::rmdir(path_.c_str()) == 0 || errno == ENOENT) {
      fd_.Reset();
      return {};
    }
    if (errno != EBUSY || wait == kMostWaits) break;
    std::this_thread::sleep_for(kWait);
  }
  const int error = errno;
  fd_.Reset();
  return FailErrno(error, fmt::format("remove cgroup '{}'", Printable(path_)),
                   "processes are left in it: see its file cgroup.procs");
}

}  // namespace ambit::supervise
