// Random edits in an overlay, applied to the project below it: the project must become what a plain
// copy with the same edits is, undo must make it what it was, and neither a kill nor a full disk
// may leave anything in between.
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include <map>
#include <random>

#include "review/apply_for_test.h"

namespace ambit::review {
namespace {

using testing::CountFrom;
using testing::Flavour;
using testing::Project;
using testing::ReadAll;
using testing::Snapshot;
using testing::WriteAll;
using testing::fs::path;
using workspace::testing::MountableFlavours;
using workspace::testing::RandomEditor;

constexpr const char* kReadNoMore =
    "the directories this run renamed are renamed in the project: its layer fits no more";

using Tree = std::map<std::string, std::string>;

/// What differs, each with its two sides; empty when the trees are equal.
std::string Differences(const Tree& is, const Tree& wanted) {
  std::string out;
  const auto side = [](const Tree& tree, const std::string& name) {
    const auto found = tree.find(name);
    return found == tree.end() ? "nothing" : found->second.substr(0, 60);
  };
  Tree all = is;
  all.insert(wanted.begin(), wanted.end());
  for (const auto& [name, unused] : all) {
    const std::string left = side(is, name);
    const std::string right = side(wanted, name);
    if (left != right) out += fmt::format("'{}' is <{}>, not <{}>\n", name, left, right);
  }
  return is == wanted ? out : out + "they differ\n";
}

bool Holds(const Tree& tree, const std::string& content) {
  return std::ranges::any_of(tree,
                             [&](const auto& file) { return file.second.ends_with(content); });
}

class ApplyProperty : public ::testing::TestWithParam<Flavour> {
 protected:
  /// A project, and a run that made `steps` random edits; the same were made on plain/.
  static std::unique_ptr<Project> Edited(std::uint32_t seed, int steps) {
    auto project = std::make_unique<Project>(
        GetParam(), [&](const path& root) { RandomEditor::MakeOriginal(root, seed); });
    std::filesystem::create_directory(project->overlay().at("seen"));
    const bool done = project->overlay().InOverlay([&] {
      RandomEditor editor(project->overlay().at("merged"), project->overlay().at("plain"),
                          seed + 1000);
      for (int i = 0; i < steps; ++i) editor.Step();
      project->overlay().CopyTree("merged", "seen");
    });
    EXPECT_TRUE(done);
    return project;
  }
  static std::string Planned(const Project& project) {
    const auto ready = project.Plan();
    return ready ? Project::Text(ready->plan.paths) : ready.error().what;
  }
  static bool Renames(const Project& project) {
    const auto ready = project.Plan();
    return ready && ready->plan.renames;
  }
  static Tree Old(const Project& project) { return Snapshot(project.overlay().at("original")); }
  /// What the run saw at its end. That is what the plain copy is, but for pairs of hard links in a
  /// directory whose rename the overlay refuses: copied instead, they are no pair any more.
  static Tree New(const Project& project) { return Snapshot(project.overlay().at("seen")); }
  static Tree Plain(const Project& project) { return Snapshot(project.overlay().at("plain")); }
  static Tree Host(const Project& project) { return Snapshot(project.host()); }
};
INSTANTIATE_TEST_SUITE_P(Overlay, ApplyProperty, ::testing::ValuesIn(MountableFlavours()),
                         [](const auto& param) { return param.param.name; });

TEST_P(ApplyProperty, TheProjectBecomesWhatTheRunSaw) {
  const auto count = static_cast<std::uint32_t>(CountFrom("AMBIT_APPLY_SCRIPTS", 15));
  int renaming = 0;
  std::uint32_t unlike = 0;
  const auto first = static_cast<std::uint32_t>(CountFrom("AMBIT_APPLY_SEED", 1));
  for (std::uint32_t seed = first; seed < first + count && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    const auto project = Edited(seed, 12);
    const bool renames = Renames(*project);
    renaming += renames ? 1 : 0;
    unlike += New(*project) == Plain(*project) ? 0 : 1;
    const auto report = project->Apply();
    ASSERT_TRUE(report) << report.error().what;
    EXPECT_TRUE(report->Complete()) << Project::Text(report->paths);
    EXPECT_EQ(Differences(Host(*project), New(*project)), "");
    EXPECT_EQ(Planned(*project), renames ? kReadNoMore : "");
    if (report->paths.empty()) continue;
    const auto undone = project->Undo();
    ASSERT_TRUE(undone) << undone.error().what;
    EXPECT_TRUE(undone->Complete()) << Project::Text(undone->paths);
    EXPECT_EQ(Differences(Host(*project), Old(*project)), "");
    const auto redone = project->Apply();  // what undo did is no change of the host's
    ASSERT_TRUE(redone) << redone.error().what;
    EXPECT_TRUE(redone->Complete()) << Project::Text(redone->paths);
    EXPECT_EQ(Differences(Host(*project), New(*project)), "");
  }
  EXPECT_LE(unlike, 1 + count / 100);
  // Only where the overlay notes renames of directories instead of refusing them.
  EXPECT_EQ(renaming > 0, GetParam().marks == workspace::OverlayFlavour::kTrusted);
}

/// Runs `work` in a child that is killed when it has begun its `calls`th system call. Returns how
/// many it made, when it came to its end before.
std::optional<int> KilledAfter(int calls, const std::function<void()>& work) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    work();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  int stops = 0;
  while (true) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    if (::waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) break;
    if (WSTOPSIG(status) == (SIGTRAP | 0x80) && ++stops >= 2 * calls) {
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      return std::nullopt;
    }
  }
  return stops / 2;
}

TEST_P(ApplyProperty, AKillAtAnyMomentIsTakenBackOrFinished) {
  const int count = CountFrom("AMBIT_APPLY_KILLS", 24);
  constexpr int kPerProject = 12;
  std::map<std::string, int> seen;
  for (int done = 0; done < count && !HasFailure(); done += kPerProject) {
    const auto seed = static_cast<std::uint32_t>(done + 500);
    int total = 0;
    {
      const auto project = Edited(seed, 10);
      const auto calls = KilledAfter(1 << 28, [&] { (void)project->Apply(); });
      ASSERT_TRUE(calls);
      total = *calls;
      ASSERT_EQ(Host(*project), New(*project));
    }
    for (int i = 0; i < kPerProject && !HasFailure(); ++i) {
      const int at = 1 + (total - 1) * i / (kPerProject - 1);
      SCOPED_TRACE(fmt::format("seed {}, killed at call {} of {}", seed, at, total));
      const auto project = Edited(seed, 10);
      (void)KilledAfter(at, [&] { (void)project->Apply(); });
      const bool undo = i % 2 != 0;
      const auto result = undo ? project->Undo() : project->Apply();
      const bool nothing = !result && result.error().code == Errc::kNotFound;
      const bool finished = !result && result.error().code == Errc::kUnsupported;  // CheckLayerFits
      ASSERT_TRUE(result || (undo ? nothing : finished)) << result.error().what;
      EXPECT_EQ(Differences(Host(*project), undo ? Old(*project) : New(*project)), "")
          << (result ? Project::Text(result->paths) : "");
      ++seen[undo ? (nothing ? "nothing to undo" : "undone") : "applied"];
    }
  }
  EXPECT_GT(seen["undone"], 0);
  EXPECT_GT(seen["applied"], 0);
}

TEST_P(ApplyProperty, WhatTheHostEditsAfterAKillStays) {
  int kept = 0;
  const auto count = static_cast<std::uint32_t>(CountFrom("AMBIT_APPLY_KILLS", 12));
  for (std::uint32_t seed = 300; seed < 300 + count && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    int total = 0;
    {
      const auto project = Edited(seed, 10);
      total = KilledAfter(1 << 28, [&] { (void)project->Apply(); }).value_or(0);
    }
    const auto project = Edited(seed, 10);
    (void)KilledAfter(total / 2 + total * static_cast<int>(seed % 5) / 10,
                      [&] { (void)project->Apply(); });
    std::map<std::string, std::string> edited;
    for (const auto& [name, what] : Host(*project)) {
      if (!what.starts_with("100") || name.starts_with(kStagingPrefix)) continue;
      edited[name] = fmt::format("host {}", name);
      WriteAll(project->host() / name, edited[name]);
    }
    const auto report = seed % 2 == 0 ? project->Undo() : project->Apply();
    for (const auto& [name, content] : edited) {
      EXPECT_TRUE(Holds(Host(*project), content))
          << name << "\n"
          << (report ? Project::Text(report->paths) : report.error().what);
      ++kept;
    }
  }
  EXPECT_GT(kept, 0);
}

TEST_P(ApplyProperty, AKillOfUndoAtAnyMomentIsGoneOnWith) {
  const int count = CountFrom("AMBIT_APPLY_KILLS", 24);
  constexpr int kPerProject = 12;
  for (int done = 0; done < count && !HasFailure(); done += kPerProject) {
    const auto seed = static_cast<std::uint32_t>(done + 900);
    const auto applied = [&] {
      auto project = Edited(seed, 10);
      const auto report = project->Apply();
      EXPECT_TRUE(report && report->Complete());
      return project;
    };
    const auto calls = [&] {
      const auto project = applied();
      return KilledAfter(1 << 28, [&] { (void)project->Undo(); });
    }();
    ASSERT_TRUE(calls);
    for (int i = 0; i < kPerProject && !HasFailure(); ++i) {
      const int at = 1 + (*calls - 1) * i / (kPerProject - 1);
      SCOPED_TRACE(fmt::format("seed {}, killed at call {} of {}", seed, at, *calls));
      const auto project = applied();
      (void)KilledAfter(at, [&] { (void)project->Undo(); });
      const auto result = project->Undo();
      const bool nothing = !result && result.error().code == Errc::kNotFound;
      ASSERT_TRUE(result || nothing) << result.error().what;
      EXPECT_EQ(Differences(Host(*project), Old(*project)), "")
          << (result ? Project::Text(result->paths) : "");
    }
  }
}

/// A tmpfs that has room for `pages` more than what is on it. Needs a mount namespace of its own.
void LeaveRoom(const std::string& mount, std::uint64_t pages) {
  struct statvfs now{};
  ASSERT_EQ(::statvfs(mount.c_str(), &now), 0);
  const std::uint64_t size = (now.f_blocks - now.f_bfree + pages) * now.f_frsize;
  const std::string options = fmt::format("size={}", size);
  ASSERT_EQ(::mount(nullptr, mount.c_str(), nullptr, MS_REMOUNT, options.c_str()), 0);
}

TEST_P(ApplyProperty, AFullDiskAtAnyMomentLeavesTheOldProject) {
  if (::geteuid() != 0) return;  // only root may mount a file system of a size it chooses
  const int count = CountFrom("AMBIT_APPLY_FULL", 24);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    int full = 0;
    int whole = 0;
    const std::string mount = "/mnt";
    if (::unshare(CLONE_NEWNS) != 0) ::_exit(2);
    (void)::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    ::setenv("TMPDIR", mount.c_str(), 1);
    for (int i = 0; i < count && !HasFailure(); ++i) {
      SCOPED_TRACE(i);
      if (::mount("tmpfs", mount.c_str(), "tmpfs", 0, "size=64m") != 0) ::_exit(3);
      {
        const auto project = Edited(static_cast<std::uint32_t>(i) + 1, 12);
        LeaveRoom(mount, static_cast<std::uint64_t>(i));
        const auto report = project->Apply();
        if (report) {
          ++whole;
          EXPECT_TRUE(report->Complete()) << Project::Text(report->paths);
          EXPECT_EQ(Differences(Host(*project), New(*project)), "");
        } else {
          ++full;
          EXPECT_EQ(Differences(Host(*project), Old(*project)), "") << report.error().what;
          LeaveRoom(mount, 1000);
          const auto again = project->Apply();
          EXPECT_TRUE(again && again->Complete()) << (again ? "" : again.error().what);
          EXPECT_EQ(Differences(Host(*project), New(*project)), "");
        }
      }
      (void)::umount2(mount.c_str(), MNT_DETACH);
    }
    std::printf("full: %d, applied: %d\n", full, whole);
    EXPECT_GT(full, 0);
    EXPECT_GT(whole, 0);
    std::fflush(nullptr);
    ::_exit(HasFailure() ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

/// Writes what nobody else writes into half of the files of `root`, each time in one of the ways
/// programs do, until `go` is closed; leaves what it wrote last into each in `notes`.
[[noreturn]] void EditForEver(const path& root, const path& notes, std::uint32_t seed, int go) {
  std::mt19937 random(seed);
  std::map<std::string, std::string> last;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const auto kind = entry.symlink_status().type();  // of the link: the run made circles of them
    if (kind == std::filesystem::file_type::regular) names.push_back(entry.path());
  }
  char byte = 'r';
  (void)!::write(go, &byte, 1);
  (void)!::read(go, &byte, 1);
  ::fcntl(go, F_SETFL, O_NONBLOCK);
  for (int i = 0; names.size() > 1; ++i) {
    if (::read(go, &byte, 1) == 0) break;
    const std::string& name = names[random() % (names.size() / 2)];
    const std::string content = fmt::format("host {} {}\n", seed, i);
    if (random() % 2 == 0) {
      const Fd file(::open(name.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
      if (!file) continue;
      if (random() % 2 == 0) ::usleep(static_cast<useconds_t>(random() % 300));
      if (::ftruncate(file.get(), 0) != 0) continue;
      if (::write(file.get(), content.data(), content.size()) > 0) last[name] = content;
    } else {
      const std::string fresh = notes.string() + ".edit";
      WriteAll(fresh, content);
      if (::rename(fresh.c_str(), name.c_str()) == 0) last[name] = content;
    }
    ::usleep(static_cast<useconds_t>(random() % 2000));
  }
  std::string text;
  for (const auto& [name, content] : last) text += name + '\0' + content + '\0';
  WriteAll(notes, text);
  ::_exit(0);
}

TEST_P(ApplyProperty, NoEditOfTheHostIsLostNotEvenInARace) {
  const int count = CountFrom("AMBIT_APPLY_RACES", 15);
  int conflicts = 0;
  for (int round = 1; round <= count && !HasFailure(); ++round) {
    SCOPED_TRACE(round);
    const auto seed = static_cast<std::uint32_t>(round);
    const auto project = Edited(seed, 14);
    const path notes = project->overlay().at("notes");
    int go[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go), 0);
    std::fflush(nullptr);
    const pid_t host = ::fork();
    if (host == 0) {
      ::close(go[1]);
      EditForEver(project->host(), notes, seed, go[0]);
    }
    ::close(go[0]);
    char byte = 0;
    ASSERT_EQ(::read(go[1], &byte, 1), 1);  // it knows the files now
    (void)!::write(go[1], "g", 1);
    const auto report = project->Apply();
    ::close(go[1]);
    int status = 0;
    ::waitpid(host, &status, 0);
    if (report) {
      for (const PlannedPath& planned : report->paths) {
        conflicts += planned.verdict == Verdict::kConflict ? 1 : 0;
      }
    }
    const std::string text = ReadAll(notes);
    for (std::size_t at = 0; at < text.size();) {
      const std::string name = text.c_str() + at;
      at += name.size() + 1;
      const std::string content = text.c_str() + at;
      at += content.size() + 1;
      // A file of a directory that the run renamed goes along, with what the host wrote into it.
      const bool there = ReadAll(name) == content || Holds(Host(*project), content);
      EXPECT_TRUE(there) << name << "\n"
                         << (report ? Project::Text(report->paths) : report.error().what);
    }
  }
  std::printf("conflicts seen: %d\n", conflicts);
  EXPECT_GT(conflicts, 0);
}

}  // namespace
}  // namespace ambit::review
