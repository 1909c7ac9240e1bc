#pragma once
// The end of a journal that somebody left, read from the back. Who calls: Writer::Continue. Errors:
// kInvalidArgument for a file that is no journal of ours, kIo.
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/sha256.h"

namespace ambit::journal {

struct Tail {
  std::uint64_t sequence = 0;        // of the last whole record
  std::optional<Sha256Digest> hash;  // its own; nothing: the journal is older than the chain
  bool sealed = false;               // it is a journal.close
  bool lacks_line_end = false;       // it is whole but for that: verify takes it for a record
  std::string torn;                  // what stands behind it: a crash or a full disk cut it off
};

Result<Tail> ReadTail(int file);

}  // namespace ambit::journal
