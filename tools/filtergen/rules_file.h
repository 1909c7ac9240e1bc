#pragma once
// Reads data/syscalls.toml: names and reasons in, numbered rules out. The file's own header
// describes its format.
//
// At build time only: it needs toml++ and libseccomp, and ambit links neither for this.
// Errors: every one begins `file:line:column:` and comes from the first mistake found.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "plan/filter_rules.h"

namespace ambit::filtergen {

struct Architecture {
  std::string_view name;               // as CMAKE_SYSTEM_PROCESSOR and [newer.NAME] spell it
  std::uint32_t audit_token;           // AUDIT_ARCH_*, which is libseccomp's token too
  std::uint32_t first_foreign_number;  // see plan::FilterRules
};

/// kUnsupported for anything but x86_64 and aarch64.
Result<Architecture> ArchitectureNamed(std::string_view name);

struct RulesFile {
  plan::FilterRules agent;
  plan::FilterRules egress;
  std::map<std::uint32_t, std::string> names;  // every call that a rule names
};

/// `path` is for messages. Names that the architecture lacks (open on aarch64) are left out.
Result<RulesFile> ParseRules(std::string_view text, std::string_view path,
                             const Architecture& architecture);

/// kNotFound and kin as for any file; else as ParseRules.
Result<RulesFile> ReadRules(const std::string& path, const Architecture& architecture);

}  // namespace ambit::filtergen
