#pragma once
// Which arguments of which programs are secrets, by what stands before them: `--token X` of any
// program, `-u ada:X` of curl, `-pX` of mysql. Pure. Who calls: Redactor.
//
// An option means something after its own program alone: `mkdir -p`, `ssh -p`, `cp -u`, `tar -b`
// stay as they are. A program is known by its name anywhere among the arguments, because others
// start it (`sudo curl`, `docker exec db mysql`). A command line in one argument (`sh -c`) is taken
// apart at blanks, as far as quotes say; it need not be one.
#include <span>
#include <string>
#include <string_view>

namespace ambit::event {

inline constexpr std::string_view kRedacted = "[redacted]";

/// Replaces them in place.
void RedactOptions(std::span<std::string> arguments);

/// Whether a variable of this name holds what nobody else may know.
[[nodiscard]] bool LooksSecret(std::string_view variable);

/// `name` is one of the words that are followed by a secret wherever they are an option, a
/// parameter of an address or a field of a form: "password", "api-key". Any case.
[[nodiscard]] bool NamesSecret(std::string_view name);

[[nodiscard]] bool StartsWithIgnoringCase(std::string_view text, std::string_view prefix);

}  // namespace ambit::event
