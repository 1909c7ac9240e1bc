#pragma once
// Project quota, as ext4, xfs and f2fs have it: an inode belongs to the project with the number
// that is written in it, what is made in a directory that passes its project on belongs to it as
// well, and the kernel holds the blocks and inodes of a project. The file system is the one on
// which the descriptor `dir` is. As root of the initial user namespace; anybody else gets errors.
// Who calls: host (asks), workspace (holds a run's limit).
// Errors: kUnsupported where the kernel or the file system has none, kDenied.
// Source: quotactl(2); linux/quota.h, linux/dqblk_xfs.h, linux/fs.h.
//
// Nobody leaves a project who is not in the initial user namespace: fileattr_set_prepare() in
// fs/ioctl.c refuses another project, and to pass on or not, with EINVAL; asked through an overlay,
// that is checked on its inode with who asks, before the mounter's credentials come in.
#include <cstdint>

#include "base/error.h"

namespace ambit::sys {

/// Which no limit holds, and in which everything is that nobody put elsewhere.
inline constexpr std::uint32_t kNoProject = 0;

struct ProjectLimits {
  std::uint64_t bytes = 0;   // held in whole KiB; 0: no limit
  std::uint64_t inodes = 0;  // 0: no limit
  bool operator==(const ProjectLimits&) const = default;
};

struct ProjectQuota {
  ProjectLimits limits;
  std::uint64_t bytes = 0;
  std::uint64_t inodes = 0;
};

/// Whether limits of projects are held, and this process may set them. A file system that only
/// counts, as ext4 that is mounted without `prjquota`, takes a limit and holds nothing.
bool HoldsProjectQuota(int dir);

/// `dir` must be opened, not with O_PATH.
Result<std::uint32_t> ProjectOf(int dir);

/// The directory belongs to `project`, and passes it on unless it is kNoProject.
Status SetProject(int dir, std::uint32_t project);

Result<ProjectQuota> ReadProjectQuota(int dir, std::uint32_t project);

Status LimitProject(int dir, std::uint32_t project, const ProjectLimits& limits);

}  // namespace ambit::sys
