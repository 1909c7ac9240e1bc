#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string_view>

#include "host/facts.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

/// What of the host's /etc exists inside, each for the programs that cannot do without it. Only
/// public, world-readable configuration: no secret has a reason to be in one of these.
struct Allowed {
  std::string_view name;
  std::string_view reason;
};
constexpr auto kAllowed = std::to_array<Allowed>({
    {"alternatives", "cc, java, editor and others are links through it"},
    {"bash.bashrc", "interactive bash"},
    {"ca-certificates", "java's trust store is made from it"},
    {"chromium", "chromium's system policies"},
    {"chromium.d", "chromium's start script reads its flags there"},
    {"crypto-policies", "OpenSSL and GnuTLS of Fedora and its kin"},
    {"debian_version", "install scripts ask for it"},
    {"fonts", "fontconfig fails without it"},
    {"inputrc", "readline"},
    {"ld.so.cache", "without it programs find no library outside of the default paths"},
    {"ld.so.conf", "ldconfig -p and gcc's search"},
    {"ld.so.conf.d", "the same"},
    {"localtime", "the local time zone"},
    {"lsb-release", "install scripts ask for it"},
    {"magic", "file(1)"},
    {"mime.types", "web servers and python's mimetypes"},
    {"os-release", "what distribution this is"},
    {"perl", "perl's site configuration"},
    {"pki", "CA bundle of Fedora and its kin"},
    {"postgresql-common", "Debian's pg_* wrappers"},
    {"profile", "login shells"},
    {"protocols", "getprotobyname"},
    {"python3", "Debian's python start-up"},
    {"rpc", "getrpcbyname"},
    {"services", "getservbyname"},
    {"shells", "chsh and tmux check it"},
    {"ssl/certs", "the CA bundle"},
    {"ssl/openssl.cnf", "OpenSSL warns without it"},
    {"terminfo", "terminal descriptions added by the administrator"},
    {"timezone", "the time zone's name"},
    {"vim", "vim's system configuration"},
});

/// Versioned directories, matched by what their name begins with.
constexpr auto kAllowedPrefixes = std::to_array<Allowed>({
    {"java-", "OpenJDK keeps its security and network settings there"},
    {"python3.", "Debian's sitecustomize"},
});

void AddIfPresent(std::string path, std::vector<SystemPath>& out) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return;
  if (S_ISLNK(info.st_mode)) {
    // Made again as it is: its target lies in /usr or in another entry of this list.
    if (auto target = sys::ReadLink(AT_FDCWD, path.c_str())) {
      out.push_back({.path = std::move(path), .link_target = *target, .directory = false});
    }
    return;
  }
  const bool world_readable = (info.st_mode & (S_ISDIR(info.st_mode) ? 05U : 04U)) != 0;
  if (!world_readable || (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode))) return;
  out.push_back({.path = std::move(path), .link_target = {}, .directory = S_ISDIR(info.st_mode)});
}

}  // namespace

std::vector<SystemPath> ReadEtcPaths() {
  std::vector<SystemPath> found;
  for (const Allowed& entry : kAllowed) {
    AddIfPresent("/etc/" + std::string(entry.name), found);
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir("/etc"), &::closedir);
  if (dir == nullptr) return found;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    for (const Allowed& prefix : kAllowedPrefixes) {
      if (name.starts_with(prefix.name)) AddIfPresent("/etc/" + std::string(name), found);
    }
  }
  return found;
}

}  // namespace ambit::host
