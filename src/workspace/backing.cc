#include "workspace/backing.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "sys/file.h"
#include "sys/loop.h"
#include "sys/mount.h"
#include "sys/process.h"
#include "workspace/disk_full.h"
#include "workspace/run_removal.h"
#include "workspace/tree_copy.h"

namespace ambit::workspace {
namespace {

constexpr std::uint64_t kQuiet = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr std::array kPrepared = {"upper", "work", "home"};
constexpr std::array kBroughtHome = {"upper", "home"};
constexpr const char* kDiskInstead = "set limits.disk_backing = \"disk\"";

struct Size {
  std::uint64_t bytes;
  std::uint64_t inodes;
};

Result<Size> SizeOf(const plan::LaunchPlan& plan) {
  const Size size{.bytes = plan.limits.ValueOf(policy::Limit::kDisk),
                  .inodes = plan.limits.ValueOf(policy::Limit::kInodes)};
  if (size.bytes != policy::kNoLimit) return size;
  return Fail(Errc::kInvalidArgument, "a file system of a run's own needs a size",
              "give it with '--disk SIZE', or set limits.disk_backing = \"disk\"");
}

Result<Fd> MountMemory(const Size& size) {
  std::vector<sys::FsOption> options = {{"size", std::to_string(size.bytes)}, {"mode", "0700"}};
  if (size.inodes != policy::kNoLimit) {
    options.push_back({"nr_inodes", std::to_string(size.inodes + kOwnInodes)});
  }
  AMBIT_TRY(Fd mount, sys::NewFilesystem("tmpfs", options, kQuiet));
  // Without attributes an overlay cannot say that a directory was replaced.
  const std::string top = fmt::format("/proc/self/fd/{}", mount.get());
  if (::setxattr(top.c_str(), "user.ambit", "", 0, 0) != 0 ||
      ::removexattr(top.c_str(), "user.ambit") != 0) {
    Error error = FailErrno(errno, "layers in memory: attributes of files on tmpfs").error();
    error.remedy = fmt::format("use Linux 6.6 or later, or {}", kDiskInstead);
    return std::unexpected(std::move(error));
  }
  return mount;
}

[[noreturn]] void ExecuteMkfs(int image, const Size& size) {
  const std::string path = fmt::format("/proc/self/fd/{}", image);
  // An inode takes 256 bytes of the image whether it is used or not.
  const std::uint64_t fitting = std::max<std::uint64_t>(size.bytes / 8192, 1024);
  const std::string inodes = std::to_string(std::min(fitting, size.inodes));
  std::array<const char*, 16> argv = {"mkfs.ext4",
                                      "-q",
                                      "-F",
                                      "-m",
                                      "0",
                                      "-b",
                                      "4096",
                                      "-O",
                                      "^has_journal",
                                      "-E",
                                      "lazy_itable_init=1,nodiscard",
                                      "-N",
                                      inodes.c_str(),
                                      path.c_str(),
                                      nullptr};
  const std::array<const char*, 1> environment = {nullptr};
  for (const char* program : {"/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"}) {
    ::execve(program, const_cast<char**>(argv.data()), const_cast<char**>(environment.data()));
  }
  ::_exit(127);
}

Status MakeExt4(int image, const Size& size) {
  AMBIT_TRY(const sys::Child child, sys::Clone(0));
  if (child.pid == 0) {
    const int flags = ::fcntl(image, F_GETFD);
    ::fcntl(image, F_SETFD, flags & ~FD_CLOEXEC);
    ExecuteMkfs(image, size);
  }
  AMBIT_TRY(const int status, sys::Reap(child.pidfd.get()));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
    return Fail(Errc::kNotFound, "layers in an image: no mkfs.ext4",
                fmt::format("install e2fsprogs, or {}", kDiskInstead));
  }
  return Fail(Errc::kIo, "layers in an image: mkfs.ext4 failed",
              fmt::format("a limit of 16 MiB or more, or {}", kDiskInstead));
}

Result<Fd> MountExt4(const Fd& image) {
  AMBIT_TRY(const sys::LoopDevice loop, sys::AttachLoopDevice(image.get()));
  const std::array<sys::FsOption, 1> options = {sys::FsOption{.key = "source", .value = loop.path}};
  return sys::NewFilesystem("ext4", options, kQuiet);
}

Result<Fd> MountImage(int run_dir, const Size& size) {
  ::unlinkat(run_dir, kImage, 0);  // of an attempt before
  const Fd image(::openat(run_dir, kImage, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!image) return FailErrno(errno, fmt::format("create '{}'", kImage));
  if (::ftruncate(image.get(), static_cast<off_t>(size.bytes)) != 0) {
    return FailErrno(errno, fmt::format("size '{}'", kImage));
  }
  // In a sparse file a full disk would lose what the agent was told to be written. A file system
  // that cannot set blocks aside is left to say so.
  if (::fallocate(image.get(), 0, 0, static_cast<off_t>(size.bytes)) != 0 && errno != EOPNOTSUPP) {
    const int error = errno;
    ::unlinkat(run_dir, kImage, 0);
    return FailErrno(error, "take the room of the layers' image",
                     fmt::format("free space in the file system of the state directory, give less "
                                 "with '--disk SIZE', or {}",
                                 kDiskInstead));
  }
  AMBIT_CHECK(MakeExt4(image.get(), size));
  return MountExt4(image);
}

Status LeaveInImage(int run_dir, Error full) {
  (void)RemoveTree(run_dir, kIncoming);
  full.remedy =
      "the work is in the run's image until there is room for it: free space in the file "
      "system of the state directory, then look again";
  return std::unexpected(std::move(full));
}

}  // namespace

Result<Fd> MakeBacking(const plan::LaunchPlan& plan, int run_dir) {
  if (plan.limits.disk_backing == policy::DiskBacking::kDisk) return Fd();
  AMBIT_TRY(const Size size, SizeOf(plan));
  AMBIT_TRY(Fd backing, plan.limits.disk_backing == policy::DiskBacking::kMemory
                            ? MountMemory(size)
                            : MountImage(run_dir, size));
  for (const char* name : kPrepared) {
    AMBIT_CHECK(CopyTree(run_dir, name, backing.get(), name));
  }
  return backing;
}

Status BringHome(int backing, int run_dir) {
  const bool has_image = ::faccessat(run_dir, kImage, F_OK, 0) == 0;
  Status whole;
  for (const char* name : kBroughtHome) {
    Status copied = CopyTree(backing, name, run_dir, kIncoming);
    if (!copied && has_image && IsDiskFull(copied.error())) {
      return LeaveInImage(run_dir, std::move(copied).error());
    }
    if (!copied && whole) whole = std::move(copied);
    if (::renameat2(run_dir, kIncoming, run_dir, name, RENAME_EXCHANGE) != 0) {
      return FailErrno(errno, fmt::format("put '{}' in its place", name));
    }
    AMBIT_CHECK(RemoveTree(run_dir, kIncoming));
  }
  ::unlinkat(run_dir, kImage, 0);
  return whole;
}

Status BringHomeFromImage(int run_dir) {
  const Fd image(::openat(run_dir, kImage, O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!image && errno == ENOENT) return {};
  if (!image) return FailErrno(errno, fmt::format("open '{}'", kImage));
  AMBIT_CHECK(RemoveTree(run_dir, kIncoming));
  AMBIT_TRY(const Fd backing, MountExt4(image));
  return BringHome(backing.get(), run_dir);
}

}  // namespace ambit::workspace
