#include "supervise/certificates.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/path.h"
#include "base/text.h"
#include "host/facts.h"
#include "sys/file.h"

namespace ambit::supervise {
namespace {

constexpr std::size_t kMostBytes = 4U << 20;

/// Each with the programs that obey it.
constexpr std::array<std::string_view, 8> kVariables = {
    "SSL_CERT_FILE",        // OpenSSL: python, ruby, curl; Go, rustls
    "NODE_EXTRA_CA_CERTS",  // node, which knows no other place
    "REQUESTS_CA_BUNDLE",   // python's requests
    "CURL_CA_BUNDLE",       // curl, and requests
    "GIT_SSL_CAINFO",       // git
    "PIP_CERT",             // pip
    "AWS_CA_BUNDLE",        // the AWS tools
    "CARGO_HTTP_CAINFO",    // cargo
};

/// Where a run sees the host's files anyway.
constexpr std::array<std::string_view, 3> kSeen = {"/usr", "/etc/ssl/certs", "/etc/pki"};

bool IsSeen(const std::string& real) {
  return std::ranges::any_of(
      kSeen, [&](std::string_view place) { return IsAtOrBelow(real, std::string(place)); });
}

struct Judged {
  std::string real;
  std::string why_not;  // empty, or why it stays outside
};

/// What is seen anyway is not looked into.
Judged Judge(const std::string& path) {
  if (!path.starts_with('/')) return {.real = path, .why_not = "no absolute path"};
  Result<std::string> real = host::RealPath(path);
  if (!real) return {.real = path, .why_not = real.error().what};
  if (IsSeen(*real)) return {.real = *std::move(real), .why_not = {}};
  const auto text = sys::ReadSmallFile(AT_FDCWD, path.c_str(), kMostBytes);
  if (!text) return {.real = *std::move(real), .why_not = text.error().what};
  return {
      .real = *std::move(real),
      .why_not = HoldsOnlyCertificates(*text) ? "" : "not a file of certificates alone, as PEM"};
}

}  // namespace

bool IsAboutCertificates(std::string_view name) {
  return std::ranges::find(kVariables, name) != kVariables.end();
}

bool HoldsOnlyCertificates(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kEnd = "CERTIFICATE-----";
  std::size_t certificates = 0;
  for (std::size_t at = text.find(kBegin); at != std::string_view::npos;
       at = text.find(kBegin, at + 1)) {
    const std::string_view label = text.substr(at + kBegin.size(), 64);
    const std::string_view what = label.substr(0, label.find('\n'));
    // "CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"
    if (!what.substr(0, what.find_last_not_of('\r') + 1).ends_with(kEnd)) return false;
    ++certificates;
  }
  return certificates > 0;
}

void AddCertificates(const Environment& environment, const std::string& project,
                     const std::function<void(const std::string&)>& warn, policy::Policy& policy) {
  std::map<std::string, Judged> judged;  // usually many variables name one file
  for (const std::string_view variable : kVariables) {
    const std::string name(variable);
    const std::string path = ValueOf(environment, name.c_str());
    const bool is_said = std::ranges::any_of(
        policy.environment, [&](const auto& rule) { return rule.name == name && rule.value; });
    if (path.empty() || is_said) continue;
    const auto [known, is_new] = judged.try_emplace(path);
    if (is_new) known->second = Judge(path);
    const auto& [real, why_not] = known->second;
    if (!why_not.empty()) {
      warn(fmt::format("{} '{}' of your environment does not exist inside: {}", name,
                       Printable(path), why_not));
      continue;
    }
    const bool is_there = std::ranges::any_of(
        policy.read_only, [&](const policy::NamedPath& shown) { return shown.path == path; });
    if (!is_there && !IsSeen(real) && !IsAtOrBelow(real, project))
      policy.read_only.push_back({path, name});
    policy.environment.push_back({.name = name, .value = path, .from = name});
  }
}

}  // namespace ambit::supervise
