#include "sys/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string_view>

namespace ambit::sys {
namespace {

EntryKind KindOf(int dir, const dirent& entry) {
  if (entry.d_type == DT_REG) return EntryKind::kFile;
  if (entry.d_type == DT_DIR) return EntryKind::kDirectory;
  if (entry.d_type == DT_LNK) return EntryKind::kLink;
  struct stat info{};
  const bool unknown =
      entry.d_type == DT_UNKNOWN && ::fstatat(dir, entry.d_name, &info, AT_SYMLINK_NOFOLLOW) == 0;
  if (!unknown) return EntryKind::kOther;
  if (S_ISREG(info.st_mode)) return EntryKind::kFile;
  if (S_ISDIR(info.st_mode)) return EntryKind::kDirectory;
  return S_ISLNK(info.st_mode) ? EntryKind::kLink : EntryKind::kOther;
}

}  // namespace

Result<std::vector<DirectoryEntry>> ListDirectory(int dir, std::size_t max_entries) {
  const int copy = ::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return FailErrno(errno, "list directory");
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy), ::closedir);
  if (stream == nullptr) {
    const int error = errno;
    ::close(copy);
    return FailErrno(error, "list directory");
  }
  std::vector<DirectoryEntry> entries;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (entries.size() == max_entries) {
      return Fail(Errc::kLimit, fmt::format("list directory: more than {} entries", max_entries));
    }
    entries.push_back({.name = std::string(name), .kind = KindOf(copy, *entry)});
  }
  if (errno != 0) return FailErrno(errno, "list directory");
  return entries;
}

}  // namespace ambit::sys
