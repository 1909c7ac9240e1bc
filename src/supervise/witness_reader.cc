#include "supervise/witness_reader.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ambit::supervise {
namespace {

using event::Event;
using event::InsideDetail;
using event::InsideKind;
using event::InsideRecord;

constexpr std::size_t kAtOnce = 256 << 10;

std::string_view NameOf(InsideKind kind) {
  switch (kind) {
    case InsideKind::kExec:
      return event::kProcessExec;
    case InsideKind::kExit:
      return event::kProcessExit;
    case InsideKind::kOpen:
      return event::kFileOpen;
    case InsideKind::kCreate:
      return event::kFileCreate;
    case InsideKind::kWrite:
      return event::kFileWrite;
    case InsideKind::kDelete:
      return event::kFileDelete;
    case InsideKind::kRename:
      return event::kFileRename;
    case InsideKind::kMode:
      return event::kFileMode;
    case InsideKind::kDenied:
      return event::kDenial;
    case InsideKind::kDropped:
      break;
  }
  return event::kEventsDropped;
}

std::string_view NameOf(InsideDetail detail) {
  switch (detail) {
    case InsideDetail::kDirectory:
      return "directory";
    case InsideDetail::kNode:
      return "node";
    case InsideDetail::kSymlink:
      return "symlink";
    case InsideDetail::kHardLink:
      return "hard link";
    case InsideDetail::kUnnamed:
      return "unnamed";
    case InsideDetail::kNone:
    case InsideDetail::kOwner:
      break;
  }
  return "file";
}

/// About: with every byte that JSON escapes as the six that it becomes.
std::int64_t BytesInJournal(const InsideRecord& record) {
  std::int64_t bytes = kEventBytes;
  const auto add = [&bytes](std::string_view text) {
    for (const char c : text) bytes += c >= ' ' && c <= '~' ? 1 : 6;
  };
  add(record.path);
  add(record.other);
  for (const std::string& argument : record.argv) add(argument);
  return bytes;
}

void AddExit(Event& event, std::int64_t status) {
  const auto code = static_cast<int>(status);
  if (status < 0) {
    event.fields.push_back({"status", std::string("unknown")});
  } else if (WIFSIGNALED(code)) {
    event.fields.push_back({"signal", std::int64_t{WTERMSIG(code)}});
  } else {
    event.fields.push_back({"exit_code", std::int64_t{WEXITSTATUS(code)}});
  }
}

Event EventOf(InsideRecord record, const event::Redactor& redactor) {
  Event event{.name = NameOf(record.kind), .fields = {}};
  const auto add = [&event](const char* name, event::Value value) {
    event.fields.push_back({name, std::move(value)});
  };
  if (record.kind == InsideKind::kDenied) add("what", std::string("write"));
  add("pid", std::int64_t{record.pid});
  if (record.kind == InsideKind::kExec && record.parent > 0) {
    add("ppid", std::int64_t{record.parent});
  }
  if (record.kind == InsideKind::kExit) {
    AddExit(event, record.number);
    return event;
  }
  add("path", redactor.Clean(std::move(record.path)));
  std::string other = redactor.Clean(std::move(record.other));
  switch (record.kind) {
    case InsideKind::kExec:
      add("argv", redactor.CleanArguments(std::move(record.argv)));
      if (record.cut) add("argv_cut", true);
      add("cwd", std::move(other));
      break;
    case InsideKind::kCreate:
      add("kind", std::string(NameOf(static_cast<InsideDetail>(record.detail))));
      if (!other.empty()) add("target", std::move(other));
      break;
    case InsideKind::kRename:
      add("to", std::move(other));
      break;
    case InsideKind::kMode:
      if (record.number >= 0) add("mode", fmt::format("{:04o}", record.number));
      if (record.detail == static_cast<std::uint8_t>(InsideDetail::kOwner)) add("owner", true);
      break;
    case InsideKind::kDenied:
      add("rule", fmt::format("fs: {} is read-only", other));
      break;
    default:
      break;
  }
  if (record.unreadable) add("unreadable", true);
  return event;
}

}  // namespace

WitnessReader::WitnessReader(const plan::LaunchPlan& plan, BoundedEvents::Emit emit,
                             Executed executed, const EventBounds& bounds)
    : events_(bounds, std::move(emit)),
      executed_(std::move(executed)),
      redactor_(plan.environment) {}

void WitnessReader::Tell(const InsideRecord& record) {
  if (record.kind == InsideKind::kExec && executed_) executed_(record.pid);
  if (record.kind == InsideKind::kDropped) {
    events_.CountDropped(NameOf(static_cast<InsideKind>(record.detail)), record.number);
  } else if (events_.Admit(NameOf(record.kind), BytesInJournal(record))) {
    events_.Tell(EventOf(record, redactor_));
  }
}

Status WitnessReader::Take(std::string_view bytes) {
  records_.Take(bytes);
  for (;;) {
    AMBIT_TRY(const std::optional<InsideRecord> record, records_.Next());
    if (!record) break;
    Tell(*record);
  }
  events_.TellDroppedWhenDue();
  return {};
}

Result<bool> WitnessReader::Read(int socket) {
  std::array<char, 64 << 10> buffer;  // NOLINT(*-member-init): filled by the kernel
  for (std::size_t sum = 0; sum < kAtOnce;) {
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) return false;
    AMBIT_CHECK(Take(std::string_view(buffer.data(), static_cast<std::size_t>(got))));
    sum += static_cast<std::size_t>(got);
  }
  return true;
}

Status WitnessReader::Finish(int socket) {
  // What the socket holds is bounded by its buffer, and nobody adds to it any more.
  std::array<char, 64 << 10> buffer;  // NOLINT(*-member-init)
  for (;;) {
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    AMBIT_CHECK(Take(std::string_view(buffer.data(), static_cast<std::size_t>(got))));
  }
  events_.TellDropped();
  return {};
}

}  // namespace ambit::supervise
