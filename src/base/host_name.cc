#include "base/host_name.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace ambit {
namespace {

constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kMostQuoted = 64;

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsSmallLetter(char c) { return c >= 'a' && c <= 'z'; }
constexpr char Small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view WrongWith(std::string_view label) {
  if (label.empty()) return "an empty label";
  if (label.size() > kLongestLabel) return "a label of more than 63 characters";
  if (label.front() == '-' || label.back() == '-') return "a label with a hyphen at its end";
  const bool allowed =
      std::ranges::all_of(label, [](char c) { return IsDigit(c) || IsSmallLetter(c) || c == '-'; });
  return allowed ? "" : "something other than letters, digits and hyphens";
}

/// What inet_aton(3) takes for the last part of an address.
bool IsNumber(std::string_view label) {
  return std::ranges::all_of(label, IsDigit) || label.starts_with("0x");
}

}  // namespace

Result<HostName> HostName::Parse(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return Fail(Errc::kInvalidArgument, fmt::format("'{}' is no host name: {}",
                                                    Printable(text.substr(0, kMostQuoted)), why));
  };
  std::string name(text.ends_with('.') ? text.substr(0, text.size() - 1) : text);
  if (name.empty()) return wrong("it is empty");
  if (name.size() > kMost) return wrong("more than 253 characters");
  std::ranges::transform(name, name.begin(), Small);
  std::string_view label;
  for (std::size_t at = 0; at <= name.size(); at += label.size() + 1) {
    label = std::string_view(name).substr(at, name.find('.', at) - at);
    if (const std::string_view why = WrongWith(label); !why.empty()) return wrong(why);
  }
  if (IsNumber(label)) return wrong("it may be read as an address");
  return HostName(std::move(name));
}

bool HostName::IsBelow(const HostName& parent) const {
  return text_.size() > parent.text_.size() && text_.ends_with(parent.text_) &&
         text_[text_.size() - parent.text_.size() - 1] == '.';
}

}  // namespace ambit
