#include "review/run_refs.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "host/git_refs.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ambit::review {
namespace {

constexpr std::string_view kBranches = "refs/heads/";
constexpr std::string_view kStash = "stash";

/// The plain file `path` of one side of the view; nullopt when there is none, or something else.
Result<std::optional<std::string>> ReadSide(int side, const std::string& path,
                                            std::size_t max_bytes) {
  const auto file = workspace::OpenPlainFile(side, path);
  if (!file) {
    const Error& error = file.error();
    const bool none = error.code == Errc::kInvalidArgument || error.sys_errno == ENOENT ||
                      error.sys_errno == ENOTDIR || error.sys_errno == ELOOP;
    if (none) return std::nullopt;
    return std::unexpected(error);
  }
  const std::string self = fmt::format("/proc/self/fd/{}", file->get());
  AMBIT_TRY(std::string bytes, sys::ReadSmallFile(AT_FDCWD, self.c_str(), max_bytes));
  return bytes;
}

class OwnReader {
 public:
  OwnReader(const MergedView& view, std::string_view common_dir)
      : view_(view), prefix_(common_dir.empty() ? "" : fmt::format("{}/", common_dir)) {}

  Result<OwnRefs> Read() {
    AMBIT_CHECK(ReadLoose());
    AMBIT_CHECK(ReadPacked());
    std::ranges::sort(own_.refs, {}, &OwnRef::name);
    AMBIT_CHECK(ReadStashes());
    if (own_.refs.size() > kMaxOwnRefs) {
      own_.refs.resize(kMaxOwnRefs);
      own_.more = true;
    }
    return std::move(own_);
  }

 private:
  Status ReadLoose() {
    std::vector<std::string> pending = {std::string(kBranches.substr(0, kBranches.size() - 1))};
    std::size_t left = kMaxRefEntries;
    while (!pending.empty()) {
      const std::string directory = std::move(pending.back());
      pending.pop_back();
      AMBIT_TRY(const auto entries, List(directory, left));
      for (const sys::DirectoryEntry& entry : entries) {
        --left;
        const std::string name = fmt::format("{}/{}", directory, entry.name);
        // What git would not take for a branch leads to none either.
        if (!host::IsBranchRef(name)) continue;
        if (entry.kind == sys::EntryKind::kDirectory) pending.push_back(name);
        if (entry.kind != sys::EntryKind::kFile) continue;
        AMBIT_TRY(std::optional<std::string> object, ReadObject(name));
        if (object) own_.refs.push_back({.name = name, .object = *std::move(object)});
      }
    }
    return {};
  }

  Result<std::vector<sys::DirectoryEntry>> List(const std::string& directory, std::size_t most) {
    const auto fd =
        workspace::OpenNoFollow(view_.upper(), prefix_ + directory, O_RDONLY | O_DIRECTORY);
    if (!fd) {
      const int error = fd.error().sys_errno;
      if (error != ENOENT && error != ENOTDIR && error != ELOOP) return std::unexpected(fd.error());
      return std::vector<sys::DirectoryEntry>();
    }
    auto entries = sys::ListDirectory(fd->get(), most);
    if (entries || entries.error().code != Errc::kLimit) return entries;
    own_.more = true;
    return std::vector<sys::DirectoryEntry>();
  }

  /// nullopt for what names no object by itself: another branch, or nothing that can be read as a
  /// ref, which git passes over too.
  Result<std::optional<std::string>> ReadObject(const std::string& name) const {
    auto bytes = ReadSide(view_.upper(), prefix_ + name, host::kMaxRefBytes);
    if (!bytes && bytes.error().code == Errc::kLimit) return std::nullopt;
    if (!bytes) return std::unexpected(std::move(bytes).error());
    if (!*bytes) return std::nullopt;
    auto value = host::ParseRef(**bytes);
    if (!value || value->object.empty()) return std::nullopt;
    return std::move(value->object);
  }

  Result<std::vector<host::PackedRef>> PackedOf(int side) const {
    AMBIT_TRY(const auto bytes, ReadSide(side, prefix_ + "packed-refs", host::kMaxPackedRefsBytes));
    return host::ParsePackedRefs(bytes.value_or(""));
  }

  /// A rewritten file has the host's entries as well, also those that a loose ref hides.
  Status ReadPacked() {
    AMBIT_TRY(const std::vector<host::PackedRef> run, PackedOf(view_.upper()));
    if (run.empty()) return {};
    // That of the host is not hostile; what cannot be read there has nothing in common.
    const auto host = PackedOf(view_.lower()).value_or(std::vector<host::PackedRef>());
    std::ranges::sort(own_.refs, {}, &OwnRef::name);
    std::vector<OwnRef> packed;
    for (const host::PackedRef& ref : run) {
      const auto same = std::ranges::lower_bound(host, ref.name, {}, &host::PackedRef::name);
      if (same != host.end() && *same == ref) continue;
      if (ref.name == host::kStashRef) {
        stash_ = ref.object;
      } else if (!std::ranges::binary_search(own_.refs, ref.name, {}, &OwnRef::name)) {
        packed.push_back({.name = ref.name, .object = ref.object});
      }
    }
    std::ranges::move(packed, std::back_inserter(own_.refs));
    return {};
  }

  Result<std::vector<std::string>> StashLogOf(int side) const {
    AMBIT_TRY(const auto bytes,
              ReadSide(side, prefix_ + "logs/refs/stash", host::kMaxStashLogBytes));
    return host::ParseStashLog(bytes.value_or(""));
  }

  /// Without the ref a log says nothing: git lists no stash then.
  Status ReadStashes() {
    AMBIT_TRY(std::optional<std::string> newest, ReadObject(std::string(host::kStashRef)));
    if (!newest) newest = stash_;
    if (!newest) return {};
    AMBIT_TRY(std::vector<std::string> stashes, StashLogOf(view_.upper()));
    if (stashes.empty()) stashes.push_back(*std::move(newest));
    auto host = StashLogOf(view_.lower()).value_or(std::vector<std::string>());
    std::ranges::sort(host);
    for (std::size_t i = 0; i < stashes.size(); ++i) {
      if (std::ranges::binary_search(host, stashes[i])) continue;
      own_.refs.push_back(
          {.name = fmt::format("{}@{{{}}}", kStash, i), .object = std::move(stashes[i])});
    }
    return {};
  }

  const MergedView& view_;
  std::string prefix_;
  std::optional<std::string> stash_;  // that of packed-refs
  OwnRefs own_;
};

}  // namespace

Result<std::optional<std::string>> ReadRunTip(const MergedView& view, std::string_view git_dir,
                                              std::string_view common_dir) {
  const auto read_in = [&view](std::string_view directory) {
    return
        [&view, directory = std::string(directory)](
            const std::string& path, std::size_t max_bytes) -> Result<std::optional<std::string>> {
          const std::string file = directory.empty() ? path : fmt::format("{}/{}", directory, path);
          AMBIT_TRY(const std::optional<MergedFile> found, view.Find(file));
          // Empty directories stay behind deleted branches.
          if (!found || S_ISDIR(found->info.st_mode)) return std::nullopt;
          return view.Read(file, max_bytes);
        };
  };
  return host::FollowHead(read_in(git_dir), read_in(common_dir));
}

Result<OwnRefs> ReadOwnRefs(const MergedView& view, std::string_view common_dir) {
  return OwnReader(view, common_dir).Read();
}

const OwnRef* FindOwnRef(const OwnRefs& own, std::string_view typed) {
  const auto named = [&](const std::string& name) -> const OwnRef* {
    const auto found = std::ranges::find(own.refs, name, &OwnRef::name);
    return found == own.refs.end() ? nullptr : &*found;
  };
  if (typed == kStash || typed == host::kStashRef) return named("stash@{0}");
  if (const OwnRef* exact = named(std::string(typed))) return exact;
  return named(fmt::format("{}{}", kBranches, typed));
}

std::string ShortNameOf(const OwnRef& ref) {
  if (!ref.name.starts_with(kBranches)) return ref.name;
  std::string name = ref.name.substr(kBranches.size());
  return name == kStash ? ref.name : name;
}

}  // namespace ambit::review
