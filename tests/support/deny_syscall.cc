// deny_syscall NAME[:ARGUMENT=VALUE] ERRNO COMMAND [ARGUMENT...]: executes COMMAND with a filter
// that answers the system call NAME with ERRNO, as a container's seccomp profile or an old kernel
// would. With :ARGUMENT=VALUE only calls whose argument (0 to 5) has that value are refused;
// :ARGUMENT&VALUE asks for any bit of it.
#include <seccomp.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

[[noreturn]] void Abort(const char* why) {
  std::fprintf(stderr, "deny_syscall: %s\n", why);
  std::exit(99);
}

int ErrnoOf(const std::string& name) {
  for (int number = 1; number < 134; ++number) {
    const char* known = ::strerrorname_np(number);
    if (known != nullptr && name == known) return number;
  }
  Abort("unknown errno");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) Abort("usage: deny_syscall NAME[:ARG=VALUE] ERRNO COMMAND [ARGUMENT...]");
  std::string name = argv[1];
  const std::size_t colon = name.find(':');
  const std::string condition = colon == std::string::npos ? "" : name.substr(colon + 1);
  name.resize(std::min(colon, name.size()));
  const int number = ::seccomp_syscall_resolve_name(name.c_str());
  if (number < 0) Abort("unknown system call");
  const auto answer = SCMP_ACT_ERRNO(static_cast<unsigned>(ErrnoOf(argv[2])));

  scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
  if (filter == nullptr) Abort("seccomp_init");
  // As root ambit needs what no_new_privs would leave alone anyway; a filter without it is closer
  // to a container's.
  if (::geteuid() == 0) ::seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
  int added = 0;
  if (condition.empty()) {
    added = ::seccomp_rule_add(filter, answer, number, 0);
  } else {
    const auto argument = static_cast<unsigned>(condition[0] - '0');
    const auto value = std::strtoull(condition.c_str() + 2, nullptr, 0);
    const scmp_arg_cmp compare = condition[1] == '='
                                     ? scmp_arg_cmp{argument, SCMP_CMP_EQ, value, 0}
                                     : scmp_arg_cmp{argument, SCMP_CMP_MASKED_EQ, value, value};
    added = ::seccomp_rule_add(filter, answer, number, 1, compare);
  }
  if (added != 0) Abort("seccomp_rule_add");
  if (::seccomp_load(filter) != 0) Abort("seccomp_load");
  ::seccomp_release(filter);
  ::execvp(argv[3], argv + 3);
  Abort("execvp");
}
