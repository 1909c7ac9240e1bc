#include "supervise/proxy_login.h"

#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "plan/proxy.h"

namespace ambit::supervise {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// As it is written in a URL: %40 is an at sign.
class Decoded {
 public:
  explicit Decoded(std::string_view text) : rest_(text) {}
  std::optional<std::uint8_t> Next() {
    if (rest_.empty()) return std::nullopt;
    if (rest_.size() >= 3 && rest_[0] == '%') {
      const int high = HexDigit(rest_[1]);
      const int low = HexDigit(rest_[2]);
      if (high >= 0 && low >= 0) {
        rest_.remove_prefix(3);
        return static_cast<std::uint8_t>((high << 4) | low);
      }
    }
    const auto byte = static_cast<std::uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return byte;
  }

 private:
  std::string_view rest_;
};

/// Appends it in base64 (RFC 4648), three bytes at a time; nothing of it stays on the stack.
bool AppendBase64(sys::PrivatePage& page, std::string_view login) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Decoded decoded(login);
  bool fits = true;
  std::uint32_t group = 0;
  for (std::size_t got = 3; fits && got == 3;) {
    group = 0;
    for (got = 0; got < 3; ++got) {
      const auto byte = decoded.Next();
      if (!byte) break;
      group |= std::uint32_t{*byte} << (16 - 8 * got);
    }
    if (got == 0) break;
    for (std::size_t digit = 0; digit < 4; ++digit) {
      const bool padding = digit > got;
      fits = fits && page.Append(padding ? '=' : kDigits[(group >> (18 - 6 * digit)) & 63U]);
    }
  }
  ::explicit_bzero(&group, sizeof group);
  return fits;
}

/// Where the login of a URL is: between its scheme and the last at sign before its path.
std::string_view LoginIn(std::string_view url) {
  if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos) {
    url.remove_prefix(scheme + 3);
  }
  // A password may hold a slash that nobody escaped: what is behind it would be a host without '@'.
  const std::size_t at = url.rfind('@');
  return at == std::string_view::npos ? std::string_view() : url.substr(0, at);
}

/// Takes `login` out of the variable that holds it.
void Remove(char* value, std::string_view login) {
  const std::size_t before = static_cast<std::size_t>(login.data() - value);
  const std::size_t after = before + login.size();
  const std::size_t rest = ::strlen(value) - after;
  std::copy_n(value + after, rest, value + before);
  ::explicit_bzero(value + before + rest, login.size());
}

}  // namespace

Result<ProxyLogin> TakeProxyLogin() {
  auto page = sys::PrivatePage::Make();
  bool fits = true;
  bool counts = true;
  for (const std::string_view name : plan::kProxyVariables) {
    char* value = ::getenv(std::string(name).c_str());
    if (value == nullptr || *value == '\0') continue;
    const std::string_view login = LoginIn(value);
    if (counts && page && !login.empty()) {
      for (const char c : std::string_view("Basic ")) fits = fits && page->Append(c);
      fits = fits && AppendBase64(*page, login);
    }
    counts = false;
    if (!login.empty()) Remove(value, login);
  }
  if (!page) return std::unexpected(page.error());
  if (!fits) {
    return Fail(Errc::kInvalidArgument, "the login in the URL of your proxy is too long");
  }
  return std::make_shared<const sys::PrivatePage>(*std::move(page));
}

}  // namespace ambit::supervise
