#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <new>
#include <utility>

#include "supervise/terminal.h"
#include "sys/fd_passing.h"
#include "sys/landlock.h"
#include "sys/process.h"
#include "sys/seccomp.h"

namespace ambit::supervise {
namespace {

#if defined(__x86_64__)
constexpr long kPoll = SYS_poll;
#else
constexpr long kPoll = SYS_ppoll;
#endif

/// What waiting, writing, and setting mode and flags of an open file needs, and the heap.
constexpr std::array<long, 8> kCalls = {SYS_read, SYS_write, SYS_fcntl,      SYS_ioctl,
                                        SYS_brk,  kPoll,     SYS_exit_group, SYS_munmap};

/// Any other call fails: another architecture's numbers are no way around, for the process is
/// ambit's own code and reads nothing that anybody else has written.
std::array<sock_filter, kCalls.size() + 3> MakeFilter() {
  std::array<sock_filter, kCalls.size() + 3> filter{};
  filter[0] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
  for (std::size_t i = 0; i < kCalls.size(); ++i) {
    const auto to_allow = static_cast<__u8>(kCalls.size() - i);
    filter[i + 1] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<__u32>(kCalls[i]), to_allow, 0);
  }
  filter[kCalls.size() + 1] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  filter[kCalls.size() + 2] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  return filter;
}

/// Blocks every signal of this process while it lives.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsBlocked() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

/// A session of its own: neither the terminal's signals nor a kill of the person's job end it.
void LeaveTheSupervisor(int line, int output) {
  for (int signal = 1; signal < NSIG; ++signal) (void)::signal(signal, SIG_IGN);
  ::setsid();
  ::dup2(output, 1);  // a pipe of the person's must end with the run
  ::dup2(output, 2);
  if (!sys::CloseAllBut(std::array{line})) ::_exit(125);
}

Status CloseTheFileSystem() {
  AMBIT_TRY(const int abi, sys::LandlockAbi());
  AMBIT_TRY(auto no_files, sys::LandlockRuleset::Create(abi, /*scope_signals=*/false));
  return no_files.Restrict();
}

Status Confine() {
  AMBIT_CHECK(sys::DropAllPrivileges());
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return FailErrno(errno, "prctl(PR_SET_DUMPABLE)");
  AMBIT_CHECK(CloseTheFileSystem());
  return sys::InstallFilter(MakeFilter());
}

[[noreturn]] void Keep(TerminalState& state, int line, int output) {
  LeaveTheSupervisor(line, output);
  if (!Confine()) ::_exit(125);
  char nothing = 0;
  if (::write(line, &nothing, 1) != 1) ::_exit(125);
  while (::read(line, &nothing, 1) < 0 && errno == EINTR) {
  }
  if (state.raw) {
    MakeAsBefore(state);
    WriteToTerminal(1, Undo(state.modes));
  }
  ::_exit(0);
}

}  // namespace

Result<TerminalKeeper> TerminalKeeper::Make() {
  void* memory = ::mmap(nullptr, sizeof(TerminalState), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return FailErrno(errno, "map memory for the terminal's state");
  return TerminalKeeper(new (memory) TerminalState);
}

TerminalKeeper::TerminalKeeper(TerminalKeeper&& other) noexcept
    : state_(std::exchange(other.state_, nullptr)),
      line_(std::move(other.line_)),
      process_(std::move(other.process_)) {}

TerminalKeeper::~TerminalKeeper() {
  line_.Reset();
  if (process_) (void)sys::Reap(process_.get());
  if (state_ != nullptr) ::munmap(state_, sizeof(TerminalState));
}

Status TerminalKeeper::StartProcess(int output) {
  if (process_) return {};
  AMBIT_TRY(sys::SeqpacketPair line, sys::MakeSeqpacketPair());
  // Until it has left the job it has our handlers, which tell the supervisor of its signals.
  const SignalsBlocked blocked;
  AMBIT_TRY(sys::Child child, sys::Clone(0));
  if (child.pid == 0) Keep(*state_, line.second.get(), output);
  line_ = std::move(line.first);
  line.second.Reset();
  process_ = std::move(child.pidfd);
  char ready = 0;
  if (::read(line_.get(), &ready, 1) == 1) return {};
  return Fail(Errc::kIo, "the process that puts the terminal right could not be confined");
}

}  // namespace ambit::supervise
