#include "spawn/native/rename_service.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <new>
#include <optional>
#include <utility>

#include "sys/process.h"
#include "sys/seccomp.h"

namespace ambit::spawn::native {
namespace {

/// Each holds a descriptor of init's.
constexpr std::size_t kMostWaiting = 64;

/// Of taking back what one worker left: each is begun because somebody killed the one before.
constexpr int kMostTimesTakenBack = 3;

/// Empty without memory. Never unmapped: the service ends with its process.
std::atomic<MoveStage>* ShareStage() {
  void* page = ::mmap(nullptr, sizeof(std::atomic<MoveStage>), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? nullptr : new (page) std::atomic(MoveStage::kAsking);
}

}  // namespace

RenameService::RenameService(int listener) : listener_(listener) {
  if (listener_ >= 0) stage_ = ShareStage();
}

void RenameService::Take(const seccomp_notif& asked) {
  std::optional<NamedDirectory> directory;
  if (!IsWorker(asked.pid) && waiting_.size() < kMostWaiting) directory = DirectoryToRename(asked);
  if (!directory || !sys::StillWaits(listener_, asked.id)) {
    sys::LetTheKernelDoIt(listener_, asked.id);
    return;
  }
  waiting_.push_back({.id = asked.id, .directory = *std::move(directory)});
  if (worker_ == 0) StartNext();
}

void RenameService::Ended(pid_t pid, int status) {
  if (worker_ == 0 || pid != worker_) return;
  worker_ = 0;
  const bool was_killed = !WIFEXITED(status);
  if (was_killed && times_taken_back_ < kMostTimesTakenBack) {
    ++times_taken_back_;
    if (StartWorker(TakeBack)) return;
  }
  Answer(was_killed || times_taken_back_ > 0 ? EIO : WEXITSTATUS(status));
  StartNext();
}

void RenameService::TakeBackOnly() {
  ending_ = true;
  times_taken_back_ = 0;
}

/// To who waits for the first directory.
void RenameService::Answer(int error) {
  const std::uint64_t id = waiting_.front().id;
  if (error == 0) {
    sys::LetTheKernelDoIt(listener_, id);
  } else {
    sys::Refuse(listener_, id, error);
  }
  waiting_.pop_front();
}

void RenameService::StartNext() {
  while (!ending_ && !waiting_.empty()) {
    if (sys::StillWaits(listener_, waiting_.front().id)) {
      ours_ = NameForOurs();
      times_taken_back_ = 0;
      if (StartWorker(MakeMovable)) return;
    }
    Answer(0);
  }
}

/// Lets a child work on the first directory.
bool RenameService::StartWorker(int (*work)(const Replacement&)) {
  if (stage_ == nullptr || ours_.empty()) return false;
  const NamedDirectory& directory = waiting_.front().directory;
  const int parent = directory.parent.get();
  // Not clone3: the filter hides it from init as well.
  const pid_t child = ::fork();
  if (child == 0) {
    if (!sys::CloseAllBut(std::array{parent})) ::_exit(EIO);
    ::_exit(work({.parent = parent, .name = directory.name, .ours = ours_, .stage = *stage_}));
  }
  if (child > 0) worker_ = child;
  return child > 0;
}

}  // namespace ambit::spawn::native
