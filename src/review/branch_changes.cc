#include "review/branch_changes.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <set>
#include <unordered_set>

#include "base/text.h"
#include "review/gate.h"
#include "sys/file.h"

namespace ambit::review {
namespace {

using workspace::Change;
using workspace::ChangeKind;

constexpr std::size_t kMaxPaths = 500'000;
constexpr std::size_t kMaxIgnoreFileBytes = 1U << 20;

std::unexpected<Error> TooLarge(std::string_view what) {
  return Fail(Errc::kLimit, fmt::format("too large: {}", what), "nothing was brought");
}

std::string_view ParentOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::vector<std::string> SplitAtNul(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\0'), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

/// The commands for `git fast-import`, in a file: contents can be larger than memory.
class Stream {
 public:
  explicit Stream(Fd file) : file_(std::move(file)) {}

  Status Add(std::string_view text) {
    pending_ += text;
    return pending_.size() < kFlushBytes ? Status() : Flush();
  }
  Status AddText(std::string_view text) {
    AMBIT_CHECK(Add(fmt::format("data {}\n", text.size())));
    AMBIT_CHECK(Add(text));
    return Add("\n");
  }
  Status AddFile(int file, std::uint64_t bytes) {
    total_ += bytes;
    if (bytes > kMaxBlobBytes || total_ > kMaxNewObjectBytes) {
      return TooLarge(fmt::format("a file, or all files, of {} bytes", std::max(bytes, total_)));
    }
    AMBIT_CHECK(Add(fmt::format("data {}\n", bytes)));
    std::string chunk(256U << 10, '\0');
    while (bytes > 0) {
      const ssize_t n = ::read(file, chunk.data(), std::min<std::uint64_t>(chunk.size(), bytes));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return FailErrno(errno, "read a changed file");
      if (n == 0) return Fail(Errc::kIo, "read a changed file: it ends too early");
      AMBIT_CHECK(Add(std::string_view(chunk).substr(0, static_cast<std::size_t>(n))));
      bytes -= static_cast<std::uint64_t>(n);
    }
    return Add("\n");
  }
  Result<int> Finish() {
    AMBIT_CHECK(Add("done\n"));
    AMBIT_CHECK(Flush());
    if (::lseek(file_.get(), 0, SEEK_SET) != 0) return FailErrno(errno, "seek a stream");
    return file_.get();
  }

 private:
  static constexpr std::size_t kFlushBytes = 1U << 20;

  Status Flush() {
    for (std::string_view rest = pending_; !rest.empty();) {
      const ssize_t n = ::write(file_.get(), rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return FailErrno(errno, "write a stream");
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    pending_.clear();
    return {};
  }

  Fd file_;
  std::string pending_;
  std::uint64_t total_ = 0;
};

/// "1700000000 +0100", as git dates a commit.
std::string Now() {
  const std::time_t now = ::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  const long minutes = local.tm_gmtoff / 60;
  const long size = minutes < 0 ? -minutes : minutes;
  return fmt::format("{} {}{:02}{:02}", now, minutes < 0 ? '-' : '+', size / 60, size % 60);
}

/// A name as git takes it between other words of a line.
std::string WithoutBrackets(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != '<' && c != '>') out += c;
  }
  return out;
}

class Committer {
 public:
  Committer(const Git& git, const Quarantine& quarantine, const MergedView& project)
      : git_(git), quarantine_(quarantine), project_(project) {}

  Result<Uncommitted> Run(const workspace::ChangeSet& changes,
                          const std::optional<std::string>& tip,
                          std::span<const std::string> touched, const std::string& exclude_file,
                          const CommitWords& words) {
    AMBIT_CHECK(ReadTracked(tip));
    AMBIT_CHECK(CollectPaths(changes, touched));
    AMBIT_CHECK(LookUpPaths());
    AMBIT_CHECK(LeaveOutIgnored(exclude_file));
    if (removed_.empty() && present_.empty()) return std::move(result_);
    AMBIT_TRY(const std::string commit, Import(tip, words));
    AMBIT_TRY(const bool same, HasTreeOf(commit, tip));
    if (!same) result_.commit = commit;
    return std::move(result_);
  }

 private:
  /// Every path of the last commit; walking it also bounds what it can unfold to.
  Status ReadTracked(const std::optional<std::string>& tip) {
    if (!tip) return {};
    AMBIT_TRY(const std::string listed,
              git_.Run(quarantine_.Call({"ls-tree", "-r", "-z", "--full-tree", *tip})));
    for (const std::string& entry : SplitAtNul(listed)) {
      const std::size_t tab = entry.find('\t');
      if (tab == std::string::npos) return Fail(Errc::kInternal, "git ls-tree: no path in a line");
      if (entry.starts_with("160000 ")) continue;
      tracked_.insert(entry.substr(tab + 1));
    }
    return {};
  }

  Status CollectPaths(const workspace::ChangeSet& changes, std::span<const std::string> touched) {
    if (changes.truncated) return TooLarge("too many changes to look at them all");
    paths_.insert(touched.begin(), touched.end());
    for (const Change& change : changes.changes) {
      if (change.kind == ChangeKind::kRenamed) {
        AMBIT_CHECK(CollectRenamed(change));
        continue;
      }
      if (!S_ISDIR(change.new_mode) || !S_ISDIR(change.old_mode)) {
        if (!change.path.empty()) paths_.insert(change.path);
        if (!change.old_path.empty()) paths_.insert(change.old_path);
      }
      if (change.unreadable && (S_ISDIR(change.new_mode) || S_ISDIR(change.old_mode))) {
        return Fail(Errc::kDenied, fmt::format("the directory '{}' of the run cannot be read",
                                               Printable(change.path)));
      }
    }
    return paths_.size() <= kMaxPaths ? Status() : TooLarge("too many changed files");
  }

  Status CollectRenamed(const Change& change) {
    AMBIT_TRY(const std::vector<std::string> files,
              workspace::ListFiles(project_.lower(), change.old_path, kMaxPaths));
    for (const std::string& file : files) {
      paths_.insert(file);
      paths_.insert(change.path + file.substr(change.old_path.size()));
    }
    return {};
  }

  Status LookUpPaths() {
    for (const std::string& path : paths_) {
      if (GateOf(path).verdict == GateVerdict::kNever) continue;
      AMBIT_TRY(const bool elsewhere, IsInOtherRepository(ParentOf(path)));
      if (elsewhere) {
        ++result_.in_other_repositories;
        continue;
      }
      AMBIT_TRY(const std::optional<MergedFile> found, project_.Find(path));
      const bool tracked = tracked_.contains(path);
      if (found && (S_ISREG(found->info.st_mode) || S_ISLNK(found->info.st_mode))) {
        present_.insert(path);
        continue;
      }
      if (found && !S_ISDIR(found->info.st_mode)) ++result_.special;
      if (tracked) removed_.push_back(path);
    }
    return {};
  }

  /// Whether `directory` or one above it, the project itself excepted, has a `.git`.
  Result<bool> IsInOtherRepository(std::string_view directory) {
    if (directory.empty()) return false;
    if (const auto known = other_.find(directory); known != other_.end()) return known->second;
    AMBIT_TRY(bool is, IsInOtherRepository(ParentOf(directory)));
    if (!is) {
      AMBIT_TRY(const auto git, project_.Find(fmt::format("{}/.git", directory)));
      is = git.has_value();
    }
    other_.emplace(directory, is);
    return is;
  }

  /// git decides, in a directory that holds nothing but the run's .gitignore files.
  Status LeaveOutIgnored(const std::string& exclude_file) {
    const std::string here = "./";  // before it a ':' is no magic of a pathspec
    std::string candidates;
    for (const std::string& path : present_) {
      if (!tracked_.contains(path)) candidates += here + path + '\0';
    }
    if (candidates.empty()) return {};
    if (::mkdirat(quarantine_.directory(), "rules", 0755) != 0) {
      return FailErrno(errno, "mkdir 'rules'");
    }
    AMBIT_TRY(const Fd rules, workspace::OpenDirectory(quarantine_.directory(), "rules"));
    std::set<std::string, std::less<>> seen;
    for (const std::string& path : present_) {
      if (!tracked_.contains(path)) AMBIT_CHECK(WriteRules(rules.get(), ParentOf(path), seen));
    }
    const std::string directory = quarantine_.path() + "/rules";
    GitCall check = quarantine_.Call({"check-ignore", "--no-index", "--stdin", "-z"});
    check.environment.push_back("GIT_WORK_TREE=" + directory);
    check.settings.push_back("core.excludesFile=" + exclude_file);
    check.input = std::move(candidates);
    check.one_is_success = true;
    AMBIT_TRY(const std::string ignored, git_.Run(check));
    for (const std::string& path : SplitAtNul(ignored)) {
      result_.ignored += present_.erase(path.substr(here.size()));
    }
    return {};
  }

  Status WriteRules(int rules, std::string_view directory,
                    std::set<std::string, std::less<>>& seen) {
    if (!seen.emplace(directory).second) return {};
    if (!directory.empty()) AMBIT_CHECK(WriteRules(rules, ParentOf(directory), seen));
    const std::string file =
        directory.empty() ? ".gitignore" : fmt::format("{}/.gitignore", directory);
    AMBIT_TRY(const std::optional<MergedFile> found, project_.Find(file));
    if (!found || !S_ISREG(found->info.st_mode)) return {};  // git follows no link there either
    AMBIT_TRY(const auto content, project_.Read(file, kMaxIgnoreFileBytes));
    if (!directory.empty()) AMBIT_CHECK(sys::MakeDirectories(rules, directory));
    return sys::WriteNewFile(rules, file.c_str(), content.value_or(""), 0644);
  }

  Result<std::string> Import(const std::optional<std::string>& tip, const CommitWords& words) {
    AMBIT_TRY(Fd file, quarantine_.MakeFile());
    Stream stream(std::move(file));
    const std::string person =
        fmt::format("{} <{}> {}", WithoutBrackets(words.name), WithoutBrackets(words.email), Now());
    AMBIT_CHECK(
        stream.Add(fmt::format("feature done\ncommit refs/heads/result\n"
                               "author {}\ncommitter {}\n",
                               person, person)));
    AMBIT_CHECK(stream.AddText(words.message));
    if (tip) AMBIT_CHECK(stream.Add(fmt::format("from {}\n", *tip)));
    for (const std::string& path : removed_) {
      AMBIT_CHECK(stream.Add(fmt::format("D {}\n", QuotedForGit(path))));
    }
    for (const std::string& path : present_) AMBIT_CHECK(AddPath(stream, path));
    AMBIT_TRY(const int input, stream.Finish());
    GitCall import = quarantine_.Call({"fast-import", "--quiet", "--done"});
    import.settings = {"fastimport.unpackLimit=0"};
    import.input_fd = input;
    if (const auto done = git_.Run(import); !done) return std::unexpected(done.error());
    return Resolve("refs/heads/result");
  }

  Status AddPath(Stream& stream, const std::string& path) {
    AMBIT_TRY(const std::optional<MergedFile> found, project_.Find(path));
    if (!found) return Fail(Errc::kIo, fmt::format("'{}' is gone by now", Printable(path)));
    const bool link = S_ISLNK(found->info.st_mode);
    const char* mode = link ? "120000" : (found->info.st_mode & S_IXUSR) != 0 ? "100755" : "100644";
    AMBIT_CHECK(stream.Add(fmt::format("M {} inline {}\n", mode, QuotedForGit(path))));
    if (link) {
      return stream.AddText(workspace::LinkTargetOf(found->parent.get(), found->name));
    }
    const auto file = workspace::OpenPlainFile(found->parent.get(), found->name);
    struct stat info{};
    if (!file || ::fstat(file->get(), &info) != 0) {
      return Fail(Errc::kDenied, fmt::format("'{}' of the run cannot be read", Printable(path)),
                  "remove it, or add it to .gitignore, in a further run");
    }
    return stream.AddFile(file->get(), static_cast<std::uint64_t>(info.st_size));
  }

  Result<std::string> Resolve(const std::string& name) const {
    AMBIT_TRY(std::string object, git_.Run(quarantine_.Call({"rev-parse", "--verify", name})));
    while (object.ends_with('\n')) object.pop_back();
    return object;
  }

  Result<bool> HasTreeOf(const std::string& commit, const std::optional<std::string>& tip) const {
    AMBIT_TRY(const std::string tree, Resolve(commit + "^{tree}"));
    if (!tip) return git_.Run(quarantine_.Call({"ls-tree", tree})) == "";
    AMBIT_TRY(const std::string before, Resolve(*tip + "^{tree}"));
    return tree == before;
  }

  const Git& git_;
  const Quarantine& quarantine_;
  const MergedView& project_;
  std::unordered_set<std::string> tracked_;
  std::set<std::string> paths_;
  std::set<std::string> present_;  // what the commit has to hold
  std::vector<std::string> removed_;
  std::map<std::string, bool, std::less<>> other_;
  Uncommitted result_;
};

}  // namespace

Result<Uncommitted> CommitUncommitted(const Git& git, const Quarantine& quarantine,
                                      const MergedView& project,
                                      const workspace::ChangeSet& changes,
                                      const std::optional<std::string>& tip,
                                      std::span<const std::string> touched,
                                      const std::string& exclude_file, const CommitWords& words) {
  return Committer(git, quarantine, project).Run(changes, tip, touched, exclude_file, words);
}

}  // namespace ambit::review
