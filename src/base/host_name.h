#pragma once
// The one form in which a host's name is compared, wherever it was read: a policy, a DNS question,
// a TLS server name, an HTTP Host. Two parsers that read a name differently are a way around every
// rule, so there is only this one.
//
// Taken: letters, digits and hyphens in labels of 1 to 63, at most 253 in all (RFC 1123, 2.1), one
// dot at the end or none; letters become small. Not taken, because programs read it in different
// ways: anything that could be an address (a last label of digits or of 0x..., as inet_aton(3)
// reads it), underscores, escapes, other alphabets (policy writes those as A-labels), a hyphen at
// either end of a label. A name of one label is one, too: resolvers ask for them.
// Pure.
#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ambit {

class HostName {
 public:
  static constexpr std::size_t kMost = 253;

  /// kInvalidArgument says what is wrong with it; the text is quoted and safe to print.
  static Result<HostName> Parse(std::string_view text);

  /// Small letters, no dot at the end.
  [[nodiscard]] const std::string& text() const { return text_; }
  /// Whether this is at least one label below `parent`: by labels, "badexample.com" is not below
  /// "example.com".
  [[nodiscard]] bool IsBelow(const HostName& parent) const;

  auto operator<=>(const HostName&) const = default;

 private:
  explicit HostName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace ambit
