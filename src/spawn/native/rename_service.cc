#include "spawn/native/rename_service.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <utility>

#include "spawn/native/movable.h"
#include "sys/process.h"
#include "sys/seccomp.h"

namespace ambit::spawn::native {
namespace {

/// Each holds a descriptor of init's.
constexpr std::size_t kMostWaiting = 64;

[[noreturn]] void Work(const NamedDirectory& directory) {
  const std::array keep = {directory.parent.get()};
  if (!sys::CloseAllBut(keep)) ::_exit(EIO);
  ::_exit(MakeMovable(directory.parent.get(), directory.name));
}

}  // namespace

void RenameService::Receive() {
  const std::optional<seccomp_notif> asked = sys::ReceiveNotification(listener_.get());
  if (!asked) return;
  // The worker's own renames are part of an answer.
  const bool by_worker = worker_ != 0 && asked->pid == static_cast<std::uint32_t>(worker_);
  std::optional<NamedDirectory> directory;
  if (!by_worker && waiting_.size() < kMostWaiting) directory = DirectoryToRename(*asked);
  if (!directory || !sys::StillWaits(listener_.get(), asked->id)) {
    sys::LetTheKernelDoIt(listener_.get(), asked->id);
    return;
  }
  waiting_.push_back({.id = asked->id, .directory = *std::move(directory)});
  if (worker_ == 0) StartNext();
}

void RenameService::Ended(pid_t pid, int status) {
  if (worker_ == 0 || pid != worker_) return;
  const int error = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
  const std::uint64_t id = waiting_.front().id;
  if (error == 0) {
    sys::LetTheKernelDoIt(listener_.get(), id);
  } else {
    sys::Refuse(listener_.get(), id, error);
  }
  waiting_.pop_front();
  worker_ = 0;
  StartNext();
}

void RenameService::StartNext() {
  while (worker_ == 0 && !waiting_.empty()) {
    const Waiting& next = waiting_.front();
    if (sys::StillWaits(listener_.get(), next.id)) {
      // Not clone3: the filter hides it from init as well.
      const pid_t child = ::fork();
      if (child == 0) Work(next.directory);
      if (child > 0) {
        worker_ = child;
        return;
      }
      sys::LetTheKernelDoIt(listener_.get(), next.id);
    }
    waiting_.pop_front();
  }
}

}  // namespace ambit::spawn::native
