#pragma once
// What a entry says, in one line for people. Whatever was inside: the line is safe for a terminal,
// has no line break and at most kMostText bytes. Pure. Who calls: cli, and the csv export.
#include <cstddef>
#include <string>
#include <string_view>

#include "journal/entry.h"

namespace ambit::journal {

inline constexpr std::size_t kMostText = 1000;

/// The essence, without time and name: "/bin/sh -c make (pid 12)".
std::string Essence(const Entry& entry);

/// `text` in at most `most` bytes, cut between characters with "..." where it was longer.
std::string Cut(std::string text, std::size_t most);

}  // namespace ambit::journal
