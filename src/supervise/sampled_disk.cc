#include "supervise/sampled_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace ambit::supervise {
namespace {

using std::chrono::microseconds;
using Clock = SampledDisk::Clock;

constexpr std::uint64_t kBlock = 512;                 // of st_blocks
constexpr microseconds kSlice{10'000};                // of one look
constexpr int kRest = 20;                             // a walk's time to the pause behind it: 5 %
constexpr std::chrono::seconds kWalkAtLeastEvery{5};  // the host may free what the run takes
/// The part of a limit that the file system may lose before a walk looks for it.
constexpr std::uint64_t kPart = 4;

/// Deep enough for any real tree; below it nothing is counted by walking, and `hidden` says so.
constexpr std::size_t kDeepest = 128;

DiskUse FreeOn(int dir) {
  struct statfs info{};
  if (::fstatfs(dir, &info) != 0) return {};
  return {.bytes = info.f_bfree * static_cast<std::uint64_t>(info.f_bsize),
          .entries = info.f_ffree};
}

std::uint64_t Less(std::uint64_t from, std::uint64_t what) { return from - std::min(from, what); }

/// Files without a name that processes of the run still have open on its layers.
std::uint64_t DeletedButOpen(const RunProcesses& processes) {
  std::map<std::pair<dev_t, ino_t>, std::uint64_t> found;
  for (const pid_t pid : processes.All()) {
    if (pid == 1) continue;
    const int fd = ::openat(processes.proc(), fmt::format("{}/fd", pid).c_str(),
                            O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) continue;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd), ::closedir);
    if (stream == nullptr) {
      ::close(fd);
      continue;
    }
    while (const dirent* entry = ::readdir(stream.get())) {
      struct stat info{};
      if (::fstatat(fd, entry->d_name, &info, 0) != 0 || !S_ISREG(info.st_mode)) continue;
      struct statfs place{};
      const std::string link = fmt::format("/proc/self/fd/{}/{}", fd, entry->d_name);
      // In memory it is no matter of the disk.
      if (info.st_nlink != 0 || ::statfs(link.c_str(), &place) != 0 ||
          place.f_type == TMPFS_MAGIC) {
        continue;
      }
      found[{info.st_dev, info.st_ino}] = static_cast<std::uint64_t>(info.st_blocks) * kBlock;
    }
  }
  std::uint64_t bytes = 0;
  for (const auto& [file, size] : found) bytes += size;
  return bytes;
}

}  // namespace

DiskWalk::DiskWalk(int run) {
  struct stat work{};
  if (::fstatat(run, "work", &work, AT_SYMLINK_NOFOLLOW) == 0) work_ = work.st_ino;
  for (const char* name : {"upper", "work", "home"}) Enter(run, name);
}

/// What the overlay itself makes in a layer's work directory: closed to everybody, and it holds
/// nothing for long.
bool DiskWalk::IsScratch(int parent, std::string_view name) const {
  struct stat above{};
  return name == "work" && ::fstatat(parent, "..", &above, 0) == 0 && above.st_ino == work_;
}

void DiskWalk::Enter(int parent, const char* name) {
  if (way_.size() >= kDeepest) {
    hidden_ = true;
    return;
  }
  const int dir =
      ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  DIR* stream = dir < 0 ? nullptr : ::fdopendir(dir);
  if (stream != nullptr) {
    way_.emplace_back(stream, ::closedir);
    return;
  }
  if (errno != ENOENT && !IsScratch(parent, name)) hidden_ = true;
  if (dir >= 0) ::close(dir);
}

bool DiskWalk::Continue(microseconds slice) {
  constexpr int kEntriesAtOnce = 64;
  const Clock::time_point end = Clock::now() + slice;
  for (int n = 0; !way_.empty(); ++n) {
    if (n % kEntriesAtOnce == kEntriesAtOnce - 1 && Clock::now() >= end) return false;
    const dirent* entry = ::readdir(way_.back().get());
    if (entry == nullptr) {
      way_.pop_back();
      continue;
    }
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    const int dir = ::dirfd(way_.back().get());
    struct stat info{};
    if (::fstatat(dir, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    // A file with several names takes its blocks once.
    const std::uint64_t names =
        S_ISDIR(info.st_mode) ? 1 : std::max<std::uint64_t>(1, info.st_nlink);
    found_.bytes += static_cast<std::uint64_t>(info.st_blocks) * kBlock / names;
    ++found_.entries;
    if (S_ISDIR(info.st_mode)) Enter(dir, entry->d_name);
  }
  return true;
}

SampledDisk::SampledDisk(int run) : run_(run), free_at_start_(FreeOn(run)) {}

DiskUse SampledDisk::Lost() const {
  const DiskUse free = FreeOn(run_);
  return {.bytes = Less(free_at_start_.bytes, free.bytes),
          .entries = Less(free_at_start_.entries, free.entries)};
}

DiskUse SampledDisk::Look(const RunProcesses& processes, std::uint64_t bytes,
                          std::uint64_t entries) {
  const DiskUse lost = Lost();
  if (walk_ == nullptr) {
    const DiskUse since{.bytes = Less(lost.bytes, lost_at_walk_.bytes),
                        .entries = Less(lost.entries, lost_at_walk_.entries)};
    // What is left may be used up by what the file system has lost since.
    const bool much = since.bytes > Less(bytes, known_.bytes) / kPart ||
                      since.entries > Less(entries, known_.entries) / kPart;
    const Clock::time_point now = Clock::now();
    if (now < (much ? may_walk_ : must_walk_)) return known_;
    walk_ = std::make_unique<DiskWalk>(run_);
    walked_ = {};
  }
  const Clock::time_point began = Clock::now();
  const bool whole = walk_->Continue(kSlice);
  walked_ += std::chrono::duration_cast<microseconds>(Clock::now() - began);
  // Half a walk can say that it is too much, never that it is not.
  DiskUse use{.bytes = std::max(known_.bytes, walk_->found().bytes),
              .entries = std::max(known_.entries, walk_->found().entries)};
  if (whole) {
    Finish(processes);
    use = known_;
  }
  return use;
}

void SampledDisk::Finish(const RunProcesses& processes) {
  known_ = walk_->found();
  hidden_ = walk_->hidden();
  lost_at_walk_ = Lost();
  const std::uint64_t missing = Less(lost_at_walk_.bytes, known_.bytes);
  if (missing > 0) known_.bytes += std::min(missing, DeletedButOpen(processes));
  // What cannot be walked is taken for all that the file system has lost.
  if (hidden_) {
    known_.bytes = std::max(known_.bytes, lost_at_walk_.bytes);
    known_.entries = std::max(known_.entries, lost_at_walk_.entries);
  }
  may_walk_ = Clock::now() + walked_ * kRest;
  must_walk_ = std::max(may_walk_, Clock::now() + kWalkAtLeastEvery);
  walk_.reset();
}

DiskUse SampledDisk::Whole(int run) {
  DiskWalk walk(run);
  while (!walk.Continue(kSlice)) {
  }
  return walk.found();
}

}  // namespace ambit::supervise
