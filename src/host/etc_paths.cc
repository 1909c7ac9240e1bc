#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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
    {"manpath.config", "man(1) refuses to start without it"},
    {"maven/logging", "mvn does not start without it"},
    {"maven/m2.conf", "mvn starts from it; settings.xml beside it may hold passwords"},
    {"mime.types", "web servers and python's mimetypes"},
    {"os-release", "what distribution this is"},
    {"perl", "perl's site configuration"},
    {"php", "php finds its extensions there"},
    {"pki", "CA bundle of Fedora and its kin"},
    {"postgresql-common", "Debian's pg_* wrappers"},
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

/// Directories with a version in their name, found through what leads to them in /usr: listing
/// /etc would cost more than all of the rest.
std::vector<std::string> VersionedDirectories() {
  std::vector<std::string> found;
  // Debian's sitecustomize lies in /etc/python3.N.
  if (auto python = sys::ReadLink(AT_FDCWD, "/usr/bin/python3")) {
    found.push_back("/etc/" + python->substr(python->rfind('/') + 1));
  }
  // OpenJDK keeps its security and network settings in /etc/java-N-openjdk.
  const std::unique_ptr<DIR, int (*)(DIR*)> jvms(::opendir("/usr/lib/jvm"), &::closedir);
  while (const dirent* entry = jvms != nullptr ? ::readdir(jvms.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    const std::size_t end = name.find("-openjdk");
    if (name.starts_with("java-") && end != std::string_view::npos) {
      std::string path = "/etc/" + std::string(name.substr(0, end)) + "-openjdk";
      if (std::ranges::find(found, path) == found.end()) found.push_back(std::move(path));
    }
  }
  return found;
}

void AddIfPresent(std::string path, std::vector<SystemPath>& out) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return;
  if (S_ISLNK(info.st_mode)) {
    // Made again as it is: its target lies in /usr or in another entry of this list.
    if (auto target = sys::ReadLink(AT_FDCWD, path.c_str())) {
      out.push_back(
          {.path = std::move(path), .link_target = *target, .directory = false, .content = {}});
    }
    return;
  }
  // A mount costs three times as much as writing a small file, and start-up is made of such sums.
  constexpr off_t kSmall = 32 << 10;
  const bool world_readable = (info.st_mode & (S_ISDIR(info.st_mode) ? 05U : 04U)) != 0;
  if (!world_readable || (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode))) return;
  SystemPath found{.path = std::move(path),
                   .link_target = {},
                   .directory = S_ISDIR(info.st_mode),
                   .content = {}};
  if (S_ISREG(info.st_mode) && info.st_size <= kSmall) {
    auto content = sys::ReadSmallFile(AT_FDCWD, found.path.c_str(), kSmall);
    if (!content) return;
    found.content = *std::move(content);
  }
  out.push_back(std::move(found));
}

}  // namespace

std::vector<SystemPath> ReadEtcPaths() {
  std::vector<SystemPath> found;
  for (const Allowed& entry : kAllowed) {
    AddIfPresent("/etc/" + std::string(entry.name), found);
  }
  for (std::string& path : VersionedDirectories()) AddIfPresent(std::move(path), found);
  return found;
}

}  // namespace ambit::host
