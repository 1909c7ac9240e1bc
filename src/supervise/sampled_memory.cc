#include "supervise/sampled_memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "sys/file.h"

namespace ambit::supervise {
namespace {

using Clock = SampledMemory::Clock;
using FileKey = std::pair<dev_t, ino_t>;

constexpr std::uint64_t kBlock = 512;  // of st_blocks
constexpr std::uint64_t kKilobyte = 1024;

// A look that takes long is followed by a pause of this many times as long.
constexpr int kRestAfterExact = 10;  // only while the cheap look finds too much
constexpr std::chrono::seconds kLongestRest{1};
constexpr std::chrono::milliseconds kLongestExact{500};
constexpr int kRestAfterMemfds = 50;  // always
constexpr std::chrono::seconds kMemfdsAtLeast{1};
/// A host whose files in memory grew by this part of the limit gives reason to look at once.
constexpr std::uint64_t kGrowthPart = 8;

std::uint64_t HostShared() {
  const std::string text = ReadProc(AT_FDCWD, "/proc/meminfo");
  const std::size_t at = text.find("\nShmem:");
  if (at == std::string::npos) return 0;
  const std::size_t number = text.find_first_of("0123456789", at);
  std::uint64_t kilobytes = 0;
  std::from_chars(text.data() + number, text.data() + text.size(), kilobytes);
  return kilobytes * kKilobyte;
}

/// Bytes of each memfd among the descriptors of a process, mapped pages and others.
void AddMemfdsOf(int proc, pid_t pid, std::map<FileKey, std::uint64_t>& found) {
  const Fd dir(::openat(proc, fmt::format("{}/fd", pid).c_str(),
                        O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!dir) return;
  const int copy = ::fcntl(dir.get(), F_DUPFD_CLOEXEC, 3);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy), ::closedir);
  if (stream == nullptr) return;
  while (const dirent* entry = ::readdir(stream.get())) {
    std::array<char, 16> target{};
    const ssize_t n = ::readlinkat(dir.get(), entry->d_name, target.data(), target.size());
    if (n <= 0) continue;
    const std::string_view link(target.data(), static_cast<std::size_t>(n));
    struct stat info{};
    if (!link.starts_with("/memfd:") || ::fstatat(dir.get(), entry->d_name, &info, 0) != 0) {
      continue;
    }
    found[{info.st_dev, info.st_ino}] = static_cast<std::uint64_t>(info.st_blocks) * kBlock;
  }
}

struct Mapped {
  std::uint64_t anon = 0;                  // each page once among all who share it
  std::uint64_t shared = 0;                // of memory that is no file of a file system of the run
  std::map<FileKey, std::uint64_t> files;  // the part of it that can be told by file
};

std::uint64_t HexAt(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

/// "ADDRESSES PERMISSIONS OFFSET MAJOR:MINOR INODE NAME".
FileKey FileOf(std::string_view header) {
  std::size_t at = 0;
  for (int field = 0; field < 3; ++field) at = header.find(' ', at) + 1;
  const std::string_view device = header.substr(at);
  const std::size_t colon = device.find(':');
  const std::size_t space = device.find(' ');
  if (colon == std::string_view::npos || space == std::string_view::npos) return {};
  ino_t inode = 0;
  std::from_chars(device.data() + space + 1, device.data() + device.size(), inode);
  return {::makedev(static_cast<unsigned>(HexAt(device)),
                    static_cast<unsigned>(HexAt(device.substr(colon + 1)))),
          inode};
}

std::uint64_t KilobytesIn(std::string_view line) {
  std::uint64_t value = 0;
  const std::size_t at = line.find_first_of("0123456789");
  if (at == std::string_view::npos) return 0;
  std::from_chars(line.data() + at, line.data() + line.size(), value);
  return value * kKilobyte;
}

std::uint64_t KilobytesOf(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  return at == std::string_view::npos ? 0 : KilobytesIn(text.substr(at + name.size()));
}

/// The header of a mapping begins with its address; all other lines with a capital letter.
bool IsHeader(std::string_view line) {
  return !line.empty() && (line[0] < 'A' || line[0] > 'Z') && line.contains('-');
}

/// Files in memory that are mapped and lie in no file system of the run's own.
void AddFilesOf(std::string_view smaps, const std::set<dev_t>& own, Mapped& mapped) {
  FileKey file{};
  bool counts = false;
  std::uint64_t share = 0;
  while (!smaps.empty()) {
    const std::size_t end = std::min(smaps.find('\n'), smaps.size() - 1);
    const std::string_view line = smaps.substr(0, end);
    smaps.remove_prefix(end + 1);
    if (IsHeader(line)) {
      file = FileOf(line);
      counts = !own.contains(file.first) &&
               (line.contains("/memfd:") || line.contains("/dev/zero (deleted)") ||
                line.contains("/SYSV"));
    } else if (counts && line.starts_with("Pss:")) {
      share = KilobytesIn(line);
    } else if (counts && line.starts_with("Anonymous:")) {
      share -= std::min(share, KilobytesIn(line));  // written into a private mapping
      mapped.shared += share;
      mapped.files[file] += share;
    }
  }
}

void AddMappingsOf(int proc, pid_t pid, const std::set<dev_t>& own, Mapped& mapped) {
  const std::string rollup = ReadProc(proc, fmt::format("{}/smaps_rollup", pid).c_str());
  if (!rollup.contains(
          "\nPss_Anon:")) {  // it has ended, or may not be looked into: then what everybody may see
    const std::string status = StatusWithMemory(proc, pid);
    mapped.anon += KilobytesOf(status, "\nRssAnon:") + KilobytesOf(status, "\nVmSwap:");
    mapped.shared += KilobytesOf(status, "\nRssShmem:");
    return;
  }
  mapped.anon += KilobytesOf(rollup, "\nPss_Anon:") + KilobytesOf(rollup, "\nSwapPss:");
  if (KilobytesOf(rollup, "\nPss_Shmem:") == 0) return;
  AddFilesOf(ReadProc(proc, fmt::format("{}/smaps", pid).c_str()), own, mapped);
}

}  // namespace

SampledMemory::SampledMemory(int root, const std::vector<std::string>& in_memory)
    : host_shared_(HostShared()) {
  for (const std::string& path : in_memory) {
    Result<Fd> place = sys::OpenAt(root, path.c_str() + 1, O_PATH | O_DIRECTORY,
                                   RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
    struct stat info{};
    if (!place || ::fstat(place->get(), &info) != 0) continue;
    if (devices_.insert(info.st_dev).second) file_systems_.push_back(*std::move(place));
  }
}

std::uint64_t SampledMemory::InOwnFileSystems() const {
  std::uint64_t bytes = 0;
  for (const Fd& place : file_systems_) {
    struct statfs info{};
    if (::fstatfs(place.get(), &info) != 0 || info.f_type != TMPFS_MAGIC) continue;
    bytes += (info.f_blocks - info.f_bfree) * static_cast<std::uint64_t>(info.f_bsize);
  }
  return bytes;
}

/// Descriptors can be many, so they are looked at once a second, and when the machine has more
/// files in memory than before.
void SampledMemory::LookForMemfds(const RunProcesses& processes, std::uint64_t limit) {
  const Clock::time_point now = Clock::now();
  const std::uint64_t host = HostShared();
  const bool grown = host > host_shared_ + limit / kGrowthPart;
  if (now < next_memfds_ && !grown) return;
  host_shared_ = host;
  std::map<FileKey, std::uint64_t> found;
  for (const pid_t pid : processes.All()) {
    if (pid != 1) AddMemfdsOf(processes.proc(), pid, found);
  }
  memfds_ = 0;
  for (const auto& [file, bytes] : found) memfds_ += bytes;
  const Clock::time_point done = Clock::now();
  next_memfds_ = done + std::max<Clock::duration>(kMemfdsAtLeast, (done - now) * kRestAfterMemfds);
}

std::uint64_t SampledMemory::Look(const RunProcesses& processes, const ProcessTotals& totals,
                                  std::uint64_t limit) {
  LookForMemfds(processes, limit);
  const std::uint64_t cheap = totals.anon + totals.shared + InOwnFileSystems() + memfds_;
  if (cheap <= limit) return cheap;
  const Clock::time_point now = Clock::now();
  // Until the next exact look, what has come to it since counts as seen.
  const auto grown = [&] { return exact_ + cheap - std::min(cheap, cheap_at_exact_); };
  if (now < next_exact_) return std::min(cheap, grown());
  // A run that makes itself unmeasurable has what it seems to have.
  exact_ = Exact(processes).value_or(cheap);
  cheap_at_exact_ = cheap;
  const Clock::time_point done = Clock::now();
  next_exact_ = done + std::min<Clock::duration>((done - now) * kRestAfterExact, kLongestRest);
  return std::min(cheap, exact_);
}

std::optional<std::uint64_t> SampledMemory::Exact(const RunProcesses& processes) const {
  const Clock::time_point latest = Clock::now() + kLongestExact;
  Mapped mapped;
  std::map<FileKey, std::uint64_t> memfds;
  for (const pid_t pid : processes.All()) {
    if (pid == 1) continue;
    if (Clock::now() > latest) return std::nullopt;
    AddMappingsOf(processes.proc(), pid, devices_, mapped);
    AddMemfdsOf(processes.proc(), pid, memfds);
  }
  // A memfd that is held as well counts all its pages, those that are mapped among them.
  std::uint64_t held = 0;
  for (const auto& [file, bytes] : memfds) {
    held += bytes;
    if (const auto it = mapped.files.find(file); it != mapped.files.end()) {
      mapped.shared -= it->second;
    }
  }
  return mapped.anon + mapped.shared + held + InOwnFileSystems();
}

}  // namespace ambit::supervise
