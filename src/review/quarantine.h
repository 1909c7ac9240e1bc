#pragma once
// Where objects of a run become objects one can trust. Two bare repositories of our own, each with
// the host's objects as its only alternate and without refs, grafts, replacements or settings:
//   taken    loose objects copied from the run's layer, and its packs, which get a new index: their
//            names are what the run says they are
//   checked  what `git index-pack --strict` has read and named again itself, links included
// Only what is in `checked` is looked at further or sent to the host.
// From the run: plain files with an object's or a pack's name in `objects`, bounded in number and
// size. Alternates, indexes of packs, multi-pack indexes, commit graphs and bitmaps stay behind.
// Who calls: branch. As root the directory belongs to root and the repositories in it to the user
// that git runs as. Errors: kLimit "too large", kInvalidArgument for objects that are not sound.
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "review/git_plumbing.h"

namespace ambit::review {

inline constexpr std::size_t kMaxNewObjects = 1'000'000;
inline constexpr std::uint64_t kMaxNewObjectBytes = 4ULL << 30;  // all together, uncompressed
inline constexpr std::uint64_t kMaxBlobBytes = 1ULL << 30;
inline constexpr std::uint64_t kMaxTakenBytes = 4ULL << 30;  // files of the run, as they lie there

/// What git must know of the host's repository.
struct HostObjects {
  std::string directory;          // the object store, canonical
  std::string shallow_file;       // may not exist
  std::string format;             // "sha1" or "sha256"
  std::string shared;             // core.sharedRepository; empty when not set
  std::vector<std::string> tips;  // what every ref and HEAD of the host name
};

class Quarantine {
 public:
  /// A new directory below `parent`; it is removed with the object.
  static Result<Quarantine> Make(const Git& git, const HostObjects& host, const std::string& parent,
                                 uid_t uid, gid_t gid);
  ~Quarantine();
  Quarantine(Quarantine&& other) noexcept;
  Quarantine& operator=(Quarantine&&) = delete;

  /// Brings what the commit `tip` needs and the host lacks from `objects`, an open directory of
  /// the run's layer, into `checked`.
  Status Take(int objects, const std::string& tip);

  /// Whether `commit` is one, in `checked` or on the host.
  Status CheckIsCommit(const std::string& commit) const;

  /// Every object that `commit` needs is there.
  Status CheckComplete(const std::string& commit) const;

  /// Writes what the host lacks of `commit` into its object store, checked once more. Returns the
  /// number of objects.
  Result<std::size_t> SendToHost(const std::string& commit) const;

  /// A call in `checked`.
  GitCall Call(std::vector<std::string> arguments) const;

  /// The lines that make `rev-list --stdin` leave out all that the host has.
  std::string WithoutHost() const;

  /// A nameless file in the directory.
  Result<Fd> MakeFile() const;
  int directory() const { return fd_.get(); }
  const std::string& path() const { return path_; }

 private:
  Quarantine(const Git& git, const HostObjects& host, std::string path, Fd fd)
      : git_(git), host_(host), path_(std::move(path)), fd_(std::move(fd)) {}
  GitCall CallIn(const char* repository, std::vector<std::string> arguments) const;
  Status MakeRepository(const char* name, uid_t uid, gid_t gid) const;
  Status CopyLoose(int objects);
  Status CopyPacks(int objects);
  Result<std::string> MissingOnHost(const char* repository, const std::string& commit) const;
  Status CheckSizes(const std::string& names) const;
  Result<Fd> Pack(const char* repository, std::string names) const;

  const Git& git_;
  const HostObjects& host_;
  std::string path_;
  Fd fd_;
  std::uint64_t taken_bytes_ = 0;
  std::size_t taken_files_ = 0;
};

}  // namespace ambit::review
