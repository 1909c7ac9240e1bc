#include "journal/key.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <nettle/eddsa.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "base/fd.h"
#include "base/hex.h"
#include "sys/file.h"

namespace ambit::journal {
namespace {

using Bytes = std::array<std::uint8_t, 32>;
constexpr std::size_t kTextBytes = 65;  // 64 digits and a line end

const std::uint8_t* BytesOf(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

std::string TextOf(const Bytes& key) {
  std::string text;
  AppendHex(key, text);
  return text + "\n";
}

Result<Fd> OpenDirectory(const std::string& directory) {
  Fd dir(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) return FailErrno(errno, fmt::format("open '{}'", directory));
  return dir;
}

/// `forbidden`: what group and others may not have.
Result<Bytes> ReadKey(int dir, const std::string& directory, const char* name, mode_t forbidden) {
  const std::string path = fmt::format("{}/{}", directory, name);
  const Fd file(::openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return FailErrno(errno, fmt::format("open the journal key '{}'", path));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return FailErrno(errno, fmt::format("stat '{}'", path));
  if (!S_ISREG(info.st_mode)) {
    return Fail(Errc::kInvalidArgument, fmt::format("'{}' is not a plain file", path),
                "move it away, and the next run makes a key");
  }
  if (info.st_uid != ::geteuid()) {
    return Fail(Errc::kDenied,
                fmt::format("the journal key '{}' is owned by uid {}", path, info.st_uid),
                "what another one owns proves nothing: move it away, and the next run makes a key");
  }
  if ((info.st_mode & forbidden) != 0) {
    return Fail(Errc::kDenied,
                fmt::format("the journal key '{}' has mode {:04o}: others can {} it", path,
                            info.st_mode & 07777U, (forbidden & S_IRGRP) != 0 ? "use" : "replace"),
                fmt::format("chmod {:o} '{}'; if others were here meanwhile, move it away instead",
                            0666U & ~forbidden, path));
  }
  std::array<char, kTextBytes + 1> text{};
  Bytes key{};
  const ssize_t got = ::pread(file.get(), text.data(), text.size(), 0);
  if (got < 0) return FailErrno(errno, fmt::format("read '{}'", path));
  const std::string_view read(text.data(), static_cast<std::size_t>(got));
  const bool good =
      read.size() == kTextBytes && read.ends_with('\n') && FromHex(read.substr(0, 64), key);
  ::explicit_bzero(text.data(), text.size());
  if (good) return key;
  return Fail(Errc::kInvalidArgument, fmt::format("'{}' holds no key", path),
              "move it away, and the next run makes one");
}

/// The file appears whole or not at all, and the first one stays.
Status Publish(int dir, const char* name, const std::string& content, mode_t mode) {
  const std::string temporary = fmt::format("{}.{}", name, ::getpid());
  ::unlinkat(dir, temporary.c_str(), 0);  // of a process that died and had this number
  AMBIT_CHECK(sys::WriteNewFile(dir, temporary.c_str(), content, mode));
  const int linked = ::linkat(dir, temporary.c_str(), dir, name, 0);
  const int error = errno;
  ::unlinkat(dir, temporary.c_str(), 0);
  if (linked != 0 && error != EEXIST) return FailErrno(error, fmt::format("make '{}'", name));
  return {};
}

Status MakeSecret(int dir) {
  Bytes seed{};
  if (::getrandom(seed.data(), seed.size(), 0) != static_cast<ssize_t>(seed.size())) {
    return FailErrno(errno, "getrandom");
  }
  std::string text = TextOf(seed);
  Status made = Publish(dir, kSecretKeyFile, text, 0600);
  ::explicit_bzero(text.data(), text.size());
  ::explicit_bzero(seed.data(), seed.size());
  return made;
}

constexpr mode_t kSecretForbidden = 0077;
constexpr mode_t kPublicForbidden = 0022;

}  // namespace

SigningKey::~SigningKey() { ::explicit_bzero(seed_.data(), seed_.size()); }

SigningKey SigningKey::FromSeed(const std::array<std::uint8_t, 32>& seed) {
  SigningKey key;
  key.seed_ = seed;
  ::ed25519_sha512_public_key(key.public_key_.data(), key.seed_.data());
  return key;
}

Result<SigningKey> SigningKey::LoadOrMake(const std::string& directory) {
  AMBIT_TRY(const Fd dir, OpenDirectory(directory));
  Result<Bytes> seed = ReadKey(dir.get(), directory, kSecretKeyFile, kSecretForbidden);
  if (!seed && seed.error().sys_errno == ENOENT) {
    AMBIT_CHECK(MakeSecret(dir.get()));
    seed = ReadKey(dir.get(), directory, kSecretKeyFile, kSecretForbidden);
  }
  if (!seed) return std::unexpected(std::move(seed).error());
  SigningKey key = FromSeed(*seed);
  ::explicit_bzero(seed->data(), seed->size());
  if (::faccessat(dir.get(), kPublicKeyFile, F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
    AMBIT_CHECK(Publish(dir.get(), kPublicKeyFile, TextOf(key.public_key_), 0644));
  }
  return key;
}

Signature SigningKey::Sign(std::string_view message) const {
  Signature signature{};
  ::ed25519_sha512_sign(public_key_.data(), seed_.data(), message.size(), BytesOf(message),
                        signature.data());
  return signature;
}

std::string KeyDirectoryOf(const std::string& run_path) {
  const std::size_t runs = run_path.rfind('/');
  return run_path.substr(0, run_path.rfind('/', runs - 1));
}

Result<PublicKey> ReadPublicKey(const std::string& directory) {
  AMBIT_TRY(const Fd dir, OpenDirectory(directory));
  return ReadKey(dir.get(), directory, kPublicKeyFile, kPublicForbidden);
}

bool IsSignedBy(const PublicKey& key, std::string_view message, const Signature& signature) {
  return ::ed25519_sha512_verify(key.data(), message.size(), BytesOf(message), signature.data()) ==
         1;
}

}  // namespace ambit::journal
