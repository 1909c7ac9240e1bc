#include "sys/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <string_view>

// glibc 2.36 declares these in <sys/mount.h>, which clashes with <linux/mount.h>; the raw calls
// keep one source of constants.
namespace ambit::sys {
namespace {

constexpr int kMountPropagationPrivate = 1 << 18;  // MS_PRIVATE, include/uapi/linux/mount.h
constexpr int kMountRecursive = 1 << 14;           // MS_REC
constexpr int kUmountDetach = 2;                   // MNT_DETACH

/// The kernel explains a failed fsconfig in the context's message log; each read is one line that
/// begins with a letter for its level ("e ", "w ", "i ").
std::string KernelWords(int context) {
  std::string words;
  std::array<char, 256> line{};
  for (int i = 0; i < 8; ++i) {
    const ssize_t n = ::read(context, line.data(), line.size());
    if (n <= 0) break;
    words += words.empty() ? " (kernel: " : "; ";
    const std::string_view text(line.data(), static_cast<std::size_t>(n));
    words += text.substr(text.size() > 2 && text[1] == ' ' ? 2 : 0);
    while (!words.empty() && words.back() == '\n') words.pop_back();
  }
  if (!words.empty()) words += ')';
  return words;
}

long FsConfig(int context, unsigned command, const char* key, const void* value, int aux) {
  return ::syscall(SYS_fsconfig, context, command, key, value, aux);
}

/// EPERM from a call that has no other cause for it here than a filter.
std::unexpected<Error> RefusedOrFailed(int err, std::string what) {
  auto failed = FailErrno(err, std::move(what));
  if (err == EPERM) failed.error().code = Errc::kUnsupported;
  return failed;
}

}  // namespace

bool IsMountCallRefused(const Error& error) {
  return error.code == Errc::kUnsupported &&
         (error.sys_errno == ENOSYS || error.sys_errno == EPERM);
}

Result<Fd> NewFilesystem(const char* type, std::span<const FsOption> options,
                         std::uint64_t attributes) {
  Fd context(static_cast<int>(::syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)));
  if (!context) return RefusedOrFailed(errno, fmt::format("fsopen '{}'", type));
  for (const FsOption& option : options) {
    const bool is_flag = option.value.empty();
    if (FsConfig(context.get(), is_flag ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING,
                 option.key.c_str(), is_flag ? nullptr : option.value.c_str(), 0) != 0) {
      const int err = errno;
      return FailErrno(err, fmt::format("fsconfig '{}' {}={}{}", type, option.key, option.value,
                                        KernelWords(context.get())));
    }
  }
  if (FsConfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    const int err = errno;
    return FailErrno(err, fmt::format("create '{}'{}", type, KernelWords(context.get())));
  }
  Fd mount(static_cast<int>(
      ::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes))));
  if (!mount) {
    const int err = errno;
    return FailErrno(err, fmt::format("fsmount '{}'{}", type, KernelWords(context.get())));
  }
  return mount;
}

Result<Fd> CloneTree(int dir, const char* path, bool recursive) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW |
                         (recursive ? AT_RECURSIVE : 0U);
  Fd tree(static_cast<int>(::syscall(SYS_open_tree, dir, path, flags)));
  if (!tree) return RefusedOrFailed(errno, fmt::format("open_tree '{}'", path));
  return tree;
}

Status SetMountAttributes(int tree, std::uint64_t attributes, bool recursive) {
  mount_attr attr{};
  attr.attr_set = attributes;
  attr.propagation = kMountPropagationPrivate;
  const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U);
  if (::syscall(SYS_mount_setattr, tree, "", flags, &attr, sizeof attr) != 0) {
    return RefusedOrFailed(errno, "mount_setattr");
  }
  return {};
}

Status MakeIdmapped(int tree, int userns) {
  mount_attr attr{};
  attr.attr_set = MOUNT_ATTR_IDMAP;
  attr.userns_fd = static_cast<std::uint64_t>(userns);
  if (::syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof attr) != 0) {
    return FailErrno(errno, "mount_setattr(MOUNT_ATTR_IDMAP)");
  }
  return {};
}

Status AttachTree(int tree, int dir, const char* path) {
  if (::syscall(SYS_move_mount, tree, "", dir, path, MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return FailErrno(errno, fmt::format("move_mount to '/{}'", path));
  }
  return {};
}

Status AttachTreeOn(int tree, int target) {
  if (::syscall(SYS_move_mount, tree, "", target, "",
                MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    return FailErrno(errno, "move_mount");
  }
  return {};
}

Status SetAttachedAttributes(int dir, std::uint64_t attributes) {
  return SetMountAttributes(dir, attributes, false);
}

Status MakeMountsPrivate() {
  if (::syscall(SYS_mount, nullptr, "/", nullptr, kMountRecursive | kMountPropagationPrivate,
                nullptr) != 0) {
    return FailErrno(errno, "mount '/' MS_REC|MS_PRIVATE");
  }
  return {};
}

Status InOwnMounts(const std::function<void()>& body) {
  const Fd before(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!before) return FailErrno(errno, "open '/proc/self/ns/mnt'");
  const Fd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const Fd cwd(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root || !cwd) return FailErrno(errno, "open root and working directory");
  if (::unshare(CLONE_NEWNS) != 0) return RefusedOrFailed(errno, "unshare(CLONE_NEWNS)");
  Status alone = MakeMountsPrivate();
  if (alone) body();
  // setns leads to the root of the namespace, which is another one for who was in a chroot.
  if (::setns(before.get(), CLONE_NEWNS) != 0 || ::fchdir(root.get()) != 0 || ::chroot(".") != 0 ||
      ::fchdir(cwd.get()) != 0) {
    return RefusedOrFailed(errno, "return to the mounts of the host");
  }
  return alone;
}

Status PivotInto(int root) {
  if (::fchdir(root) != 0) return FailErrno(errno, "fchdir to the new root");
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return FailErrno(errno, "pivot_root");
  if (::syscall(SYS_umount2, ".", kUmountDetach) != 0) return FailErrno(errno, "umount old root");
  if (::chdir("/") != 0) return FailErrno(errno, "chdir '/'");
  return {};
}

}  // namespace ambit::sys
