#pragma once
// The two records that are signed. The signature is the record's last member before its hash, and
// is over a word of what it is, the hash of the record before and the line's bytes up to the
// signature; so none stands for the other, nor anywhere else. Who calls: writer, verify. Pure.
#include <string>
#include <string_view>

#include "base/sha256.h"
#include "journal/key.h"

namespace ambit::journal {

/// Appends the member `signature` to a body. `name` is the event's.
void AppendSignature(const SigningKey& key, std::string_view name, const Sha256Digest& previous,
                     std::string& line, std::size_t begin);

/// Whether `body`, the line up to its hash, ends in a signature of `key`.
bool HasSignature(const PublicKey& key, std::string_view name, const Sha256Digest& previous,
                  std::string_view body);

}  // namespace ambit::journal
