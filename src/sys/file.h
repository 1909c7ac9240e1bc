#pragma once
// Opening, reading and writing files by descriptor, with the resolution rules spelled out.
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::sys {

/// openat2(2): O_CLOEXEC is always added; `resolve` is RESOLVE_*. EINTR and EAGAIN are retried a
/// bounded number of times (somebody may rename for ever). `path` is relative to `dir`.
Result<Fd> OpenAt(int dir, const char* path, std::uint64_t flags, std::uint64_t resolve = 0,
                  mode_t mode = 0);

/// Names one file or directory for as long as it exists.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const FileId&, const FileId&) = default;
};
Result<FileId> IdOf(int fd);

/// Opens an absolute path of which no component may be a symbolic link: what a real path names,
/// even while somebody exchanges parts of it. kDenied when `expected` is given and it is another
/// file by now.
Result<Fd> OpenUnlinked(const char* path, std::uint64_t flags,
                        const std::optional<FileId>& expected = std::nullopt);

/// The whole of a small regular file. Errors: kLimit above `max_bytes`; kInvalidArgument when it
/// is not a regular file (a FIFO would block for ever). `resolve` is RESOLVE_*.
Result<std::string> ReadSmallFile(int dir, const char* path, std::size_t max_bytes,
                                  std::uint64_t resolve = 0);

/// The target of the symlink `path` below `dir`; an error when it is none.
Result<std::string> ReadLink(int dir, const char* path);

/// Writes all of `content`; `name` is what an error calls the file.
Status WriteAll(int fd, std::string_view content, const char* name);

/// Creates (exclusively) and writes a file of `mode`.
Status WriteNewFile(int dir, const char* path, std::string_view content, mode_t mode);

/// Writes `content` in one write(2) to an existing file: what /proc files want.
Status WriteProcFile(int dir, const char* path, std::string_view content);

/// Creates the directories of the relative `path` below `dir` that are missing, mode 0755.
Status MakeDirectories(int dir, std::string_view path);

/// Opens (O_PATH) the directory `inside`, an absolute path, below `root` as if that were `/`, and
/// makes what is missing of it with mode 0755. No symbolic link is followed.
Result<Fd> EnterDirectory(int root, std::string_view inside);

/// Makes the symbolic link `inside`, an absolute path, below `root` as if that were `/`, with the
/// directories above it. Something that is there already stays.
Status MakeSymlink(int root, std::string_view inside, const std::string& target);

/// The absolute path the kernel knows for `fd` (through /proc/self/fd).
Result<std::string> PathOf(int fd);

}  // namespace ambit::sys
