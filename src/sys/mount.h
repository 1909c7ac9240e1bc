#pragma once
// The mount API of Linux 5.2+ (fsopen, open_tree, move_mount, mount_setattr) as typed calls.
// Called by spawn/ only. Every Fd returned is close-on-exec. Errors carry the call and the object.
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::sys {

/// Whether a call of this file failed because the kernel lacks it or a filter refuses it (ENOSYS,
/// or EPERM where nothing else gives EPERM to who holds CAP_SYS_ADMIN), not because of its object.
bool IsMountCallRefused(const Error& error);

/// One option of a new filesystem; an empty value sets a flag.
struct FsOption {
  std::string key;
  std::string value;
};

/// A new instance of `type`, not attached anywhere. `attributes`: MOUNT_ATTR_*.
/// The kernel's own words (the message log of the fscontext) are part of the error.
Result<Fd> NewFilesystem(const char* type, std::span<const FsOption> options,
                         std::uint64_t attributes);

/// A detached copy of the mount at `path` below `dir`, with everything mounted below it.
/// Symlinks in the last component are not followed.
Result<Fd> CloneTree(int dir, const char* path, bool recursive);

/// Sets (never clears) MOUNT_ATTR_* and private propagation on a detached tree.
Status SetMountAttributes(int tree, std::uint64_t attributes, bool recursive);

/// Makes a detached tree idmapped: owners are translated by the map of `userns`. Not recursive.
Status MakeIdmapped(int tree, int userns);

/// Attaches a detached tree at `path` below `dir` (neither may lead through a symlink).
Status AttachTree(int tree, int dir, const char* path);

/// Attaches a detached tree on top of what `target` (O_PATH) refers to.
Status AttachTreeOn(int tree, int target);

/// Sets MOUNT_ATTR_* on the attached mount that `dir` is the root of.
Status SetAttachedAttributes(int dir, std::uint64_t attributes);

/// Makes `/` of the calling mount namespace private, so that nothing propagates to the host.
Status MakeMountsPrivate();

/// Calls `body` with a mount namespace of its own, a private copy: what it attaches is seen by
/// nobody else and gone when it returns, but for what a descriptor or an overlay holds. Root,
/// working directory and namespace are the caller's again afterwards; after an error they may not
/// be, and the process ends soon. Needs CAP_SYS_ADMIN and CAP_SYS_CHROOT. Precondition: one thread.
Status InOwnMounts(const std::function<void()>& body);

/// Makes the directory `root` (a mount point) the root of the mount namespace, drops the old one.
Status PivotInto(int root);

}  // namespace ambit::sys
