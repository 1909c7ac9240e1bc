// Programs around the probes: what is attacked, who launches, what keeps running.
#include <fcntl.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "probes/probe.h"

namespace ambit::probes {
namespace {

volatile char g_planted = 's';  // what an attacker would read or change in a victim

[[noreturn]] void SleepForEver() {
  for (;;) ::pause();
}

/// Prints the address of its planted byte and waits to be attacked. Any process may trace it.
int BeAVictim(const Words&) {
  ::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
  ::printf("%p\n", reinterpret_cast<void*>(const_cast<char*>(&g_planted)));
  ::fflush(stdout);
  SleepForEver();
}

void IgnoreWhatCanBeIgnored() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_IGN);
}

/// COUNT children in sessions of their own, forked twice, deaf to signals; then writes
/// "made-by-the-agent" and stays MILLISECONDS more. The other words only mark the command line.
int LeaveChildren(const Words& words) {
  for (long i = NumberOf(words.at(0)); i > 0; --i) {
    if (::fork() != 0) continue;
    ::setsid();
    if (::fork() != 0) ::_exit(0);
    IgnoreWhatCanBeIgnored();
    if (i % 2 == 0) ::setsid();
    SleepForEver();
  }
  const int fd = ::open("made-by-the-agent", O_WRONLY | O_CREAT, 0644);
  if (fd < 0 || ::write(fd, "work\n", 5) != 5) return 3;
  ::close(fd);
  ::usleep(static_cast<useconds_t>(NumberOf(words.at(1)) * 1000));
  return 0;
}

int Execute(const Words& words, std::size_t from) {
  std::vector<char*> argv;
  for (std::size_t i = from; i < words.size(); ++i) {
    argv.push_back(const_cast<char*>(words[i].c_str()));
  }
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ::perror("ambit_probe: exec");
  return 98;
}

/// FILE DIRECTORY SEED -- PROGRAM...: opens both and a socket at random numbers up to 1000, all
/// inherited, then becomes PROGRAM.
int LeakAndExecute(const Words& words) {
  rlimit files{.rlim_cur = 1024, .rlim_max = 1024};
  ::setrlimit(RLIMIT_NOFILE, &files);
  ::srand(static_cast<unsigned>(NumberOf(words.at(2))));
  const auto somewhere = [] { return 3 + ::rand() % 997; };
  for (int i = 0; i < 5; ++i) {
    const int file = ::open(words.at(0).c_str(), O_RDWR);
    const int directory = ::open(words.at(1).c_str(), O_RDONLY | O_DIRECTORY);
    const int path = ::open(words.at(1).c_str(), O_PATH);
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (file < 0 || directory < 0 || path < 0 || socket < 0) return 97;
    for (const int fd : {file, directory, path, socket}) ::dup2(fd, somewhere());
  }
  return Execute(words, 4);
}

/// LIST -- PROGRAM...: closes the descriptors whose digits are in LIST, then becomes PROGRAM.
int CloseAndExecute(const Words& words) {
  for (const char digit : words.at(0)) ::close(digit - '0');
  return Execute(words, 2);
}

/// NAME -- PROGRAM...: a key in a session keyring of its own and one in the user's keyring.
int HoldKeysAndExecute(const Words& words) {
  const char* name = words.at(0).c_str();
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 ||
      ::syscall(SYS_add_key, "user", name, "secret", 6, KEY_SPEC_SESSION_KEYRING) < 0 ||
      ::syscall(SYS_add_key, "user", name, "secret", 6, KEY_SPEC_USER_KEYRING) < 0) {
    ::perror("ambit_probe: keys");
    return 97;
  }
  return Execute(words, 2);
}

/// NAME: takes the key of HoldKeysAndExecute out of the user's keyring again.
int DropUserKey(const Words& words) {
  const long key =
      ::syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", words.at(0).c_str(), 0);
  if (key < 0) return 0;
  return ::syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_USER_KEYRING) == 0 ? 0 : 1;
}

int TellEffectiveId(const Words&) { return ::geteuid() != ::getuid() ? 1 : 0; }

/// The descriptors of this process, one line each: number and what is behind it.
int ListDescriptors(const Words&) {
  for (int fd = 0; fd < 1024; ++fd) {
    char target[512];
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t n = ::readlink(link.c_str(), target, sizeof target - 1);
    if (n < 0) continue;
    target[n] = '\0';
    ::printf("%d %s\n", fd, target);
  }
  return 0;
}

}  // namespace

int RunHelper(const std::string& name, const Words& arguments) {
  struct Helper {
    const char* name;
    int (*run)(const Words&);
  };
  constexpr Helper kHelpers[] = {{"victim", BeAVictim},
                                 {"leave-children", LeaveChildren},
                                 {"leak-and-execute", LeakAndExecute},
                                 {"close-and-execute", CloseAndExecute},
                                 {"hold-keys-and-execute", HoldKeysAndExecute},
                                 {"drop-user-key", DropUserKey},
                                 {"tell-effective-id", TellEffectiveId},
                                 {"list-descriptors", ListDescriptors}};
  for (const Helper& helper : kHelpers) {
    if (name == helper.name) return helper.run(arguments);
  }
  return -1;
}

}  // namespace ambit::probes
