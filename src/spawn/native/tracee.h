#pragma once
// What a process that waits for an answer has asked for: the only code that reads the memory of
// another process.
//
// Called by init, under its own walls. What is read here decides nothing: the process may change it
// a moment later, and the kernel reads it again when it does the call. It only tells which
// directory is worth being made movable, which init does with its own rights, those of the agent (a
// process that lies about it gains what it could do itself), and what is put on record as asked
// for. Nothing here makes a call that init would be told of itself (confine.h).
#include <linux/seccomp.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"

namespace ambit::spawn::native {

/// A text of the process, PATH_MAX bytes with its end at most. Nothing where the process may not be
/// looked into (it is not dumpable, or the host has kernel.yama.ptrace_scope >= 2), where nothing
/// is mapped, and of a longer one.
std::optional<std::string> ReadText(pid_t pid, std::uint64_t address);

/// `size` bytes of the process that lie in one page or two.
bool ReadBytes(pid_t pid, std::uint64_t address, void* into, std::size_t size);

/// An argument list as execve(2) takes it, within the bounds of event/inside_record.h.
struct Arguments {
  std::vector<std::string> texts;
  bool cut = false;
};
Arguments ReadArguments(pid_t pid, std::uint64_t address);

/// Where a relative path of the process begins: its working directory for AT_FDCWD, else what its
/// descriptor names. Nothing where it may not be looked into.
std::optional<std::string> BasePathOf(pid_t pid, int directory);

/// `path` below `base` when it is relative, without `.` and doubled slashes. `..` stays: what it
/// leads to depends on links.
std::string JoinPaths(const std::string& base, const std::string& path);

struct NamedDirectory {
  Fd parent;
  std::string name;
};

/// The directory that a rename, renameat or renameat2 would move, when it lies in a copy-on-write
/// tree. Nothing for other files, for a tree that cannot be written, for an exchange
/// (RENAME_EXCHANGE), and where the process may not be looked into (it is not dumpable, or the host
/// has kernel.yama.ptrace_scope >= 2): the kernel has the only word there.
/// The answer holds when the notification is still waited for afterwards (sys::StillWaits).
std::optional<NamedDirectory> DirectoryToRename(const seccomp_notif& notification);

}  // namespace ambit::spawn::native
