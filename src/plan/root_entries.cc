#include "plan/root_entries.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace ambit::plan {
namespace {

using Kind = RootEntry::Kind;

RootEntry Directory(std::string path, mode_t mode = 0755) {
  return {.kind = Kind::kDirectory, .path = std::move(path), .content = {}, .mode = mode};
}
RootEntry File(std::string path, std::string content, mode_t mode = 0644) {
  return {
      .kind = Kind::kFile, .path = std::move(path), .content = std::move(content), .mode = mode};
}
RootEntry Symlink(std::string path, std::string target) {
  return {
      .kind = Kind::kSymlink, .path = std::move(path), .content = std::move(target), .mode = 0777};
}

/// A passwd field cannot hold a colon or a line break; the host's own file has none either.
std::string PasswdField(std::string text) {
  std::erase_if(text, [](char c) { return c == ':' || c == '\n' || c == '\r'; });
  return text;
}

std::string Passwd(const host::HostFacts& facts, const Identity& identity) {
  return fmt::format(
      "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
      "{}:x:{}:{}::{}:{}\n"
      "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
      PasswdField(identity.user_name), identity.inside_uid, identity.inside_gid,
      PasswdField(facts.person.home), PasswdField(facts.person.shell));
}

std::string Group(const Identity& identity) {
  return fmt::format(
      "root:x:0:\n"
      "tty:x:5:\n"
      "{}:x:{}:\n"
      "nogroup:x:65534:\n",
      PasswdField(identity.user_name), identity.inside_gid);
}

std::string GitConfigFile(const Identity& identity, const host::UserIdentity& author) {
  std::string text;
  if (author.name || author.email) {
    text += "[user]\n";
    if (author.name) text += "\tname = " + host::QuoteGitConfigValue(*author.name) + "\n";
    if (author.email) text += "\temail = " + host::QuoteGitConfigValue(*author.email) + "\n";
  }
  text += "[safe]\n\tdirectory = *\n";
  if (identity.started_by_root) {
    // The index holds the host's uid; without this git hashes every file again at first use.
    text += "[core]\n\tcheckStat = minimal\n";
  }
  return text;
}

void AddSyntheticEtc(const host::HostFacts& facts, const Identity& identity,
                     const std::string& hostname, const host::UserIdentity& author, bool names,
                     std::vector<RootEntry>& out) {
  out.push_back(Directory("/etc"));
  out.push_back(File("/etc/passwd", Passwd(facts, identity)));
  out.push_back(File("/etc/group", Group(identity)));
  out.push_back(
      File("/etc/hosts", fmt::format("127.0.0.1\tlocalhost {0}\n::1\tlocalhost {0}\n", hostname)));
  out.push_back(File("/etc/hostname", hostname + "\n"));
  out.push_back(File("/etc/host.conf", "multi on\n"));
  // Without names nobody answers, and musl's resolver does not hear that the port is closed: with
  // any other timeout each look-up of a static program waits for it. glibc and Go hear it and are
  // done.
  out.push_back(
      File("/etc/resolv.conf", names ? "nameserver 127.0.0.1\n"
                                     : "nameserver 127.0.0.1\noptions timeout:0 attempts:1\n"));
  out.push_back(File("/etc/nsswitch.conf",
                     "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
                     "networks: files\nprotocols: files\nservices: files\nrpc: files\n"));
  out.push_back(File("/etc/gitconfig", GitConfigFile(identity, author)));
  // The host's would set PATH anew, and what the plan put there would be lost in login shells.
  out.push_back(File("/etc/profile",
                     "if [ -n \"$BASH\" ] && [ -r /etc/bash.bashrc ]; then\n"
                     "  . /etc/bash.bashrc\nfi\n"));
  out.push_back(Symlink("/etc/mtab", "/proc/self/mounts"));
}

}  // namespace

std::vector<RootEntry> MakeRootEntries(const host::HostFacts& facts, const Identity& identity,
                                       const std::string& hostname,
                                       const host::UserIdentity& author, bool names) {
  std::vector<RootEntry> out;
  AddSyntheticEtc(facts, identity, hostname, author, names, out);
  for (const host::SystemPath& entry : facts.etc) {
    if (entry.link_target) out.push_back(Symlink(entry.path, *entry.link_target));
    if (entry.content) out.push_back(File(entry.path, *entry.content));
  }
  for (const host::SystemPath& entry : facts.system) {
    if (entry.link_target) out.push_back(Symlink(entry.path, *entry.link_target));
  }
  for (const char* path : {"/dev", "/dev/pts", "/dev/shm", "/proc", "/run", "/tmp", "/var",
                           "/var/cache", "/var/lib", "/var/log", "/var/tmp"}) {
    out.push_back(Directory(path));
  }
  out.push_back(Symlink("/dev/fd", "/proc/self/fd"));
  out.push_back(Symlink("/dev/stdin", "/proc/self/fd/0"));
  out.push_back(Symlink("/dev/stdout", "/proc/self/fd/1"));
  out.push_back(Symlink("/dev/stderr", "/proc/self/fd/2"));
  out.push_back(Symlink("/dev/ptmx", "pts/ptmx"));
  out.push_back(Symlink("/var/run", "/run"));
  out.push_back(Symlink("/var/lock", "/run"));
  return out;
}

std::vector<RootEntry> MakeAliases(const host::HostFacts& facts, const std::vector<Mount>& mounts,
                                   AliasPlace place) {
  const auto holds = [](std::string_view dir, std::string_view path) {
    return path.starts_with(dir) && path.size() > dir.size() && path[dir.size()] == '/';
  };
  std::vector<RootEntry> aliases;
  for (const host::SystemPath& link : facts.aliases) {
    const bool ours = std::ranges::any_of(
        std::array{"/proc", "/sys", "/dev", "/etc"},
        [&](const char* dir) { return link.path == dir || holds(dir, link.path); });
    // Parents come before children, so the last one that holds the link is the nearest.
    const Mount* nearest = nullptr;
    for (const Mount& mount : mounts) {
      if (holds(mount.inside, link.path)) nearest = &mount;
    }
    const bool fits = place == AliasPlace::kRoot
                          ? nearest == nullptr
                          : nearest != nullptr && (nearest->kind == Mount::Kind::kTmpfs ||
                                                   nearest->kind == Mount::Kind::kHome);
    if (!ours && fits) aliases.push_back(Symlink(link.path, *link.link_target));
  }
  return aliases;
}

}  // namespace ambit::plan
