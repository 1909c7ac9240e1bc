#pragma once
// What a process that waits for an answer has asked for: the only code that reads the memory of
// another process.
//
// Called by init, under its own walls. What is read here decides nothing: the process may change it
// a moment later, and the kernel reads it again when it does the call. It only tells which
// directory is worth being made movable, which init does with its own rights, those of the agent; a
// process that lies about it gains what it could do itself.
#include <linux/seccomp.h>

#include <optional>
#include <string>

#include "base/fd.h"

namespace ambit::spawn::native {

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
