#include "call_numbers.h"

#include <seccomp.h>

namespace ambit::filtergen {

bool CallNumbers::AddNewer(std::string_view name, std::uint32_t number) {
  const std::string key(name);
  const int known = seccomp_syscall_resolve_name_arch(audit_token_, key.c_str());
  if (known >= 0 && static_cast<std::uint32_t>(known) != number) return false;
  newer_[key] = CallNumber{number};
  return true;
}

void CallNumbers::AddForeign(std::string_view name) {
  newer_.try_emplace(std::string(name), CallNumber{std::nullopt});
}

std::optional<CallNumber> CallNumbers::Find(std::string_view name) const {
  if (const auto newer = newer_.find(name); newer != newer_.end()) return newer->second;
  const int number = seccomp_syscall_resolve_name_arch(audit_token_, std::string(name).c_str());
  if (number == __NR_SCMP_ERROR) return std::nullopt;
  // Other negative numbers stand for calls that only other architectures have.
  if (number < 0) return CallNumber{std::nullopt};
  return CallNumber{static_cast<std::uint32_t>(number)};
}

}  // namespace ambit::filtergen
