#include "workspace/change_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>

#include "workspace/change_dir.h"
#include "workspace/masks.h"
#include "workspace/path_order.h"

namespace ambit::workspace {
namespace {

constexpr mode_t kPermissionBits = 07777;
constexpr std::size_t kOpenFrames = 64;  // descriptors stay open this deep, and at its multiples

std::string Join(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

/// One directory on the way down: in the upper layer, in the lower, or the pair of both.
struct Frame {
  std::string name;  // in the upper, and in the lower where it is found by name
  bool in_upper = false;
  bool in_lower = false;
  bool lower_by_path = false;    // redirected: the lower is at old_path, not below the parent's
  bool opaque = false;           // the upper's list is the whole list
  bool xattr_whiteouts = false;  // empty files of this directory may be whiteouts
  std::string path;              // in the tree as it is
  std::string old_path;          // in the lower layer
  std::string git_path;          // the `.git` this is below; empty outside of one
  std::optional<std::size_t> change;  // what was said of the directory itself
  Fd upper = {};
  Fd lower = {};
  std::vector<Frame> pending = {};  // directories below that are still to be walked
};

class Walker {
 public:
  Walker(const OverlayLayer& layer, Fd upper, Fd lower, Masks masks, std::size_t max_path_bytes)
      : marks_(layer.flavour),
        trusted_(layer.flavour == OverlayFlavour::kTrusted),
        honour_redirects_(trusted_ && layer.redirect_dir),
        opens_(layer.at_rest && !trusted_),  // root reads whatever the mode is
        upper_root_(std::move(upper)),
        lower_root_(std::move(lower)),
        masks_(std::move(masks)),
        max_path_bytes_(max_path_bytes) {}

  Result<ChangeSet> Run() {
    if (honour_redirects_) {  // what was moved must be known before anything counts as deleted
      collecting_redirects_ = true;
      AMBIT_CHECK(Walk());
      collecting_redirects_ = false;
    }
    AMBIT_CHECK(Walk());
    for (auto& [path, files] : git_files_) set_.git.push_back({path, files});
    std::ranges::sort(set_.changes, [](const Change& left, const Change& right) {
      if (left.path != right.path) return PathOrder()(left.path, right.path);
      return left.kind == ChangeKind::kDeleted && right.kind != ChangeKind::kDeleted;
    });
    return std::move(set_);
  }

 private:
  Status Walk() {
    Frame root{.in_upper = true, .in_lower = true};
    AMBIT_TRY(root.upper, OpenDirectory(upper_root_.get(), "."));
    AMBIT_TRY(root.lower, OpenDirectory(lower_root_.get(), "."));
    stack_.clear();
    stack_.push_back(std::move(root));
    AMBIT_CHECK(VisitTop());
    while (!stack_.empty() && !set_.truncated) {
      if (stack_.back().pending.empty()) {
        stack_.pop_back();
        continue;
      }
      Frame child = std::move(stack_.back().pending.back());
      stack_.back().pending.pop_back();
      if (stack_.size() >= kMaxDepth) {
        set_.truncated = true;
        break;
      }
      if (!ReopenTop() || !Open(stack_.back(), child)) {
        ReportUnreadable(child);
        continue;
      }
      stack_.push_back(std::move(child));
      ReleaseOldDescriptors();
      AMBIT_CHECK(VisitTop());
    }
    return {};
  }

  bool Open(const Frame& parent, Frame& frame) const {
    if (frame.in_upper) {
      auto fd = OpenDirectory(parent.upper.get(), frame.name);
      if (!fd) return false;
      frame.upper = *std::move(fd);
    }
    if (frame.in_lower && !collecting_redirects_) {
      auto fd = frame.lower_by_path
                    ? OpenNoFollow(lower_root_.get(), frame.old_path, O_RDONLY | O_DIRECTORY)
                    : OpenDirectory(parent.lower.get(), frame.name);
      if (!fd) return false;
      frame.lower = *std::move(fd);
    }
    return true;
  }

  void ReleaseOldDescriptors() {
    if (stack_.size() <= kOpenFrames) return;
    const std::size_t old = stack_.size() - 1 - kOpenFrames;
    if (old % kOpenFrames == 0) return;
    stack_[old].upper.Reset();
    stack_[old].lower.Reset();
  }

  bool IsOpen(const Frame& frame) const { return frame.upper || frame.lower; }

  bool ReopenTop() {
    std::size_t open = stack_.size() - 1;
    while (!IsOpen(stack_[open])) --open;  // the root's stay open
    for (++open; open < stack_.size(); ++open) {
      if (!Open(stack_[open - 1], stack_[open])) return false;
    }
    return true;
  }

  Status VisitTop() {
    // Visiting adds to `pending` of the frame only; the stack itself does not move meanwhile.
    Frame& frame = stack_.back();
    std::unordered_set<std::string> upper_names;
    if (frame.in_upper) {
      auto names = NamesIn(frame.upper.get());
      if (!names) {
        ReportUnreadable(frame);
        return {};
      }
      for (const std::string& name : *names) AMBIT_CHECK(VisitUpper(frame, name));
      if (frame.opaque) upper_names.insert(names->begin(), names->end());
    }
    const bool lower_is_hidden = !frame.in_upper || frame.opaque;
    if (!frame.in_lower || !lower_is_hidden || collecting_redirects_) return {};
    auto names = NamesIn(frame.lower.get());
    if (!names) {
      ReportUnreadable(frame);
      return {};
    }
    for (const std::string& name : *names) {
      if (!upper_names.contains(name)) Delete(frame, name, LowerOf(frame, name));
    }
    return {};
  }

  /// What the original tree has under this name as the run saw it, but for what was moved
  /// elsewhere.
  std::optional<struct stat> LowerOf(const Frame& frame, const std::string& name) const {
    const std::string path = Join(frame.old_path, name);
    if (!frame.in_lower || moved_.contains(path)) return std::nullopt;
    return masks_.Covers(path) ? masks_.StatOf(path) : LowerStatOf(frame.lower.get(), name);
  }

  Status VisitUpper(Frame& frame, const std::string& name) {
    auto info = StatOf(frame.upper.get(), name);
    if (!info) return {};
    const bool opened = opens_ && LetOwnerRead(frame.upper.get(), name, *info);
    const std::size_t known = set_.changes.size();
    AMBIT_CHECK(VisitUpper(frame, name, *info));
    if (opened && set_.changes.size() > known) set_.changes.back().opened = true;
    return {};
  }

  Status VisitUpper(Frame& frame, const std::string& name, const struct stat& info) {
    if (collecting_redirects_) {
      return S_ISDIR(info.st_mode) ? CollectRedirect(frame, name) : Status();
    }
    AMBIT_TRY(const bool whiteout, IsWhiteout(frame, name, info));
    const auto lower = LowerOf(frame, name);
    if (whiteout) {
      Delete(frame, name, lower);
      return {};
    }
    if (S_ISDIR(info.st_mode)) return VisitUpperDirectory(frame, name, info, lower);
    return VisitUpperFile(frame, name, info, lower);
  }

  Result<bool> IsWhiteout(const Frame& frame, const std::string& name,
                          const struct stat& info) const {
    if (IsWhiteoutDevice(info)) return true;
    if (!frame.xattr_whiteouts || !S_ISREG(info.st_mode) || info.st_size != 0) return false;
    return marks_.FileHas(frame.upper.get(), name, "whiteout");
  }

  Frame ChildOf(const Frame& frame, const std::string& name) const {
    Frame child{.name = name, .path = Join(frame.path, name), .git_path = frame.git_path};
    if (frame.in_lower || collecting_redirects_) child.old_path = Join(frame.old_path, name);
    if (child.git_path.empty() && name == ".git") {
      child.git_path = frame.in_upper ? child.path : child.old_path;
    }
    return child;
  }

  /// Where a redirected directory comes from, as a path of the lower layer; empty when it is not
  /// redirected. Also reads the other marks into `child`.
  Result<std::string> ReadMarks(const Frame& frame, Frame& child) const {
    const auto fd = OpenDirectory(frame.upper.get(), child.name);
    if (!fd) return std::string();  // it will be reported when it cannot be entered
    AMBIT_TRY(const std::optional<std::string> opaque, marks_.OfDirectory(fd->get(), "opaque"));
    child.opaque = opaque == "y";
    child.xattr_whiteouts = opaque == "x";
    if (!honour_redirects_) return std::string();
    AMBIT_TRY(const std::optional<std::string> redirect, marks_.OfDirectory(fd->get(), "redirect"));
    if (!redirect || redirect->empty()) return std::string();
    const std::string source =
        redirect->front() == '/' ? redirect->substr(1) : Join(frame.old_path, *redirect);
    const bool own_place = source == child.old_path && !frame.opaque;
    return own_place ? std::string() : source;
  }

  Status CollectRedirect(Frame& frame, const std::string& name) {
    Frame child = ChildOf(frame, name);
    child.in_upper = true;
    AMBIT_TRY(const std::string source, ReadMarks(frame, child));
    if (source.empty()) {
      child.opaque |= frame.opaque;
    } else if (OpenNoFollow(lower_root_.get(), source, O_PATH | O_DIRECTORY)) {
      moved_.insert(source);
      child.old_path = source;
    }
    frame.pending.push_back(std::move(child));
    return {};
  }

  Status VisitUpperDirectory(Frame& frame, const std::string& name, const struct stat& info,
                             const std::optional<struct stat>& lower) {
    Frame child = ChildOf(frame, name);
    child.in_upper = true;
    AMBIT_TRY(const std::string source, ReadMarks(frame, child));
    if (!source.empty() && moved_.contains(source)) {
      return VisitRenamed(frame, std::move(child), source, info, lower);
    }
    child.opaque |= frame.opaque;
    child.in_lower = lower && S_ISDIR(lower->st_mode);
    if (!child.in_lower) {
      child.change = Emit(child, lower ? ChangeKind::kTypeChanged : ChangeKind::kAdded,
                          lower ? &*lower : nullptr, &info);
    } else if (((info.st_mode ^ lower->st_mode) & kPermissionBits) != 0) {
      child.change = Emit(child, ChangeKind::kModeChanged, &*lower, &info);
    }
    frame.pending.push_back(std::move(child));
    return {};
  }

  Status VisitRenamed(Frame& frame, Frame child, const std::string& source, const struct stat& info,
                      const std::optional<struct stat>& lower) {
    Delete(frame, child.name, lower);  // what stood in the new place
    const auto directory = OpenNoFollow(lower_root_.get(), source, O_PATH | O_DIRECTORY);
    struct stat original{};
    if (!directory || ::fstat(directory->get(), &original) != 0) original = info;
    child.in_lower = true;
    child.lower_by_path = true;
    child.old_path = source;
    child.change = Emit(child, ChangeKind::kRenamed, &original, &info);
    frame.pending.push_back(std::move(child));
    return {};
  }

  Status VisitUpperFile(Frame& frame, const std::string& name, const struct stat& info,
                        const std::optional<struct stat>& lower) {
    Frame entry = ChildOf(frame, name);
    if (trusted_ && S_ISREG(info.st_mode)) {
      AMBIT_TRY(const bool metacopy, marks_.FileHas(frame.upper.get(), name, "metacopy"));
      if (metacopy) {
        return Fail(Errc::kUnsupported,
                    fmt::format("read '{}': the overlay was mounted with metacopy", entry.path));
      }
    }
    if (!lower) {
      Describe(frame, name, Emit(entry, ChangeKind::kAdded, nullptr, &info));
      return {};
    }
    if ((info.st_mode & S_IFMT) != (lower->st_mode & S_IFMT)) {
      Describe(frame, name, Emit(entry, ChangeKind::kTypeChanged, &*lower, &info));
      if (S_ISDIR(lower->st_mode)) PushDeleted(frame, name);
      return {};
    }
    const Comparison content = Compare(frame, name, info, *lower);
    if (content != Comparison::kEqual) {
      const auto change = Emit(entry, ChangeKind::kModified, &*lower, &info);
      Describe(frame, name, change);
      if (change) set_.changes[*change].unreadable = content == Comparison::kUnreadable;
    } else if (((info.st_mode ^ lower->st_mode) & kPermissionBits) != 0) {
      Emit(entry, ChangeKind::kModeChanged, &*lower, &info);
    }
    return {};
  }

  Comparison Compare(const Frame& frame, const std::string& name, const struct stat& info,
                     const struct stat& lower) const {
    const auto verdict = [](bool equal) {
      return equal ? Comparison::kEqual : Comparison::kDifferent;
    };
    if (S_ISREG(info.st_mode)) {
      if (info.st_size != lower.st_size) return Comparison::kDifferent;
      const std::string path = Join(frame.old_path, name);
      const bool masked = masks_.Covers(path);
      return CompareContent(frame.upper.get(), name, masked ? masks_.fd() : frame.lower.get(),
                            masked ? path : name);
    }
    if (S_ISLNK(info.st_mode)) {
      return verdict(LinkTargetOf(frame.upper.get(), name) ==
                     LinkTargetOf(frame.lower.get(), name));
    }
    return verdict(info.st_rdev == lower.st_rdev);
  }

  void Delete(Frame& frame, const std::string& name, const std::optional<struct stat>& lower) {
    if (!lower) return;
    Frame entry = ChildOf(frame, name);
    entry.path = entry.old_path;
    Emit(entry, ChangeKind::kDeleted, &*lower, nullptr);
    if (S_ISDIR(lower->st_mode)) PushDeleted(frame, name);
  }

  void PushDeleted(Frame& frame, const std::string& name) {
    Frame child = ChildOf(frame, name);
    child.in_lower = true;
    child.path = child.old_path;
    frame.pending.push_back(std::move(child));
  }

  /// Adds one change; nullopt when it was only counted or a bound was reached.
  std::optional<std::size_t> Emit(const Frame& entry, ChangeKind kind, const struct stat* before,
                                  const struct stat* after) {
    if (!entry.git_path.empty()) {
      const struct stat* known = after != nullptr ? after : before;
      const mode_t mode = known != nullptr ? known->st_mode : 0;
      if (!S_ISDIR(mode) || kind == ChangeKind::kRenamed) ++git_files_[entry.git_path];
      return std::nullopt;
    }
    Change change{.kind = kind, .path = entry.path};
    if (before != nullptr) {
      change.old_path = entry.old_path;
      change.old_mode = before->st_mode;
      change.old_bytes = S_ISREG(before->st_mode) ? static_cast<std::uint64_t>(before->st_size) : 0;
    }
    if (after != nullptr) {
      change.new_mode = after->st_mode;
      change.new_bytes = S_ISREG(after->st_mode) ? static_cast<std::uint64_t>(after->st_size) : 0;
    }
    path_bytes_ += change.path.size() + change.old_path.size();
    if (set_.changes.size() >= kMaxChanges || path_bytes_ > max_path_bytes_) {
      set_.truncated = true;
      return std::nullopt;
    }
    set_.changes.push_back(std::move(change));
    return set_.changes.size() - 1;
  }

  void Describe(const Frame& frame, const std::string& name, std::optional<std::size_t> change) {
    if (change && S_ISLNK(set_.changes[*change].new_mode)) {
      set_.changes[*change].link_target = LinkTargetOf(frame.upper.get(), name);
    }
  }

  void ReportUnreadable(Frame& frame) {
    if (collecting_redirects_) return;  // the second walk reports it
    if (!frame.change) {
      struct stat unknown{};
      unknown.st_mode = S_IFDIR;
      frame.change = Emit(frame, ChangeKind::kModified, frame.in_lower ? &unknown : nullptr,
                          frame.in_upper ? &unknown : nullptr);
    }
    if (frame.change) set_.changes[*frame.change].unreadable = true;
  }

  MarkReader marks_;
  bool trusted_;
  bool honour_redirects_;
  bool opens_;
  Fd upper_root_;
  Fd lower_root_;
  Masks masks_;
  bool collecting_redirects_ = false;
  std::set<std::string> moved_;  // paths of the lower layer that now stand elsewhere
  std::vector<Frame> stack_;
  std::map<std::string, std::size_t> git_files_;
  std::size_t path_bytes_ = 0;
  std::size_t max_path_bytes_;
  ChangeSet set_;
};

Result<Fd> OpenLayer(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return FailErrno(errno, fmt::format("open layer '{}'", path));
  return fd;
}

}  // namespace

Result<ChangeSet> WalkChanges(const OverlayLayer& layer, std::size_t max_path_bytes) {
  AMBIT_CHECK(CheckMarksReadable(layer.flavour));
  struct stat info{};
  if (layer.at_rest && ::lstat(layer.upper.c_str(), &info) == 0) {
    (void)LetOwnerRead(AT_FDCWD, layer.upper, info);
  }
  AMBIT_TRY(Fd upper, OpenLayer(layer.upper));
  AMBIT_TRY(Fd lower, OpenLayer(layer.lower));
  AMBIT_TRY(Masks masks, Masks::Load(layer.mask));
  return Walker(layer, std::move(upper), std::move(lower), std::move(masks), max_path_bytes).Run();
}

}  // namespace ambit::workspace
