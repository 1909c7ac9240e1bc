#include "spawn/native/handover.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan/plan_codec.h"
#include "spawn/native/protocol.h"
#include "sys/file.h"

namespace ambit::spawn::native {
namespace {

Result<Handover> ReadHandover(const Fd& file) {
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return FailErrno(errno, "stat the plan");
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  const ssize_t n = ::pread(file.get(), bytes.data(), bytes.size(), 0);
  if (n < 0) return FailErrno(errno, "read the plan");
  const std::size_t run = bytes.find('\0');
  const std::size_t root = bytes.find('\0', run + 1);
  const std::size_t kept = bytes.find('\0', root + 1);
  if (static_cast<std::size_t>(n) != bytes.size() || root == std::string::npos ||
      kept == std::string::npos) {
    return FailErrno(EPROTO, "the plan");
  }
  AMBIT_TRY(plan::LaunchPlan plan, plan::Decode(std::string_view(bytes).substr(kept + 1)));
  return Handover{.plan = std::move(plan),
                  .places = {.run = bytes.substr(0, run),
                             .root = bytes.substr(run + 1, root - run - 1),
                             .kept = bytes.substr(root + 1, kept - root - 1)}};
}

}  // namespace

Result<Fd> WriteHandover(const plan::LaunchPlan& plan, const Places& places) {
  Fd file(::memfd_create("plan", MFD_CLOEXEC));
  if (!file) return FailErrno(errno, "memfd_create");
  const std::string bytes =
      places.run + '\0' + places.root + '\0' + places.kept + '\0' + plan::Encode(plan);
  AMBIT_CHECK(sys::WriteAll(file.get(), bytes, "the plan"));
  return file;
}

Status SendHandover(int socket, const Fd& handover) {
  return Send(socket, Message{.kind = MessageKind::kPlan}, handover.get());
}

StageResult<Handover> ReceiveHandover(int socket) {
  const auto fail = [](Error error) {
    return std::unexpected(
        StageError{.primitive = host::Primitive::kInit, .error = std::move(error)});
  };
  Message message;
  Fd file;
  if (Status got = Receive(socket, message, &file); !got) return fail(got.error());
  while (message.kind == MessageKind::kCgroup) {
    if (::write(file.get(), "0", 1) != 1) {
      return std::unexpected(StageError{.primitive = host::Primitive::kCgroup,
                                        .error = FailErrno(errno, "go into the cgroup").error()});
    }
    if (Status got = Receive(socket, message, &file); !got) return fail(got.error());
  }
  if (message.kind != MessageKind::kPlan || !file) return fail(FailErrno(EPROTO, "plan").error());
  Result<Handover> handover = ReadHandover(file);
  if (!handover) return fail(handover.error());
  return *std::move(handover);
}

}  // namespace ambit::spawn::native
