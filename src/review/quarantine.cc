#include "review/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include "base/text.h"
#include "workspace/change_dir.h"
#include "workspace/change_walk.h"

namespace ambit::review {
namespace {

constexpr const char* kTaken = "taken.git";
constexpr const char* kChecked = "checked.git";

std::unexpected<Error> TooLarge(std::string_view what) {
  return Fail(Errc::kLimit, fmt::format("too large: the run's repository has {}", what),
              "nothing was brought; 'ambit apply' brings the files without the commits");
}

bool IsHex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsPackName(std::string_view name) {
  return name.starts_with("pack-") && name.ends_with(".pack") &&
         IsHex(name.substr(5, name.size() - 10));
}

Status CopyAll(int from, int to, std::uint64_t bytes) {
  while (bytes > 0) {
    const ssize_t n = ::sendfile(to, from, nullptr, std::min<std::uint64_t>(bytes, 1U << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(errno, "copy an object");
    if (n == 0) return Fail(Errc::kIo, "copy an object: it ends too early");
    bytes -= static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<std::uint64_t> SizeOf(int file) {
  struct stat info{};
  if (::fstat(file, &info) != 0) return FailErrno(errno, "stat an object");
  return static_cast<std::uint64_t>(info.st_size);
}

Result<Fd> MakeDirectoryAt(int dir, const std::string& name) {
  if (::mkdirat(dir, name.c_str(), 0755) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("mkdir '{}'", name));
  }
  return workspace::OpenDirectory(dir, name);
}

}  // namespace

Result<Quarantine> Quarantine::Make(const Git& git, const HostObjects& host,
                                    const std::string& parent, uid_t uid, gid_t gid) {
  std::string path = parent + "/ambit-branch-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return FailErrno(errno, fmt::format("make a directory in '{}'", parent));
  }
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  Quarantine quarantine(git, host, path, std::move(fd));
  if (!quarantine.fd_) return FailErrno(errno, fmt::format("open '{}'", path));
  // Others may look up names in it, never add one.
  if (uid != ::geteuid() && (::fchown(quarantine.directory(), -1U, gid) != 0 ||
                             ::fchmod(quarantine.directory(), 0750) != 0)) {
    return FailErrno(errno, fmt::format("prepare '{}'", path));
  }
  for (const char* name : {kTaken, kChecked}) {
    AMBIT_CHECK(quarantine.MakeRepository(name, uid, gid));
  }
  return quarantine;
}

Quarantine::Quarantine(Quarantine&& other) noexcept
    : git_(other.git_),
      host_(other.host_),
      path_(std::exchange(other.path_, {})),
      fd_(std::move(other.fd_)),
      taken_bytes_(other.taken_bytes_),
      taken_files_(other.taken_files_) {}

Quarantine::~Quarantine() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Status Quarantine::MakeRepository(const char* name, uid_t uid, gid_t gid) const {
  if (::mkdirat(directory(), name, 0755) != 0)
    return FailErrno(errno, fmt::format("mkdir '{}'", name));
  if (uid != ::geteuid() && ::fchownat(directory(), name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return FailErrno(errno, fmt::format("chown '{}'", name));
  }
  GitCall call =
      CallIn(name, {"init", "--quiet", "--bare", "--template=", "--object-format=" + host_.format});
  if (const auto done = git_.Run(call); !done) return std::unexpected(done.error());
  return {};
}

GitCall Quarantine::CallIn(const char* repository, std::vector<std::string> arguments) const {
  return {.git_dir = fmt::format("{}/{}", path_, repository),
          .arguments = std::move(arguments),
          .environment = {"GIT_ALTERNATE_OBJECT_DIRECTORIES=" + QuotedForGit(host_.directory),
                          "GIT_SHALLOW_FILE=" + host_.shallow_file}};
}

GitCall Quarantine::Call(std::vector<std::string> arguments) const {
  return CallIn(kChecked, std::move(arguments));
}

std::string Quarantine::WithoutHost() const {
  std::string lines;
  for (const std::string& tip : host_.tips) lines += fmt::format("^{}\n", tip);
  return lines;
}

Result<Fd> Quarantine::MakeFile() const {
  Fd file(::openat(directory(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file) return FailErrno(errno, fmt::format("make a file in '{}'", path_));
  return file;
}

Status Quarantine::Take(int objects, const std::string& tip) {
  AMBIT_CHECK(CopyLoose(objects));
  AMBIT_CHECK(CopyPacks(objects));
  AMBIT_TRY(std::string names, MissingOnHost(kTaken, tip));
  if (names.empty()) return CheckIsCommit(tip);
  AMBIT_CHECK(CheckSizes(names));
  AMBIT_TRY(const Fd pack, Pack(kTaken, std::move(names)));
  GitCall index = Call({"index-pack", "--strict", "--stdin"});
  index.input_fd = pack.get();
  if (const auto done = git_.Run(index); !done) return std::unexpected(done.error());
  AMBIT_CHECK(CheckIsCommit(tip));
  return CheckComplete(tip);
}

Status Quarantine::CopyLoose(int objects) {
  AMBIT_TRY(const Fd taken, workspace::OpenNoFollow(directory(), fmt::format("{}/objects", kTaken),
                                                    O_RDONLY | O_DIRECTORY));
  const std::size_t rest = host_.format == "sha1" ? 38 : 62;
  AMBIT_TRY(const std::vector<std::string> fans, workspace::NamesIn(objects));
  for (const std::string& fan : fans) {
    if (fan.size() != 2 || !IsHex(fan)) continue;
    const auto from = workspace::OpenDirectory(objects, fan);
    if (!from) continue;  // a whiteout, or nothing that git would read
    AMBIT_TRY(const std::vector<std::string> names, workspace::NamesIn(from->get()));
    Fd to;
    for (const std::string& name : names) {
      const auto info = workspace::StatOf(from->get(), name);
      if (name.size() != rest || !IsHex(name) || !info || !S_ISREG(info->st_mode)) continue;
      if (!to) {
        AMBIT_TRY(to, MakeDirectoryAt(taken.get(), fan));
      }
      AMBIT_TRY(const Fd source, workspace::OpenPlainFile(from->get(), name));
      AMBIT_TRY(const std::uint64_t bytes, SizeOf(source.get()));
      taken_bytes_ += bytes;
      if (++taken_files_ > kMaxNewObjects) return TooLarge("too many objects");
      if (taken_bytes_ > kMaxTakenBytes) return TooLarge("too many bytes");
      const Fd target(::openat(to.get(), name.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444));
      if (!target) return FailErrno(errno, fmt::format("write object '{}{}'", fan, name));
      AMBIT_CHECK(CopyAll(source.get(), target.get(), bytes));
    }
  }
  return {};
}

Status Quarantine::CopyPacks(int objects) {
  const auto packs = workspace::OpenDirectory(objects, "pack");
  if (!packs) return {};
  AMBIT_TRY(const std::vector<std::string> names, workspace::NamesIn(packs->get()));
  for (const std::string& name : names) {
    const auto info = workspace::StatOf(packs->get(), name);
    if (!IsPackName(name) || !info || !S_ISREG(info->st_mode)) continue;
    AMBIT_TRY(const Fd pack, workspace::OpenPlainFile(packs->get(), name));
    AMBIT_TRY(const std::uint64_t bytes, SizeOf(pack.get()));
    taken_bytes_ += bytes;
    if (taken_bytes_ > kMaxTakenBytes) return TooLarge("too many bytes");
    GitCall index = CallIn(kTaken, {"index-pack", "--stdin", "--fix-thin"});
    index.input_fd = pack.get();
    if (const auto done = git_.Run(index); !done) return std::unexpected(done.error());
  }
  return {};
}

/// Names of the objects that `commit` needs and no tip of the host has, one a line.
Result<std::string> Quarantine::MissingOnHost(const char* repository,
                                              const std::string& commit) const {
  GitCall list = CallIn(
      repository, {"rev-list", "--objects", "--no-object-names", "--ignore-missing", "--stdin"});
  list.input = commit + "\n" + WithoutHost();
  list.max_output_bytes = kMaxNewObjects * 65;
  return git_.Run(list);
}

Status Quarantine::CheckSizes(const std::string& names) const {
  GitCall sizes =
      CallIn(kTaken, {"cat-file", "--batch-check=%(objecttype) %(objectsize)", "--buffer"});
  sizes.input = names;
  AMBIT_TRY(const std::string said, git_.Run(sizes));
  std::uint64_t total = 0;
  std::size_t count = 0;
  for (std::size_t at = 0; at < said.size();) {
    const std::size_t end = std::min(said.find('\n', at), said.size());
    const std::string_view line = std::string_view(said).substr(at, end - at);
    at = end + 1;
    const std::size_t space = line.find(' ');
    std::uint64_t bytes = 0;
    const char* first = line.data() + space + 1;
    const auto parsed = std::from_chars(first, line.data() + line.size(), bytes);
    if (space == std::string_view::npos || parsed.ec != std::errc()) {
      return Fail(Errc::kInvalidArgument,
                  "the run's repository is not complete: an object its commits need is not there");
    }
    total += bytes;
    if (++count > kMaxNewObjects) return TooLarge("too many objects");
    if (bytes > kMaxBlobBytes) {
      return TooLarge(fmt::format("an object of {} bytes; {} are the most", bytes, kMaxBlobBytes));
    }
    if (total > kMaxNewObjectBytes) {
      return TooLarge(fmt::format("more than {} bytes in new objects", kMaxNewObjectBytes));
    }
  }
  return {};
}

Result<Fd> Quarantine::Pack(const char* repository, std::string names) const {
  AMBIT_TRY(Fd file, MakeFile());
  GitCall pack = CallIn(repository, {"pack-objects", "--quiet", "--stdout", "--window=0"});
  pack.input = std::move(names);
  pack.output_fd = file.get();
  if (const auto done = git_.Run(pack); !done) return std::unexpected(done.error());
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return FailErrno(errno, "seek a pack");
  return file;
}

Status Quarantine::CheckIsCommit(const std::string& commit) const {
  GitCall type = Call({"cat-file", "-t", commit});
  const auto said = git_.Run(type);
  if (said && *said == "commit\n") return {};
  if (!said && said.error().code != Errc::kInvalidArgument) return std::unexpected(said.error());
  return Fail(
      Errc::kInvalidArgument,
      fmt::format("the run's branch names {}, which is not a commit that can be read", commit));
}

Status Quarantine::CheckComplete(const std::string& commit) const {
  GitCall walk = Call({"rev-list", "--objects", "--quiet", "--ignore-missing", "--stdin"});
  walk.input = commit + "\n" + WithoutHost();
  if (const auto done = git_.Run(walk); !done) return std::unexpected(done.error());
  return {};
}

Result<std::size_t> Quarantine::SendToHost(const std::string& commit) const {
  AMBIT_TRY(std::string names, MissingOnHost(kChecked, commit));
  if (names.empty()) return 0;
  const auto count = static_cast<std::size_t>(std::ranges::count(names, '\n'));
  AMBIT_TRY(const Fd pack, Pack(kChecked, std::move(names)));
  GitCall index = Call({"index-pack", "--strict", "--stdin"});
  index.input_fd = pack.get();
  index.environment.push_back("GIT_OBJECT_DIRECTORY=" + host_.directory);
  if (!host_.shared.empty()) index.settings.push_back("core.sharedRepository=" + host_.shared);
  if (const auto done = git_.Run(index); !done) return std::unexpected(done.error());
  return count;
}

}  // namespace ambit::review
