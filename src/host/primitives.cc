#include "host/primitives.h"

#include <errno.h>
#include <fmt/format.h>

#include <array>

namespace ambit::host {
namespace {

constexpr auto kTable = std::to_array<PrimitiveInfo>({
    {Primitive::kUserNamespace, "user namespace",
     "the agent has no right on the host that you do not give it",
     "allow unprivileged user namespaces: sysctl user.max_user_namespaces > 0, "
     "kernel.unprivileged_userns_clone=1 (Debian), "
     "kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile (Ubuntu)"},
    {Primitive::kNamespaces, "mount, pid, net, ipc, uts and cgroup namespaces",
     "the agent sees no file, process, network or name of the host",
     "use a kernel >= 6.1 with all CONFIG_*_NS; in a container allow clone3 and unshare in its "
     "seccomp profile"},
    {Primitive::kRunUser, "unprivileged host user of the run's own",
     "started by root, the agent is never host uid 0", "make /run/ambit writable for root"},
    {Primitive::kIdmappedMounts, "idmapped mounts",
     "started by root, the agent owns the project's files without being root",
     "put project and state on ext4, xfs, btrfs or tmpfs (not on overlayfs), run as an ordinary "
     "user, or use --project ro"},
    {Primitive::kMountApi, "mount API (fsopen, open_tree, move_mount, mount_setattr)",
     "the root of the run holds nothing but what the plan names",
     "use a kernel >= 6.1; in a container allow these calls in its seccomp profile"},
    {Primitive::kOverlay, "overlay file system",
     "the host's project does not change while the agent works",
     "modprobe overlay; put the state directory (XDG_STATE_HOME) on a file system that can be an "
     "upper layer: ext4, xfs, btrfs or tmpfs, not overlayfs or NFS"},
    {Primitive::kProc, "fresh /proc", "the agent sees its own processes only",
     "the parent's /proc is masked, as in a container: run it with unmasked paths "
     "(systempaths=unconfined, procMount: Unmasked)"},
    {Primitive::kDevpts, "own devpts", "terminals of the host cannot be reached",
     "use a kernel with CONFIG_UNIX98_PTYS"},
    {Primitive::kNetwork, "captured network",
     "no packet leaves but through the relay that policy rules",
     "modprobe nf_tables nft_tproxy nf_tproxy_ipv4 nf_tproxy_ipv6, or leave the way to capture "
     "connections to ambit (--capture auto)"},
    {Primitive::kPrivileges, "dropping every capability, no_new_privs",
     "nothing started inside can gain a privilege", "use a kernel >= 6.1"},
    {Primitive::kLandlock, "Landlock", "a second wall around files, signals and sockets",
     "boot with 'landlock' in lsm= (CONFIG_SECURITY_LANDLOCK)"},
    {Primitive::kSeccomp, "seccomp-BPF filter", "a third wall: the kernel's surface is narrow",
     "use a kernel with CONFIG_SECCOMP_FILTER"},
    {Primitive::kNotification, "seccomp notification",
     "what happens inside is on record; started by a user, directories can be renamed",
     "use a kernel >= 6.1; EBUSY: ambit itself runs under a seccomp listener (system call "
     "interception of LXD and others): switch that off, or run ambit outside of it"},
    {Primitive::kLifeLine, "life line", "when ambit dies everything inside dies",
     "raise the limit on open files (ulimit -n)"},
    {Primitive::kEgress, "egress process", "what leaves is decided and counted outside the run",
     "see the message; raise the limit on processes (ulimit -u) or open files (ulimit -n)"},
    {Primitive::kCgroup, "control group of the run's own",
     "the kernel holds the limits on memory, processes and processors",
     "see the message; where control groups are not yours to use, hide /sys/fs/cgroup from ambit, "
     "and it holds what it can by other means and says so"},
    {Primitive::kStateDirectory, "state directory",
     "the work survives any crash, and nobody else can read it",
     "set XDG_STATE_HOME to a directory of yours that others cannot write"},
    {Primitive::kHostPath, "host path", "the run holds exactly what the plan names",
     "name a path that exists and that you may read"},
    {Primitive::kInit, "init process", "the run is set up and ended by ambit alone",
     "use a kernel >= 6.1; in a container allow the call in its seccomp profile; raise the limit "
     "on "
     "processes (ulimit -u)"},
});

}  // namespace

std::span<const PrimitiveInfo> AllPrimitives() { return kTable; }

const PrimitiveInfo& InfoOf(Primitive id) {
  for (const PrimitiveInfo& info : kTable) {
    if (info.id == id) return info;
  }
  return kTable.back();
}

std::string_view RemedyForLimit(int sys_errno) {
  switch (sys_errno) {
    case EMFILE:
    case ENFILE:
      return "raise the limit on open files (ulimit -n)";
    case EAGAIN:
      return "raise the limit on processes (ulimit -u, pids.max of the cgroup)";
    case ENOMEM:
      return "free memory, or raise the limit on it (memory.max of the cgroup)";
    case EDQUOT:
      return "free space, or raise your quota, in the file system of the state directory; 'ambit "
             "discard' and 'ambit prune' free what runs left there";
    default:
      return {};
  }
}

Error Missing(Primitive id, Error error) {
  const PrimitiveInfo& info = InfoOf(id);
  error.what = fmt::format("{}: {} (it guarantees that {})", info.name, error.what, info.guarantee);
  if (error.remedy.empty()) error.remedy = RemedyForLimit(error.sys_errno);
  // Elsewhere it is a limit on names or namespaces.
  if (error.remedy.empty() && id == Primitive::kStateDirectory && error.sys_errno == ENOSPC) {
    error.remedy = RemedyForLimit(EDQUOT);
  }
  if (error.remedy.empty()) error.remedy = info.remedy;
  return error;
}

}  // namespace ambit::host
