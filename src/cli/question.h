#pragma once
// Questions at the person's terminal. Who calls: subcommands that found 0 and 2 to be terminals; a
// question is never put to a pipe, because what is in it may be meant for others.
#include <optional>
#include <string>
#include <string_view>

namespace ambit::cli {

/// The line that was typed, without its end. nullopt when there is none: the terminal's end, or a
/// signal (Ctrl-C, where the caller catches it).
std::optional<std::string> Ask(std::string_view question);

/// Adds " [y/N]". An empty line is a no. What is neither yes nor no, a `?` among it, explains the
/// question and puts it again, a few times. nullopt as above, and where nobody came to an answer.
/// With `help` it adds " [y/N/?]", the help is what is explained, and a `q` is nullopt as well.
std::optional<bool> AskYesOrLeave(std::string_view question, std::string_view help = {});

/// The same, where no answer is a no.
bool AskYes(std::string_view question);

}  // namespace ambit::cli
