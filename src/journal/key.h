#pragma once
// The person's key that signs the first and the last record of a journal: Ed25519 (RFC 8032), by
// nettle. It lies beside the directory of the runs,
//   journal.key   0600, the secret: 64 hexadecimal digits and a line end
//   journal.pub   0644, the public key, in the same form
// and is made at the first use; of two runs that make one at once both get the same. Nothing inside
// a run can reach it. Who calls: the command line, before a journal is opened.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ambit::journal {

using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

inline constexpr const char* kSecretKeyFile = "journal.key";
inline constexpr const char* kPublicKeyFile = "journal.pub";

class SigningKey {
 public:
  /// The one in `directory`, made when there is none. Errors: kDenied for a file that others own or
  /// can read or write, kInvalidArgument for one that holds no key, kIo.
  static Result<SigningKey> LoadOrMake(const std::string& directory);
  static SigningKey FromSeed(const std::array<std::uint8_t, 32>& seed);

  SigningKey(const SigningKey&) = default;
  SigningKey& operator=(const SigningKey&) = default;
  ~SigningKey();  // leaves no secret in memory that is given back

  [[nodiscard]] Signature Sign(std::string_view message) const;
  [[nodiscard]] const PublicKey& public_key() const { return public_key_; }

 private:
  SigningKey() = default;
  std::array<std::uint8_t, 32> seed_{};
  PublicKey public_key_{};
};

/// Where the key is whose runs are below `run_path`/.. .
std::string KeyDirectoryOf(const std::string& run_path);

/// Only the public key; it is not made. kNotFound when no run was ever made here.
Result<PublicKey> ReadPublicKey(const std::string& directory);

bool IsSignedBy(const PublicKey& key, std::string_view message, const Signature& signature);

}  // namespace ambit::journal
