#include "spawn/native/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

#include "base/path.h"
#include "spawn/native/told_call.h"
#include "spawn/native/tracee.h"
#include "sys/pidfd.h"

namespace ambit::spawn::native {
namespace {

using event::InsideKind;
using event::InsideRecord;

constexpr std::size_t kMostWaiting = 1 << 20;
constexpr std::size_t kEnoughToSend = 32 << 10;
constexpr std::chrono::milliseconds kLongestKept{20};
constexpr std::chrono::milliseconds kLongestEnd{1000};
constexpr std::size_t kMostDenied = 1000;

/// Whose child the process is; 0: nobody knows. A kernel before 6.13 is asked by /proc, where
/// opening is not told to init itself.
pid_t ParentOf(pid_t process, int pidfd, bool may_open) {
  if (pidfd >= 0) {
    if (const auto info = sys::InfoOf(pidfd)) return info->parent;
  }
  if (!may_open) return 0;
  const Fd stat(::open(fmt::format("/proc/{}/stat", process).c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 256> text{};
  if (!stat || ::read(stat.get(), text.data(), text.size() - 1) <= 0) return 0;
  // The name, in parentheses, may hold anything.
  const std::string_view line(text.data());
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string_view::npos) return 0;
  pid_t parent = 0;
  (void)std::sscanf(text.data() + name_end, ") %*c %d", &parent);  // NOLINT(cert-err34-c)
  return parent;
}

bool Changes(InsideKind kind) {
  return kind == InsideKind::kCreate || kind == InsideKind::kWrite || kind == InsideKind::kDelete ||
         kind == InsideKind::kRename || kind == InsideKind::kMode;
}

/// The read-only part of the root that `path` would lie in by its text; empty when there is none.
std::string_view ReadOnlyPartOf(const plan::LaunchPlan& plan, const std::string& path) {
  const plan::Mount* innermost = nullptr;
  for (const plan::Mount& mount : plan.mounts) {
    if (!IsAtOrBelow(path, mount.inside)) continue;
    if (innermost == nullptr || mount.inside.size() >= innermost->inside.size()) innermost = &mount;
  }
  if (innermost == nullptr) return "/";
  return innermost->read_only ? std::string_view(innermost->inside) : std::string_view();
}

/// Whether the kernel says so as well: it knows links, and that a device can be written to.
bool IsReadOnly(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
    return false;
  }
  struct statfs where{};
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == 0 ? "/" : path.substr(0, slash);
  return (::statfs(path.c_str(), &where) == 0 || ::statfs(parent.c_str(), &where) == 0) &&
         (where.f_flags & ST_RDONLY) != 0;
}

}  // namespace

Witness::Witness(Fd socket, const plan::LaunchPlan& plan)
    : socket_(std::move(socket)),
      plan_(plan),
      on_(socket_ && plan.audit_files != policy::AuditFiles::kOff),
      reads_(plan.audit_files == policy::AuditFiles::kAll),
      owners_(/*may_open=*/!reads_) {
  if (!on_) socket_.Reset();
}

int Witness::TimeoutMs() const {
  if (waiting_.empty() || full_) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(due_ - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

void Witness::ExpectAgent(pid_t agent) {
  agent_ = agent;
  tries_ = 0;
}

void Witness::Heard(const seccomp_notif& notification) {
  if (!on_) return;
  std::optional<InsideRecord> record = RecordOf(notification, reads_);
  if (!record) return;
  record->pid = owners_.ProcessOf(record->pid);
  if (record->kind == InsideKind::kExec) {
    AddExec(*std::move(record));
    return;
  }
  Add(*record);
  if (!Changes(record->kind)) return;
  LookForDenial(record->path, record->pid);
  if (record->kind == InsideKind::kRename) LookForDenial(record->other, record->pid);
}

/// The agent's own first program: what it tries next is known from the plan.
bool Witness::NameAgentsTry(InsideRecord& record) {
  const std::string& name = plan_.argv[0];
  if (name.contains('/')) {
    record.path = JoinPaths(plan_.cwd, name);
  } else if (tries_ < plan_.path_entries.size()) {
    record.path = JoinPaths(plan_.path_entries[tries_++], name);
  }
  record.unreadable = false;
  record.other = plan_.cwd;
  std::size_t left = event::kMaxInsideArgumentBytes;
  for (const std::string& argument : plan_.argv) {
    record.cut |= argument.size() > left || record.argv.size() == event::kMaxInsideArguments;
    if (record.cut) break;
    left -= argument.size();
    record.argv.push_back(argument);
  }
  return ::faccessat(AT_FDCWD, record.path.c_str(), F_OK, 0) == 0;
}

void Witness::AddExec(InsideRecord record) {
  if (record.pid == agent_) {
    if (record.unreadable) {
      if (!NameAgentsTry(record)) return;
    } else {
      agent_ = 0;
    }
  }
  Fd process = sys::OpenProcess(record.pid);
  record.parent = ParentOf(record.pid, process.get(), !reads_);
  Add(record);
  if (!exits_.Watch(record.pid, std::move(process))) {
    ++dropped_[static_cast<std::size_t>(InsideKind::kExit)];
    any_dropped_ = true;
  }
}

void Witness::Reaped(pid_t process, int status) {
  if (!on_ || !exits_.Forget(process)) return;
  InsideRecord record{.kind = InsideKind::kExit};
  record.pid = process;
  record.number = status;
  Add(record);
}

void Witness::TakeEnds() {
  if (!on_) return;
  exits_.Take([this](pid_t process, int status) {
    InsideRecord record{.kind = InsideKind::kExit};
    record.pid = process;
    record.number = status;
    Add(record);
  });
}

void Witness::LookForDenial(const std::string& path, pid_t pid) {
  if (path.empty() || denied_.size() >= kMostDenied) return;
  const std::string_view part = ReadOnlyPartOf(plan_, path);
  if (part.empty() || denied_.contains(path) || !IsReadOnly(path)) return;
  denied_.insert(path);
  InsideRecord record{.kind = InsideKind::kDenied};
  record.pid = pid;
  record.path = path;
  record.other = part;
  Add(record);
}

void Witness::Add(const InsideRecord& record) {
  if (waiting_.size() - sent_ >= kMostWaiting) {
    ++dropped_[static_cast<std::size_t>(record.kind)];
    any_dropped_ = true;
    return;
  }
  if (waiting_.empty()) due_ = Clock::now() + kLongestKept;
  AppendInsideRecord(record, waiting_);
  if (waiting_.size() - sent_ >= kEnoughToSend && !full_) Flush();
}

void Witness::AddDropped() {
  any_dropped_ = false;
  for (std::size_t kind = 0; kind < dropped_.size(); ++kind) {
    if (dropped_[kind] == 0) continue;
    InsideRecord record{.kind = InsideKind::kDropped};
    record.detail = static_cast<std::uint8_t>(kind);
    record.number = std::exchange(dropped_[kind], 0);
    AppendInsideRecord(record, waiting_);
  }
}

void Witness::Flush() {
  if (any_dropped_ && waiting_.size() - sent_ < kMostWaiting / 2) AddDropped();
  while (sent_ < waiting_.size()) {
    const ssize_t took = ::send(socket_.get(), waiting_.data() + sent_, waiting_.size() - sent_,
                                MSG_DONTWAIT | MSG_NOSIGNAL);
    if (took < 0 && errno == EINTR) continue;
    full_ = took < 0 && errno == EAGAIN;
    if (full_) {
      waiting_.erase(0, std::exchange(sent_, 0));
      return;
    }
    if (took < 0) {  // the supervisor is gone, and the run with it
      on_ = false;
      break;
    }
    sent_ += static_cast<std::size_t>(took);
  }
  waiting_.clear();
  sent_ = 0;
}

void Witness::Send() {
  if (on_ && !waiting_.empty() && (full_ || Clock::now() >= due_)) Flush();
}

void Witness::Finish() {
  if (!on_) return;
  const Clock::time_point latest = Clock::now() + kLongestEnd;
  do {
    Flush();
    if (!full_ && !any_dropped_) return;
    pollfd room{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
    (void)::poll(&room, 1, 100);
  } while (on_ && Clock::now() < latest);
}

}  // namespace ambit::spawn::native
