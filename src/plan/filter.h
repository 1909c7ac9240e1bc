#pragma once
// The seccomp filters of a run, compiled at build time from data/syscalls.toml.
//
// Pure: nothing is installed here (sys/seccomp.h does that). Programs are for the architecture
// ambit was built for and live as long as the process.
#include <linux/filter.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "plan/filter_rules.h"
#include "policy/policy.h"

namespace ambit::plan {

/// What init is told of in a run. A user's overlay needs help with every rename.
Told ToldOf(bool started_by_root, policy::AuditFiles audit) noexcept;

/// For init, and so for everything inside. A run by a user is told of renames at least; one that
/// is put on record is told of more.
std::span<const sock_filter> AgentFilter(Told told = Told::kNothing) noexcept;

/// For the relay, once its event loop and its listeners exist.
std::span<const sock_filter> EgressFilter() noexcept;

/// The system call's name, if any filter names it; nullopt otherwise.
std::optional<std::string_view> SystemCallName(std::uint32_t number) noexcept;

/// One line per instruction, for people and golden tests. Knows the instructions that
/// CompileFilter emits; others are shown as numbers.
std::string Disassemble(std::span<const sock_filter> program);

}  // namespace ambit::plan
