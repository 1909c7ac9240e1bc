// What an apply took away must not be lost, wherever the record lies and whatever fails.
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <functional>

#include "review/apply_for_test.h"
#include "review/apply_stage.h"
#include "review/apply_steps.h"
#include "sys/seccomp.h"

namespace ambit::review {
namespace {

using testing::Project;
using testing::ReadAll;
using testing::WriteAll;
using testing::fs::path;

constexpr testing::Flavour kUser = {workspace::OverlayFlavour::kUser, "user"};
constexpr const char* kOtherFileSystem = "/dev/shm";

/// Runs `work` in a child where a sync of the descriptor `fd` fails, as on a broken disk.
void WithFailingSync(int fd, const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto number = static_cast<std::uint32_t>(fd);
    const std::array<sock_filter, 6> program = {{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsync, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !sys::InstallFilter(program)) ::_exit(2);
    work();
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(ApplyOnTwoFileSystems, AnOriginalGoesOnlyWhenItsCopyIsOnDisk) {
  const Project project(
      kUser, [](const path& root) { WriteAll(root / "x", "x"); }, kOtherFileSystem);
  auto tree = ProjectTree::Open(project.host(), 0, 0);
  ASSERT_TRUE(tree);
  const auto log = ApplyLog::Begin(project.run(), /*renames=*/false);
  ASSERT_TRUE(log);
  const auto staging = Staging::Create(*tree, project.run().id);
  ASSERT_TRUE(staging);
  const path slot = path(staging->path()) / "0";
  WriteAll(slot, "of the host");
  const std::vector<Step> steps = {{.kind = StepKind::kTake, .path = "y", .slot = 0}};
  WithFailingSync(log->old(), [&] { EXPECT_FALSE(staging->Empty(*log, steps)); });
  EXPECT_EQ(ReadAll(slot), "of the host");
  EXPECT_TRUE(staging->Empty(*log, steps));  // the control: it can be called again
  EXPECT_FALSE(testing::fs::exists(slot));
  EXPECT_EQ(ReadAll(path(log->path()) / "old" / "0"), "of the host");
}

TEST(ApplyOnTwoFileSystems, TheRecordGoesOnlyWhenTheProjectIsOnDisk) {
  const Project project(
      kUser, [](const path& root) { WriteAll(root / "edit", "old"); }, kOtherFileSystem);
  ASSERT_TRUE(project.overlay().Edited([](const path& root) { WriteAll(root / "edit", "agent"); }));
  ASSERT_TRUE(project.Apply());
  auto tree = ProjectTree::Open(project.host(), 0, 0);
  ASSERT_TRUE(tree);
  const auto log = ApplyLog::Last(project.run());
  ASSERT_TRUE(log && *log);
  const path kept = path((*log)->path()) / "old";
  WithFailingSync(tree->fd(), [&] {
    auto again = ApplyLog::Last(project.run());
    EXPECT_FALSE(Undo(project.run(), *tree, **std::move(again)));
  });
  EXPECT_FALSE(testing::fs::is_empty(kept));
  const auto undone = project.Undo();
  ASSERT_TRUE(undone && undone->Complete());
  EXPECT_EQ(ReadAll(project.host() / "edit"), "old");
  EXPECT_TRUE(testing::fs::is_empty(kept));
}

TEST(ApplyLog, WhatAnUndoCouldNotPutBackKeepsTheRunFromBeingRemoved) {
  const Project project(kUser, [](const path& root) {
    WriteAll(root / "edit", "old");
    WriteAll(root / "other", "old");
  });
  ASSERT_TRUE(project.overlay().Edited([](const path& root) {
    WriteAll(root / "edit", "agent");
    WriteAll(root / "other", "agent");
  }));
  ASSERT_TRUE(project.Apply());
  EXPECT_TRUE(RefuseKept(project.run()));  // it can still be undone, and is known to be applied
  WriteAll(project.host() / "edit", "of the host");
  const auto undone = project.Undo();
  ASSERT_TRUE(undone);
  EXPECT_FALSE(undone->Complete());
  const Status refused = RefuseKept(project.run());
  ASSERT_FALSE(refused);
  const path old = path(project.run().path) / "applied" / "0001" / "old";
  EXPECT_NE(refused.error().what.find(old), std::string::npos) << refused.error().what;
  EXPECT_NE(refused.error().remedy.find("--force"), std::string::npos);
  for (const auto& entry : testing::fs::directory_iterator(old)) testing::fs::remove(entry);
  EXPECT_TRUE(RefuseKept(project.run()));  // taken by the person
}

}  // namespace
}  // namespace ambit::review
