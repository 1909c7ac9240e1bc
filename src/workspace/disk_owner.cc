#include "workspace/disk_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/text.h"

namespace ambit::workspace {

Status GiveToDiskOwner(int dir, const char* path, const plan::Identity& identity) {
  if (!identity.started_by_root) return {};
  if (::fchownat(dir, path, identity.disk_uid, identity.disk_gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return FailErrno(errno, fmt::format("chown '{}'", Printable(path)));
  }
  return {};
}

}  // namespace ambit::workspace
