#include "host/registries.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/path.h"
#include "base/text.h"
#include "host/facts.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

using policy::FoundRegistries;
using policy::NamedRegistry;
using Parser = FoundRegistries (*)(std::string_view);

/// What one tool calls a place it fetches from, and what tells it of one inside.
struct Tool {
  std::string_view registry;        // "npm's registry"
  std::string_view chief_variable;  // empty: no variable says it
  std::string_view more_variable = {};
  std::string_view between = " ";  // several addresses in one variable
};

constexpr Tool kNpm = {.registry = "npm's registry", .chief_variable = "NPM_CONFIG_REGISTRY"};
constexpr Tool kYarn1 = {.registry = "Yarn's registry", .chief_variable = "YARN_REGISTRY"};
constexpr Tool kYarn = {.registry = "Yarn's registry",
                        .chief_variable = "YARN_NPM_REGISTRY_SERVER"};
constexpr Tool kPip = {.registry = "pip's index",
                       .chief_variable = "PIP_INDEX_URL",
                       .more_variable = "PIP_EXTRA_INDEX_URL"};
constexpr Tool kUv = {
    .registry = "uv's index", .chief_variable = "UV_DEFAULT_INDEX", .more_variable = "UV_INDEX"};
constexpr Tool kCargo = {.registry = "Cargo's registry", .chief_variable = {}};
constexpr Tool kGoProxy = {
    .registry = "Go's module proxy", .chief_variable = "GOPROXY", .between = ","};
constexpr Tool kGoSums = {.registry = "Go's checksum database", .chief_variable = {}};
constexpr Tool kMaven = {.registry = "Maven's repository", .chief_variable = {}};
constexpr Tool kCoursier = {.registry = "coursier's repository", .chief_variable = {}};

/// Where a tool goes by itself.
struct Default {
  const Tool& tool;
  std::string_view url;
};

/// A registry and the words for where it is named.
struct Found {
  NamedRegistry registry;
  std::string from;  // "npm's registry (~/.npmrc:3)"
};

class Finder {
 public:
  explicit Finder(const RegistryPlaces& places) : places_(places) {}

  policy::PackageHosts Find(policy::Ecosystem ecosystem) && {
    switch (ecosystem) {
      case policy::Ecosystem::kNpm:
        FindNpm();
        break;
      case policy::Ecosystem::kPypi:
        FindPypi();
        break;
      case policy::Ecosystem::kCrates:
        FindCrates();
        break;
      case policy::Ecosystem::kGo:
        FindGo();
        break;
      case policy::Ecosystem::kMaven:
        FindMaven();
        break;
    }
    return std::move(out_);
  }

 private:
  void FindNpm() {
    const std::string user = Variable("NPM_CONFIG_USERCONFIG");
    const std::string global = Variable("NPM_CONFIG_GLOBALCONFIG");
    Begin(kNpm);
    Said("NPM_CONFIG_REGISTRY", policy::RegistriesOfValue, /*chief=*/true);
    Read(user.empty() ? Home(".npmrc") : user, policy::RegistriesOfNpmrc);
    if (!global.empty()) Read(global, policy::RegistriesOfNpmrc);
    for (const char* path : {"/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc"}) {
      if (global.empty()) Read(places_.machine + path, policy::RegistriesOfNpmrc);
    }
    Finish();
    Begin(kYarn1);
    Read(Home(".yarnrc"), policy::RegistriesOfYarnrc);
    Finish();
    Begin(kYarn);
    Said("YARN_NPM_REGISTRY_SERVER", policy::RegistriesOfValue, /*chief=*/true);
    Read(Home(".yarnrc.yml"), policy::RegistriesOfYarnrcYml);
    Finish();
    // Yarn's own name for the same registry stands in the lock files of Yarn 1.
    UseDefaults({{.tool = kNpm, .url = "https://registry.npmjs.org/"},
                 {.tool = kYarn1, .url = "https://registry.yarnpkg.com/"}});
  }

  void FindPypi() {
    Begin(kPip);
    Said("PIP_INDEX_URL", policy::RegistriesOfValue, /*chief=*/true);
    Said("PIP_EXTRA_INDEX_URL", policy::RegistriesOfValue, /*chief=*/false);
    if (const std::string named = Variable("PIP_CONFIG_FILE"); !named.empty()) {
      Read(named, policy::RegistriesOfPipConf);
    }
    for (const std::string& path :
         {Config("pip/pip.conf"), Home(".pip/pip.conf"), places_.machine + "/etc/pip.conf",
          places_.machine + "/etc/xdg/pip/pip.conf"}) {
      Read(path, policy::RegistriesOfPipConf);
    }
    Finish();
    Begin(kUv);
    Said("UV_DEFAULT_INDEX", policy::RegistriesOfValue, /*chief=*/true);
    Said("UV_INDEX_URL", policy::RegistriesOfValue, /*chief=*/true);
    Said("UV_INDEX", policy::RegistriesOfValue, /*chief=*/false);
    Said("UV_EXTRA_INDEX_URL", policy::RegistriesOfValue, /*chief=*/false);
    Read(Config("uv/uv.toml"), policy::RegistriesOfUvToml);
    Read(places_.machine + "/etc/uv/uv.toml", policy::RegistriesOfUvToml);
    Finish();
    // The index of pypi.org leads to files of the second one.
    UseDefaults({{.tool = kPip, .url = "https://pypi.org/simple"},
                 {.tool = kPip, .url = "https://files.pythonhosted.org/"}});
  }

  void FindCrates() {
    const std::string moved = Variable("CARGO_HOME");
    const std::string home = moved.empty() ? Home(".cargo") : moved;
    Begin(kCargo);
    Read(home + "/config", policy::RegistriesOfCargoToml);  // of the two cargo takes this one
    Read(home + "/config.toml", policy::RegistriesOfCargoToml);
    Finish();
    UseDefaults({{.tool = kCargo, .url = "https://index.crates.io/"},
                 {.tool = kCargo, .url = "https://static.crates.io/"}});
  }

  void FindGo() {
    const std::string moved = Variable("GOENV");
    const std::string settings = moved.empty() ? Config("go/env") : moved;
    const auto find = [&](const Tool& tool, const char* variable, const auto& of_value,
                          Parser of_file, Default by_default) {
      Begin(tool);
      Take(of_value(Variable(variable)), fmt::format("${}", variable));
      if (settings != "off") Read(settings, of_file);
      Finish();
      UseDefaults({by_default});
    };
    find(kGoProxy, "GOPROXY", policy::ProxiesOfValue, policy::ProxiesOfGoEnv,
         {.tool = kGoProxy, .url = "https://proxy.golang.org/"});
    find(kGoSums, "GOSUMDB", policy::SumDatabaseOfValue, policy::SumDatabaseOfGoEnv,
         {.tool = kGoSums, .url = "https://sum.golang.org/"});
  }

  void FindMaven() {
    Begin(kMaven);
    Read(Home(".m2/settings.xml"), policy::RegistriesOfMavenSettings);
    Finish();
    // Two names of Maven Central: of Maven and Gradle, of coursier and sbt.
    UseDefaults({{.tool = kMaven, .url = "https://repo.maven.apache.org/maven2/"},
                 {.tool = kCoursier, .url = "https://repo1.maven.org/maven2/"}});
  }

  std::string Home(std::string_view path) const { return fmt::format("{}/{}", places_.home, path); }

  std::string Config(std::string_view path) const {
    const std::string config = Variable("XDG_CONFIG_HOME");
    return config.starts_with('/') ? fmt::format("{}/{}", config, path)
                                   : Home(fmt::format(".config/{}", path));
  }

  /// npm takes its variables in any case.
  std::string Variable(const std::string& name) const {
    std::string value = places_.variable(name.c_str());
    if (!value.empty() || !name.starts_with("NPM_")) return value;
    std::string small = name;
    std::ranges::transform(small, small.begin(),
                           [](char c) { return c == '_' ? c : static_cast<char>(c | 0x20); });
    return places_.variable(small.c_str());
  }

  std::string Shown(const std::string& path) const {
    return IsBelow(path, places_.home) ? "~" + path.substr(places_.home.size()) : path;
  }

  void Begin(const Tool& tool) {
    tool_ = &tool;
    of_tool_.clear();
    has_chief_ = false;
  }

  template <class Split>
  void Said(const std::string& variable, const Split& split, bool chief) {
    Take(split(Variable(variable), chief), fmt::format("${}", variable));
  }

  void Read(const std::string& path, Parser parse) {
    const auto real = RealPath(path);
    if (!real) return;  // not there
    if (IsAtOrBelow(*real, places_.project)) {
      return Untold(path, "lies in the project, where a run may have written it: it is not read");
    }
    const auto text = sys::ReadSmallFile(AT_FDCWD, real->c_str(), policy::kMaxRegistryFile);
    if (!text) return Untold(path, "cannot be read");
    auto found = parse(*text);
    if (!found) return Untold(path, "is not in its tool's syntax");
    Take(*std::move(found), Shown(path));
  }

  void Note(const std::string& from, std::string_view text) {
    out_.notes.push_back({.text = Printable(from) + std::string(text)});
  }

  /// Nobody knows what it says, so no default stands in for it.
  void Untold(const std::string& path, std::string_view why) {
    Note(fmt::format("{} ({})", tool_->registry, Shown(path)), fmt::format(": the file {}", why));
    has_chief_ = any_chief_ = true;
  }

  /// Sources come with the strongest claim first: whose chief holds, those after it have none.
  void Take(std::vector<NamedRegistry> found, const std::string& source) {
    const bool decided = has_chief_;
    for (NamedRegistry& registry : found) {
      if (registry.chief && decided) continue;
      has_chief_ |= registry.chief;
      const std::string line = registry.line == 0 ? "" : fmt::format(":{}", registry.line);
      std::string from = fmt::format("{} ({}{})", tool_->registry, source, line);
      of_tool_.push_back({.registry = std::move(registry), .from = std::move(from)});
    }
  }

  void Finish() {
    any_chief_ |= has_chief_;
    for (const Found& found : of_tool_) Allow(found.registry.url, found.from);
    SayInside(tool_->chief_variable, /*chief=*/true);
    SayInside(tool_->more_variable, /*chief=*/false);
  }

  void Allow(const std::string& url, const std::string& from) {
    if (policy::IsOfFiles(url)) return;
    const auto target = policy::TargetOf(url);
    if (!target) {
      Note(from, ": no address of http or https that a rule could name");
    } else if (target->host_port) {
      Note(from, fmt::format(" is at 127.0.0.1:{0}: --host-port {0}", *target->host_port));
      out_.notes.back().host_port = target->host_port;
    } else {
      rules_.push_back(target->rule);
      out_.allow.push_back(ItemOf(target->rule, "", from));
    }
  }

  /// A run has no settings of the person's, so a variable says it, or a note that nothing does.
  void SayInside(std::string_view variable, bool chief) {
    std::string value;
    std::string from;
    bool plain = true;
    for (const Found& found : of_tool_) {
      const auto target = policy::TargetOf(found.registry.url);
      if (found.registry.chief != chief || !target) continue;
      plain &= target->plain;
      if (!value.empty()) value += tool_->between;
      value += found.registry.url;
      if (from.empty()) from = found.from;
    }
    if (value.empty()) return;
    if (variable.empty()) {
      // What is beside the tool's own is named by the project that needs it.
      if (chief) Note(from, ": a run has no such setting unless the project has it");
    } else if (!plain) {
      Note(from, fmt::format(": the address may hold a sign-in and does not cross; --env "
                             "{}=ADDRESS gives one to the run",
                             variable));
    } else {
      out_.set.push_back(ItemOf(std::string(variable), value, from));
    }
  }

  static policy::Item ItemOf(std::string text, std::string value, const std::string& from) {
    return {.text = std::move(text),
            .value = std::move(value),
            .origin = {.source = policy::SourceKind::kPreset, .name = from}};
  }

  /// Those of tools that name no other registry, or that very one.
  void UseDefaults(const std::vector<Default>& defaults) {
    const bool named = std::ranges::any_of(defaults, [&](const Default& one) {
      return std::ranges::find(rules_, policy::TargetOf(one.url)->rule) != rules_.end();
    });
    if (!any_chief_ || named) {
      for (const Default& one : defaults) {
        Allow(std::string(one.url), fmt::format("{} (its default)", one.tool.registry));
      }
    }
    any_chief_ = false;
  }

  const RegistryPlaces& places_;
  const Tool* tool_ = nullptr;
  std::vector<Found> of_tool_;
  std::vector<std::string> rules_;  // that were allowed
  bool has_chief_ = false;          // of this tool
  bool any_chief_ = false;          // of those whose defaults are next
  policy::PackageHosts out_;
};

}  // namespace

policy::PackageHosts FindRegistries(policy::Ecosystem ecosystem, const RegistryPlaces& places) {
  return Finder(places).Find(ecosystem);
}

}  // namespace ambit::host
