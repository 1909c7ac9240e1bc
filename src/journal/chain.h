#pragma once
// How one line of a journal hangs on the line before it. A record is a line whose last member is
//   ,"hash":"<64 lower-case hexadecimal digits>"}
// and the hash is SHA-256 of the hash of the record before (32 bytes; zeros before the first) and
// of the line's bytes up to that member. So one pass over the raw bytes verifies, and nothing is
// encoded again. Who calls: writer, reader, verify. Pure; any bytes are taken.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/sha256.h"

namespace ambit::journal {

/// No record is longer, its line end included: what reads a journal needs no more memory. What an
/// event holds beyond that is cut by the writer, and said so.
inline constexpr std::size_t kLongestLine = 1U << 20;

/// The value of `format` in journal.head.
inline constexpr std::string_view kChainFormat = "ambit-chain-1";

/// What every line begins with, chained or not.
struct LineHead {
  std::uint64_t sequence = 0;
  std::int64_t time_ns = 0;
  std::string_view run;
  std::string_view event;
};

/// A line as EncodeEvent writes it, without its line end; the views point into it.
std::optional<LineHead> ParseLineHead(std::string_view line);

struct ChainedLine {
  std::string_view body;  // the line up to the hash
  std::string_view hash;  // 64 digits, not compared with anything yet
};

/// Nothing: the line does not end as a record does.
std::optional<ChainedLine> ParseChained(std::string_view line);

Sha256Digest HashOf(const Sha256Digest& previous, std::string_view body);

/// Completes a body into a record, without line end.
void AppendHash(const Sha256Digest& hash, std::string& body);

/// The text of the member `name` of a record of ours that holds no escapes; empty: there is none.
std::string_view PlainMember(std::string_view body, std::string_view name);

}  // namespace ambit::journal
