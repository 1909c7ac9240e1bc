#include "host/tool_credentials.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string_view>

#include "base/path.h"
#include "host/facts.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

/// What a file must hold to be covered. Some are needed as they are installed.
enum class When : std::uint8_t { kAlways, kPassword, kUrlWithUser };

/// Below the home; a `*` stands for one name.
struct Place {
  std::string_view path;
  When when = When::kAlways;
};

// npm reads PREFIX/etc/npmrc of the node that runs it and one in its own directory, pip reads
// pip.conf of its interpreter or environment, a clone's configuration has its URL, what was
// installed with the address of an index remembers it. Maven cannot read an empty settings.xml, and
// go has its proxy from go.env.
constexpr Place kPlaces[] = {
    {".npm-global/etc/npmrc"},
    {".npm-global/lib/node_modules/npm/npmrc"},
    {".nvm/versions/*/*/etc/npmrc"},
    {".nvm/versions/*/*/lib/node_modules/npm/npmrc"},
    {".nvm/.git/config"},
    {".volta/tools/image/node/*/etc/npmrc"},
    {".volta/tools/image/node/*/lib/node_modules/npm/npmrc"},
    {".fnm/node-versions/*/installation/etc/npmrc"},
    {".local/share/fnm/node-versions/*/installation/etc/npmrc"},
    {".local/share/pnpm/nodejs/*/etc/npmrc"},
    {".bun/install/global/.npmrc"},
    {".bun/install/global/bunfig.toml"},
    {".pyenv/versions/*/pip.conf"},
    {".pyenv/versions/*/.condarc"},
    {".pyenv/versions/*/src/*/.git/config"},
    {".pyenv/versions/*/envs/*/pip.conf"},
    {".pyenv/versions/*/envs/*/src/*/.git/config"},
    {".pyenv/.git/config"},
    {".pyenv/plugins/*/.git/config"},
    {".local/share/uv/python/*/pip.conf"},
    {".local/share/uv/tools/*/pip.conf"},
    {".local/share/uv/tools/*/uv-receipt.toml"},
    {".local/share/pipx/venvs/*/pip.conf"},
    {".local/share/pipx/venvs/*/pipx_metadata.json"},
    {".local/share/pipx/venvs/*/src/*/.git/config"},
    {".local/share/pipx/shared/pip.conf"},
    {".local/pipx/venvs/*/pip.conf"},
    {".local/pipx/venvs/*/pipx_metadata.json"},
    {".local/pipx/venvs/*/src/*/.git/config"},
    {".local/pipx/shared/pip.conf"},
    {".local/share/pypoetry/venv/pip.conf"},
    {".cache/pypoetry/virtualenvs/*/pip.conf"},
    {".cache/pypoetry/virtualenvs/*/src/*/.git/config"},
    {".local/share/mise/installs/*/*/etc/npmrc"},
    {".local/share/mise/installs/*/*/lib/node_modules/npm/npmrc"},
    {".local/share/mise/installs/*/*/pip.conf"},
    {".local/share/mise/installs/*/*/conf/settings.xml", When::kPassword},
    {".local/share/mise/installs/*/*/*/conf/settings.xml", When::kPassword},
    {".local/share/mise/installs/*/*/go.env", When::kUrlWithUser},
    {".local/share/mise/plugins/*/.git/config"},
    {".asdf/installs/*/*/etc/npmrc"},
    {".asdf/installs/*/*/pip.conf"},
    {".asdf/installs/*/*/conf/settings.xml", When::kPassword},
    {".asdf/installs/*/*/go/go.env", When::kUrlWithUser},
    {".asdf/plugins/*/.git/config"},
    {".asdf/.git/config"},
    {".sdkman/candidates/maven/*/conf/settings.xml", When::kPassword},
    {".m2/wrapper/dists/*/*/conf/settings.xml", When::kPassword},
    {".m2/wrapper/dists/*/*/*/conf/settings.xml", When::kPassword},
    {".sdkman/candidates/gradle/*/init.d/*"},
    {".gradle/wrapper/dists/*/*/*/init.d/*"},
    {"sdk/*/go.env", When::kUrlWithUser},
    {"vcpkg/.git/config"},
};

constexpr std::size_t kMaxSettings = 1U << 20;  // a larger file is covered unread

std::string WithoutComments(std::string_view xml) {
  std::string rest;
  while (!xml.empty()) {
    const std::size_t begin = std::min(xml.find("<!--"), xml.size());
    rest += xml.substr(0, begin);
    const std::size_t end = xml.find("-->", begin);
    xml.remove_prefix(end == std::string_view::npos ? xml.size() : end + 3);
  }
  return rest;
}

bool HoldsUrlWithUser(std::string_view text) {
  for (std::size_t at = text.find("://"); at != std::string_view::npos; at = text.find("://", at)) {
    at += 3;
    const std::size_t end = std::min(text.find_first_of("/ ,|\n\"'", at), text.size());
    if (text.substr(at, end - at).contains('@')) return true;
  }
  return false;
}

bool Holds(const std::string& path, When when) {
  if (when == When::kAlways) return true;
  const auto text = sys::ReadSmallFile(AT_FDCWD, path.c_str(), kMaxSettings);
  if (!text) return true;
  if (when == When::kUrlWithUser) return HoldsUrlWithUser(*text);
  const std::string settings = WithoutComments(*text);
  return settings.contains("<password") || settings.contains("<passphrase") ||
         settings.contains("<privateKey");
}

class Finder {
 public:
  Finder(const std::string& home, const std::vector<std::string>& shown)
      : home_(home), shown_(shown) {}

  Result<std::vector<std::string>> Find() {
    if (shown_.empty()) return std::vector<std::string>();
    for (const Place& place : kPlaces) AMBIT_CHECK(Expand(home_, place.path, place.when));
    return std::vector(found_.begin(), found_.end());
  }

 private:
  Status Expand(const std::string& directory, std::string_view rest, When when) {
    const std::size_t star = rest.find('*');
    if (star == std::string_view::npos) {
      Take(fmt::format("{}/{}", directory, rest), when);
      return {};
    }
    const std::string listed = fmt::format("{}/{}", directory, rest.substr(0, star));
    const auto fd = sys::OpenAt(AT_FDCWD, listed.c_str(), O_RDONLY | O_DIRECTORY);
    if (!fd) return {};
    const auto entries = sys::ListDirectory(fd->get());
    if (!entries) return {};
    names_ += entries->size();
    if (names_ > kMaxToolNames) {
      return Fail(
          Errc::kLimit,
          fmt::format("looking for credentials in the tools of the home: more than {} names",
                      kMaxToolNames),
          "name what the run needs with --ro and --no-preset");
    }
    for (const sys::DirectoryEntry& entry : *entries) {
      const std::string_view after = rest.substr(star + 1);
      if (after.empty()) {
        Take(listed + entry.name, when);
      } else {
        AMBIT_CHECK(Expand(listed + entry.name, after.substr(1), when));
      }
    }
    return {};
  }

  void Take(const std::string& path, When when) {
    const auto real = RealPath(path);
    struct stat info{};
    if (!real || ::lstat(real->c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return;
    const bool is_shown =
        std::ranges::any_of(shown_, [&](const std::string& top) { return IsBelow(*real, top); });
    const bool is_named = std::ranges::find(shown_, *real) != shown_.end();
    if (is_shown && !is_named && Holds(*real, when)) found_.insert(*real);
  }

  const std::string& home_;
  const std::vector<std::string>& shown_;
  std::set<std::string> found_;
  std::size_t names_ = 0;
};

}  // namespace

Result<std::vector<std::string>> FindToolCredentials(const std::string& home,
                                                     const std::vector<std::string>& shown) {
  return Finder(home, shown).Find();
}

}  // namespace ambit::host
