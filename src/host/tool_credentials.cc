#include "host/tool_credentials.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "host/facts.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

// Below the home; a `*` stands for one name. npm reads PREFIX/etc/npmrc of the node that runs it,
// pip reads pip.conf of its interpreter or environment, a clone's configuration has its URL.
constexpr std::string_view kPlaces[] = {
    ".npm-global/etc/npmrc",
    ".nvm/versions/*/*/etc/npmrc",
    ".nvm/.git/config",
    ".volta/tools/image/node/*/etc/npmrc",
    ".fnm/node-versions/*/installation/etc/npmrc",
    ".local/share/fnm/node-versions/*/installation/etc/npmrc",
    ".local/share/pnpm/nodejs/*/etc/npmrc",
    ".bun/install/global/.npmrc",
    ".bun/install/global/bunfig.toml",
    ".pyenv/versions/*/pip.conf",
    ".pyenv/versions/*/envs/*/pip.conf",
    ".pyenv/.git/config",
    ".pyenv/plugins/*/.git/config",
    ".local/share/uv/python/*/pip.conf",
    ".local/share/uv/tools/*/pip.conf",
    ".local/share/pipx/venvs/*/pip.conf",
    ".local/share/pipx/shared/pip.conf",
    ".local/pipx/venvs/*/pip.conf",
    ".local/pipx/shared/pip.conf",
    ".local/share/pypoetry/venv/pip.conf",
    ".cache/pypoetry/virtualenvs/*/pip.conf",
    ".local/share/mise/installs/*/*/etc/npmrc",
    ".local/share/mise/installs/*/*/pip.conf",
    ".local/share/mise/plugins/*/.git/config",
    ".asdf/installs/*/*/etc/npmrc",
    ".asdf/installs/*/*/pip.conf",
    ".asdf/plugins/*/.git/config",
    ".asdf/.git/config",
    "vcpkg/.git/config",
};

class Finder {
 public:
  Finder(const std::string& home, const std::vector<std::string>& shown)
      : home_(home), shown_(shown) {}

  Result<std::vector<std::string>> Find() {
    if (shown_.empty()) return std::vector<std::string>();
    for (const std::string_view place : kPlaces) AMBIT_CHECK(Expand(home_, place));
    return std::vector(found_.begin(), found_.end());
  }

 private:
  Status Expand(const std::string& directory, std::string_view rest) {
    const std::size_t star = rest.find("*/");
    if (star == std::string_view::npos) {
      Take(fmt::format("{}/{}", directory, rest));
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
      AMBIT_CHECK(Expand(listed + entry.name, rest.substr(star + 2)));
    }
    return {};
  }

  void Take(const std::string& path) {
    const auto real = RealPath(path);
    struct stat info{};
    if (!real || ::lstat(real->c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return;
    const bool is_shown = std::ranges::any_of(
        shown_, [&](const std::string& top) { return real->starts_with(top + "/"); });
    if (is_shown && std::ranges::find(shown_, *real) == shown_.end()) found_.insert(*real);
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
