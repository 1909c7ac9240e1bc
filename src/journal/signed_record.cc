#include "journal/signed_record.h"

#include <fmt/format.h>

#include "base/hex.h"

namespace ambit::journal {
namespace {

constexpr std::string_view kBefore = R"(,"signature":")";
constexpr std::size_t kDigits = 2 * sizeof(Signature);

std::string MessageOf(std::string_view name, const Sha256Digest& previous, std::string_view body) {
  std::string message = fmt::format("ambit {} 1\n", name);
  message.append(reinterpret_cast<const char*>(previous.data()), previous.size());
  message += body;
  return message;
}

}  // namespace

void AppendSignature(const SigningKey& key, std::string_view name, const Sha256Digest& previous,
                     std::string& line, std::size_t begin) {
  const Signature signature =
      key.Sign(MessageOf(name, previous, std::string_view(line).substr(begin)));
  line += kBefore;
  AppendHex(signature, line);
  line += '"';
}

bool HasSignature(const PublicKey& key, std::string_view name, const Sha256Digest& previous,
                  std::string_view body) {
  constexpr std::size_t kMember = kBefore.size() + kDigits + 1;
  if (body.size() < kMember) return false;
  const std::string_view member = body.substr(body.size() - kMember);
  Signature signature{};
  return member.starts_with(kBefore) && member.ends_with('"') &&
         FromHex(member.substr(kBefore.size(), kDigits), signature) &&
         IsSignedBy(key, MessageOf(name, previous, body.substr(0, body.size() - kMember)),
                    signature);
}

}  // namespace ambit::journal
