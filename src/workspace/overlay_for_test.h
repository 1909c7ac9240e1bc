#pragma once
// Real overlays for tests: an original tree, an overlay on it in a mount namespace of a child, and
// a plain copy that gets the same edits and so says what the result must be. Tests only.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "workspace/change_walk.h"

namespace ambit::workspace::testing {

namespace fs = std::filesystem;

inline std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void WriteAll(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

inline int RunShell(const std::string& command) { return std::system(command.c_str()); }

/// A directory that is gone with the object.
class TempTree {
 public:
  TempTree() : TempTree(fs::temp_directory_path()) {}
  explicit TempTree(const fs::path& parent) {
    std::string name = (parent / "ambit-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TempTree() { (void)RunShell("rm -rf -- '" + path_.string() + "'"); }
  TempTree(const TempTree&) = delete;
  TempTree& operator=(const TempTree&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// path -> type, permission bits and content: two trees are the same when these are.
inline std::map<std::string, std::string> Snapshot(const fs::path& root) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    struct stat info{};
    if (::lstat(entry.path().c_str(), &info) != 0) continue;
    std::string what = fmt::format("{:o} ", info.st_mode);
    if (S_ISREG(info.st_mode)) what += ReadAll(entry.path());
    if (S_ISLNK(info.st_mode)) what = "link " + fs::read_symlink(entry.path()).string();
    out[entry.path().lexically_relative(root).string()] = what;
  }
  return out;
}

struct Flavour {
  OverlayFlavour marks;
  const char* name;
};

/// googletest would print the bytes of the pointer, and test names would change with each build.
inline void PrintTo(const Flavour& flavour, std::ostream* out) { *out << flavour.name; }

class OverlayTree {
 public:
  using Edit = std::function<void(const fs::path& root)>;

  OverlayTree(Flavour flavour, const Edit& original) : flavour_(flavour) {
    for (const char* name : {"lower", "upper", "work", "merged", "original", "plain"}) {
      fs::create_directory(at(name));
    }
    original(at("lower"));
    CopyTree("lower", "original");
    CopyTree("lower", "plain");
  }

  fs::path at(const std::string& name) const { return tree_.path() / name; }
  OverlayLayer layer() const {
    return {.lower = at("lower"),
            .upper = at("upper"),
            .mask = {},
            .flavour = flavour_.marks,
            .redirect_dir = flavour_.marks == OverlayFlavour::kTrusted};
  }
  void CopyTree(const std::string& from, const std::string& to) const {
    if (RunShell(fmt::format("cp -a '{}/.' '{}/'", at(from).string(), at(to).string())) != 0)
      std::abort();
  }

  /// Runs `edits` in a child that sees the overlay at merged/; false when it failed.
  [[nodiscard]] bool InOverlay(const std::function<void()>& edits) const {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
      if (!Mount()) ::_exit(100);
      edits();
      ::_exit(::testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

  /// The same edit on the overlay and on the plain copy.
  [[nodiscard]] bool Edited(const Edit& edit) const {
    return InOverlay([&] { edit(at("merged")); }) && (edit(at("plain")), true);
  }

  ChangeSet Walk() const {
    auto set = WalkChanges(layer());
    EXPECT_TRUE(set) << set.error().what;
    return set ? *std::move(set) : ChangeSet{};
  }

 private:
  bool Mount() const {
    const bool user = flavour_.marks == OverlayFlavour::kUser;
    const uid_t uid = ::geteuid();
    const gid_t gid = ::getegid();
    if (::unshare(CLONE_NEWNS | (user ? CLONE_NEWUSER : 0)) != 0) return Failed("unshare");
    if (user) {
      WriteAll("/proc/self/setgroups", "deny");
      WriteAll("/proc/self/uid_map", fmt::format("{0} {0} 1", uid));
      WriteAll("/proc/self/gid_map", fmt::format("{0} {0} 1", gid));
    }
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return Failed("private");
    const std::string options = fmt::format(
        "lowerdir={},upperdir={},workdir={},{}", at("lower").string(), at("upper").string(),
        at("work").string(), user ? "userxattr" : "redirect_dir=on,index=on,metacopy=off");
    const std::string merged = at("merged");
    if (::mount("overlay", merged.c_str(), "overlay", 0, options.c_str()) != 0) {
      return Failed("mount overlay");
    }
    return true;
  }

  static bool Failed(const char* what) {
    std::perror(what);
    return false;
  }

  Flavour flavour_;
  TempTree tree_;
};

/// The overlays this process may mount: trusted marks exist for root alone.
inline std::vector<Flavour> MountableFlavours() {
  std::vector<Flavour> out = {{OverlayFlavour::kUser, "user"}};
  if (::geteuid() == 0) out.push_back({OverlayFlavour::kTrusted, "trusted"});
  return out;
}

/// Random edits, the same on two roots. What exists is read from the first of them.
class RandomEditor {
 public:
  RandomEditor(fs::path model, fs::path other, std::uint32_t seed)
      : roots_{std::move(model), std::move(other)}, random_(seed) {}

  static void MakeOriginal(const fs::path& root, std::uint32_t seed) {
    RandomEditor editor(root, root, seed);
    for (int i = 0; i < 5; ++i) {
      fs::create_directories(root / editor.NewName() / editor.NewName());
    }
    for (int i = 0; i < 25; ++i) WriteAll(root / editor.NewPath(), editor.Content());
    for (int i = 0; i < 3; ++i) {
      const fs::path link = root / editor.NewPath();
      if (!fs::exists(fs::symlink_status(link))) fs::create_symlink(editor.NewName(), link);
    }
  }

  void Step() {
    const std::string path = AnyPath();
    const std::string fresh = NewPath();
    const std::string content = Content();
    const auto kind = fs::symlink_status(roots_[0] / path).type();
    const bool is_dir = kind == fs::file_type::directory;
    const bool is_file = kind == fs::file_type::regular;
    const bool is_free = !fs::exists(fs::symlink_status(roots_[0] / fresh));
    switch (Pick(14)) {
      case 0:
      case 1:
        if (is_free) OnBoth([&](const fs::path& root) { WriteAll(root / fresh, content); });
        break;
      case 2:
        if (is_file) OnBoth([&](const fs::path& root) { WriteAll(root / path, content); });
        break;
      case 3:  // an edit inside the file
        if (is_file) OnBoth([&](const fs::path& root) { ChangeALine(root / path, content); });
        break;
      case 4:
        OnBoth([&](const fs::path& root) { fs::remove_all(root / path); });
        break;
      case 5:
        if (is_free) OnBoth([&](const fs::path& root) { fs::create_directory(root / fresh); });
        break;
      case 6:
      case 7:
        if (is_free && !fresh.starts_with(path + "/")) {
          OnBoth([&](const fs::path& root) { Move(root / path, root / fresh); });
        }
        break;
      case 8:
        if (is_dir || is_file) {
          const mode_t mode = (is_dir ? 0700U : 0600U) | (Pick(2) != 0 ? 0011U : 0U) |
                              (is_file && Pick(2) != 0 ? 0100U : 0U);
          OnBoth([&](const fs::path& root) { (void)::chmod((root / path).c_str(), mode); });
        }
        break;
      case 9:
        if (is_free)
          OnBoth([&](const fs::path& root) { fs::create_symlink(content, root / fresh); });
        break;
      case 10:
        if (is_file && is_free) {
          OnBoth([&](const fs::path& root) { fs::create_hard_link(root / path, root / fresh); });
        }
        break;
      case 11:  // another type in the same place
        OnBoth([&](const fs::path& root) {
          fs::remove_all(root / path);
          if (is_dir) {
            WriteAll(root / path, content);
          } else {
            fs::create_directory(root / path);
            WriteAll(root / path / "in", content);
          }
        });
        break;
      case 12:  // an opaque directory
        if (is_dir) {
          OnBoth([&](const fs::path& root) {
            std::vector<fs::path> kept;
            for (const auto& entry : fs::directory_iterator(root / path)) {
              if (entry.symlink_status().type() == fs::file_type::regular) {
                kept.push_back(entry.path());
              }
            }
            std::ranges::sort(kept);  // the order of a listing differs between the roots
            std::string text = kept.empty() ? content : ReadAll(kept.front());
            fs::remove_all(root / path);
            fs::create_directory(root / path);
            WriteAll(kept.empty() ? root / path / "again" : kept.front(), text);
          });
        }
        break;
      default:  // copied up but not changed
        if (is_file)
          OnBoth([&](const fs::path& root) { WriteAll(root / path, ReadAll(root / path)); });
    }
  }

 private:
  template <class Action>
  void OnBoth(const Action& action) {
    action(roots_[0]);
    if (roots_[1] != roots_[0]) action(roots_[1]);
  }

  static void Move(const fs::path& from, const fs::path& to) {
    if (::rename(from.c_str(), to.c_str()) == 0) return;
    if (errno != EXDEV) std::abort();
    fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    CopyModes(from, to);
    fs::remove_all(from);
  }

  static void CopyModes(const fs::path& from, const fs::path& to) {
    for (const auto& entry : fs::recursive_directory_iterator(from)) {
      if (entry.is_symlink()) continue;
      fs::permissions(to / entry.path().lexically_relative(from), entry.status().permissions());
    }
    fs::permissions(to, fs::status(from).permissions());
  }

  static void ChangeALine(const fs::path& path, const std::string& content) {
    std::string text = ReadAll(path);
    const std::size_t at = text.find('\n', text.size() / 2);
    text.insert(at == std::string::npos ? text.size() : at + 1, content);
    WriteAll(path, text);
  }

  std::size_t Pick(std::size_t count) { return random_() % count; }

  std::string NewName() {
    static const std::vector<std::string> names = {"a",         "b",       "c d",   "d-e",
                                                   "\xC3\xA4",  "q\"uote", "t\tab", "back\\slash",
                                                   "new\nline", "e",       "f",     "g.txt"};
    return names[Pick(names.size())];
  }

  std::vector<std::string> Paths(bool directories_only) const {
    std::vector<std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(roots_[0])) {
      if (directories_only && entry.symlink_status().type() != fs::file_type::directory) continue;
      out.push_back(entry.path().lexically_relative(roots_[0]));
    }
    std::ranges::sort(out);
    return out;
  }

  std::string AnyPath() {
    const auto paths = Paths(false);
    return paths.empty() ? std::string("none") : paths[Pick(paths.size())];
  }

  std::string NewPath() {
    const auto directories = Paths(true);
    const std::size_t which = Pick(directories.size() + 1);
    return which == directories.size() ? NewName() : directories[which] + "/" + NewName();
  }

  std::string Content() {
    std::string out;
    for (std::size_t lines = Pick(30); lines > 0; --lines) {
      out += std::string(1 + Pick(2), static_cast<char>('a' + Pick(4))) + "\n";
    }
    if (Pick(3) == 0 || out.empty()) out += "no line end";
    return out;
  }

  fs::path roots_[2];
  std::mt19937 random_;
};

}  // namespace ambit::workspace::testing
