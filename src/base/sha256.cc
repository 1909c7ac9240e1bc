#include "base/sha256.h"

#include "base/hex.h"

namespace ambit {

std::string Sha256Hex(std::string_view bytes) {
  Sha256 hash;
  hash.Update(bytes);
  std::string text;
  AppendHex(hash.Digest(), text);
  return text;
}

}  // namespace ambit
