// The user's name and mail from the user's own git configuration (git_config.h).
#include <fcntl.h>

#include <utility>

#include "host/git_config.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

constexpr int kMaxIncludeDepth = 5;
constexpr int kMaxIdentityFiles = 32;
constexpr std::size_t kMaxIdentityFileBytes = 256U << 10;

class IdentityReader {
 public:
  explicit IdentityReader(std::string_view home) : home_(home) {}

  void Read(const std::string& path, int depth) {
    if (++files_ > kMaxIdentityFiles) return;
    const auto bytes = sys::ReadSmallFile(AT_FDCWD, path.c_str(), kMaxIdentityFileBytes);
    if (!bytes) return;
    const auto config = ParseGitConfig(*bytes);
    if (!config) return;
    for (const GitConfigEntry& entry : config->entries) {
      if (!entry.subsection.empty() || !entry.value) continue;
      if (entry.section == "user" && entry.key == "name") identity_.name = entry.value;
      if (entry.section == "user" && entry.key == "email") identity_.email = entry.value;
      if (entry.section == "include" && entry.key == "path" && depth < kMaxIncludeDepth) {
        Read(Resolve(*entry.value, path), depth + 1);
      }
    }
  }

  UserIdentity Take() && { return std::move(identity_); }

 private:
  /// An include path is relative to the file that names it; only the plain `~/` is expanded.
  std::string Resolve(const std::string& target, const std::string& from) const {
    if (target.starts_with('/')) return target;
    if (target.starts_with("~/")) return home_ + target.substr(1);
    return from.substr(0, from.rfind('/') + 1) + target;
  }

  std::string home_;
  UserIdentity identity_;
  int files_ = 0;
};

}  // namespace

UserIdentity ReadUserIdentity(std::string_view home_dir, std::string_view xdg_config_home) {
  const std::string home(home_dir);
  const std::string config_home =
      xdg_config_home.starts_with('/') ? std::string(xdg_config_home) : home + "/.config";
  IdentityReader reader(home);
  reader.Read(config_home + "/git/config", 0);
  reader.Read(home + "/.gitconfig", 0);
  return std::move(reader).Take();
}

}  // namespace ambit::host
