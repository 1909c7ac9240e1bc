#include "review/merge_offer.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "host/git_refs.h"
#include "review/branch_host.h"
#include "review/diff.h"
#include "review/git_plumbing.h"
#include "review/three_way.h"
#include "workspace/change_walk.h"

namespace ambit::review {
namespace {

constexpr std::chrono::seconds kTime{20};
constexpr int kReadFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

/// A text of at most kMaxMergeBytes; nullopt for anything else.
std::optional<std::string> ReadText(int file) {
  std::string text;
  std::string chunk(256U << 10, '\0');
  while (text.size() <= kMaxMergeBytes) {
    const ssize_t n = ::read(file, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) return text.contains('\0') ? std::nullopt : std::optional(std::move(text));
    text.append(chunk, 0, static_cast<std::size_t>(n));
  }
  return std::nullopt;
}

struct HostText {
  std::string text;
  Seen seen;
};

/// The host's version, unless somebody writes to it meanwhile.
std::optional<HostText> ReadHost(const ProjectTree& tree, const std::string& path) {
  const auto at = tree.At(path);
  if (!at) return std::nullopt;
  const Fd file(::openat(at->parent.get(), at->name.c_str(), kReadFlags));
  struct stat before{};
  struct stat after{};
  if (!file || ::fstat(file.get(), &before) != 0 || !S_ISREG(before.st_mode)) return std::nullopt;
  auto text = ReadText(file.get());
  if (!text || ::fstat(file.get(), &after) != 0) return std::nullopt;
  if (SeenOf(before) != SeenOf(after) || ChangeTimeOf(before) != ChangeTimeOf(after)) {
    return std::nullopt;
  }
  return HostText{.text = *std::move(text), .seen = SeenOf(after)};
}

std::optional<std::string> ReadRun(int upper, const std::string& path) {
  const auto file = workspace::OpenPlainFile(upper, path);
  return file ? ReadText(file->get()) : std::nullopt;
}

/// One line of `git cat-file --batch-check`: "OBJECT blob SIZE", or that it is missing.
struct Blob {
  std::string object;
  std::size_t bytes = 0;
};
std::optional<Blob> ParseBlob(std::string_view line) {
  constexpr std::string_view kType = " blob ";
  const std::size_t type = line.find(kType);
  if (type == std::string_view::npos || !host::IsObjectName(line.substr(0, type))) {
    return std::nullopt;
  }
  Blob blob{.object = std::string(line.substr(0, type))};
  line.remove_prefix(type + kType.size());
  const auto [end, err] = std::from_chars(line.data(), line.data() + line.size(), blob.bytes);
  if (err != std::errc() || end != line.data() + line.size()) return std::nullopt;
  return blob;
}

std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::unexpected<Error> NotUnderstood() {
  return Fail(Errc::kInternal, "git cat-file: an answer that cannot be understood");
}

/// The files of one commit of the host's repository.
class Bases {
 public:
  static Result<Bases> Of(const std::string& project, std::string commit) {
    AMBIT_TRY(HostRepository repository, FindHostRepository(project));
    const bool root = ::geteuid() == 0;
    AMBIT_TRY(Git git, Git::Find(root ? repository.owner : ::geteuid(),
                                 root ? repository.group : ::getegid(),
                                 std::chrono::steady_clock::now() + kTime));
    return Bases(std::move(git), std::move(repository.git_dir), std::move(commit));
  }

  /// The texts of `paths`, in their order.
  Result<std::vector<std::optional<std::string>>> Read(
      const std::vector<std::string>& paths) const {
    AMBIT_TRY(const std::vector<std::optional<Blob>> blobs, Find(paths));
    GitCall call{.git_dir = git_dir_, .arguments = {"cat-file", "--batch"}};
    for (const auto& blob : blobs) {
      if (blob) call.input += blob->object + "\n";
    }
    AMBIT_TRY(const std::string answer, git_.Run(call));
    std::string_view rest = answer;
    std::vector<std::optional<std::string>> texts;
    for (const auto& blob : blobs) {
      texts.emplace_back();
      if (!blob) continue;
      const auto head = ParseBlob(TakeLine(rest));
      if (!head || head->object != blob->object || rest.size() <= head->bytes) {
        return NotUnderstood();
      }
      texts.back() = rest.substr(0, head->bytes);
      rest.remove_prefix(head->bytes + 1);
      if (texts.back()->contains('\0')) texts.back().reset();
    }
    return texts;
  }

 private:
  Bases(Git git, std::string git_dir, std::string commit)
      : git_(std::move(git)), git_dir_(std::move(git_dir)), commit_(std::move(commit)) {}

  /// Those that are small enough to be read.
  Result<std::vector<std::optional<Blob>>> Find(const std::vector<std::string>& paths) const {
    GitCall call{.git_dir = git_dir_, .arguments = {"cat-file", "--batch-check"}};
    for (const std::string& path : paths) call.input += commit_ + ":" + path + "\n";
    AMBIT_TRY(const std::string answer, git_.Run(call));
    std::string_view rest = answer;
    std::vector<std::optional<Blob>> blobs;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      if (rest.empty()) return NotUnderstood();
      blobs.push_back(ParseBlob(TakeLine(rest)));
      if (!blobs.back()) continue;
      const std::size_t size = blobs.back()->bytes;
      if (size <= kMaxMergeBytes && bytes + size <= kMaxMergeAllBytes) {
        bytes += size;
      } else {
        blobs.back().reset();
      }
    }
    return blobs;
  }

  Git git_;
  std::string git_dir_;
  std::string commit_;
};

/// The merged version of one file, or that the edits contradict; nullopt when nobody can say.
std::optional<MergedVersion> Merged(const ProjectTree& tree, int upper, const std::string& path,
                                    const std::string& base) {
  const auto host = ReadHost(tree, path);
  const auto run = ReadRun(upper, path);
  if (!host || !run) return std::nullopt;
  auto text = MergeLines(base, host->text, *run);
  if (!text) return MergedVersion{.host = host->seen, .in_conflict = true};
  if (text->size() > kMaxMergeBytes) return std::nullopt;
  if (IsPackageJson(path) && LifecycleScriptsChanged(host->text, *text)) return std::nullopt;
  std::string hunks = UnifiedHunks(host->text, *text, /*for_terminal=*/true);
  return MergedVersion{.text = *std::move(text), .hunks = std::move(hunks), .host = host->seen};
}

}  // namespace

Result<MergedVersions> OfferMerges(const ProjectTree& tree, int upper, const ApplyPlan& plan,
                                   const std::string& base_commit) {
  MergedVersions merged;
  std::vector<std::string> paths;
  for (const PlannedPath& planned : plan.paths) {
    // A line break would end git's question.
    if (planned.mergeable && !planned.path.contains('\n')) paths.push_back(planned.path);
  }
  if (paths.empty()) return merged;
  if (!host::IsObjectName(base_commit)) {
    return Fail(Errc::kUnsupported, "no commit of the project is known from when the run began");
  }
  AMBIT_TRY(const Bases bases, Bases::Of(tree.path(), base_commit));
  AMBIT_TRY(const auto texts, bases.Read(paths));
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (!texts[i]) continue;
    auto file = Merged(tree, upper, paths[i], *texts[i]);
    if (file) merged.emplace(paths[i], *std::move(file));
  }
  return merged;
}

}  // namespace ambit::review
