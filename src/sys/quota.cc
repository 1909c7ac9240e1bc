#include "sys/quota.h"

#include <errno.h>
#include <fmt/format.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace ambit::sys {
namespace {

/// Since Linux 5.14.
bool Ask(int dir, unsigned command, std::uint32_t project, void* data) {
  return ::syscall(SYS_quotactl_fd, dir, QCMD(command, PRJQUOTA), project, data) == 0;
}

/// Whole blocks of the interface. Something is never nothing, which would be no limit.
std::uint64_t BlocksOf(std::uint64_t bytes) {
  return bytes == 0 ? 0 : std::max<std::uint64_t>(bytes / QIF_DQBLKSIZE, 1);
}

}  // namespace

bool HoldsProjectQuota(int dir) {
  fs_quota_statv state{};
  state.qs_version = FS_QSTATV_VERSION1;
  if (!Ask(dir, Q_XGETQSTATV, 0, &state)) return false;
  // Anybody may ask that; what is asked next takes the right to set a limit as well.
  return (state.qs_flags & FS_QUOTA_PDQ_ENFD) != 0 && ReadProjectQuota(dir, kNoProject).has_value();
}

Result<std::uint32_t> ProjectOf(int dir) {
  fsxattr attributes{};
  if (::ioctl(dir, FS_IOC_FSGETXATTR, &attributes) != 0) {
    return FailErrno(errno, "read the project of a directory");
  }
  return attributes.fsx_projid;
}

Status SetProject(int dir, std::uint32_t project) {
  fsxattr attributes{};
  if (::ioctl(dir, FS_IOC_FSGETXATTR, &attributes) != 0) {
    return FailErrno(errno, "read the project of a directory");
  }
  attributes.fsx_projid = project;
  if (project == kNoProject) {
    attributes.fsx_xflags &= ~std::uint32_t{FS_XFLAG_PROJINHERIT};
  } else {
    attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
  }
  if (::ioctl(dir, FS_IOC_FSSETXATTR, &attributes) != 0) {
    return FailErrno(errno, fmt::format("put a directory into project {}", project));
  }
  return {};
}

Result<ProjectQuota> ReadProjectQuota(int dir, std::uint32_t project) {
  if_dqblk quota{};
  if (!Ask(dir, Q_GETQUOTA, project, &quota)) {
    return FailErrno(errno, fmt::format("read the quota of project {}", project));
  }
  return ProjectQuota{
      .limits = {.bytes = quota.dqb_bhardlimit * QIF_DQBLKSIZE, .inodes = quota.dqb_ihardlimit},
      .bytes = quota.dqb_curspace,
      .inodes = quota.dqb_curinodes};
}

Status LimitProject(int dir, std::uint32_t project, const ProjectLimits& limits) {
  if_dqblk quota{};
  quota.dqb_bhardlimit = BlocksOf(limits.bytes);
  quota.dqb_ihardlimit = limits.inodes;
  quota.dqb_valid = QIF_LIMITS;
  if (!Ask(dir, Q_SETQUOTA, project, &quota)) {
    return FailErrno(errno, fmt::format("set the quota of project {}", project));
  }
  return {};
}

}  // namespace ambit::sys
