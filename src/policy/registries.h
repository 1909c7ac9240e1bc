#pragma once
// Package registries, as the settings of tools name them: texts of .npmrc, pip.conf and the like to
// addresses, and an address to what a rule of the network would be. The texts are a person's own;
// they are read as if they were hostile: at most kMaxRegistryFile bytes of one are taken, and
// kMostRegistries addresses. Nothing is expanded: an address with a variable in it is told, not
// guessed.
// An address may hold a sign-in, as user, password, query or a part of its path: RegistryTarget has
// none of that, and nothing else of an address is ever shown.
// Who calls: host (registries.h), load.cc (Ecosystem). Pure.
// Sources: npmrc(5), pip's "Configuration", uv's "Settings", Cargo's "Configuration", `go help
// environment`, Maven's "Settings Reference", Yarn's ".yarnrc".
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ambit::policy {

/// What a preset may have the registries of.
enum class Ecosystem : std::uint8_t { kNpm, kPypi, kCrates, kGo, kMaven };
inline constexpr std::array<std::string_view, 5> kEcosystems = {"npm", "pypi", "crates", "go",
                                                                "maven"};
std::optional<Ecosystem> EcosystemNamed(std::string_view name);

inline constexpr std::size_t kMaxRegistryFile = 1U << 20;
inline constexpr std::size_t kMostRegistries = 64;  // of one file

struct NamedRegistry {
  std::string url;     // as it is written
  unsigned line = 0;   // from 1; 0: of no file
  bool chief = false;  // in the place of the tool's own; else beside it
  bool operator==(const NamedRegistry&) const = default;
};

/// In the order of the file. Nothing: it is not in its tool's syntax, so nobody can know.
using FoundRegistries = std::optional<std::vector<NamedRegistry>>;

FoundRegistries RegistriesOfNpmrc(std::string_view text);
FoundRegistries RegistriesOfYarnrc(std::string_view text);     // .yarnrc, of Yarn 1
FoundRegistries RegistriesOfYarnrcYml(std::string_view text);  // .yarnrc.yml, of later ones
FoundRegistries RegistriesOfPipConf(std::string_view text);
FoundRegistries RegistriesOfUvToml(std::string_view text);
FoundRegistries RegistriesOfCargoToml(std::string_view text);
FoundRegistries RegistriesOfMavenSettings(std::string_view text);
/// GOPROXY of `go env`'s file, and GOSUMDB.
FoundRegistries ProxiesOfGoEnv(std::string_view text);
FoundRegistries SumDatabaseOfGoEnv(std::string_view text);

/// Of a value as variables have it: addresses with spaces between them; of GOPROXY with `,` or `|`.
std::vector<NamedRegistry> RegistriesOfValue(std::string_view value, bool chief);
std::vector<NamedRegistry> ProxiesOfValue(std::string_view value);
std::vector<NamedRegistry> SumDatabaseOfValue(std::string_view value);

struct RegistryTarget {
  std::string rule;  // of net.allow: "npm.example.com:443"
  /// Set: it is this machine's own loopback, and the rule is empty.
  std::optional<std::uint16_t> host_port;
  /// Whether all of the address may be seen inside: no part of it could be a sign-in.
  bool plain = false;
  bool operator==(const RegistryTarget&) const = default;
};

/// Nothing: no address of http or https that a rule could name. A directory is none either.
std::optional<RegistryTarget> TargetOf(std::string_view url);

/// A path of this machine or the like: nothing has to be reached for it.
bool IsOfFiles(std::string_view url);

}  // namespace ambit::policy
