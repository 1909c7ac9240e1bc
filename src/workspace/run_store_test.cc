#include "workspace/run_store.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <random>

#include "workspace/overlay_for_test.h"

namespace ambit::workspace {
namespace {

using testing::ReadAll;
using testing::TempTree;
using testing::WriteAll;
namespace fs = std::filesystem;

RunMeta Example(std::string id = "r-00000000") {
  RunMeta meta{.id = std::move(id),
               .project = "/home/u/with \"quotes\" and \xFF bytes",
               .cwd = "/home/u",
               .argv = {"claude", "-p", "line\nbreak", "\xC3\xA4", "\xED\xA0\x80"},
               .started_ns = 1'700'000'000'000'000'001,
               .finished_ns = 1'700'000'000'000'000'002,
               .supervisor_pid = 42,
               .supervisor_start = 18'000'000'000'000'000'000U,
               .boot_id = "b",
               .clock_offset_ns = -7,
               .head_commit = "c0ffee",
               .user_kind = "root",
               .flavour = OverlayFlavour::kTrusted,
               .redirect_dir = true,
               .layers = {{"project", "/home/u/p", "/home/u/p", "upper/project", "work/project",
                           "mask/project", 66, 4711, 42}},
               .outcome = RunOutcome{.cause = "exited", .exit_code = 3},
               .ambit_version = "0.1.0"};
  return meta;
}

TEST(RunMeta, SurvivesWritingAndReadingWithAnyBytes) {
  const auto read = DecodeMeta(EncodeMeta(Example()));
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(*read, Example());
  RunMeta running = Example();
  running.finished_ns.reset();
  running.outcome.reset();
  running.direct = true;
  running.keep = true;
  running.published = {{.host = 8080, .inside = 80}, {.host = 3000, .inside = 3000}};
  EXPECT_EQ(*DecodeMeta(EncodeMeta(running)), running);
}

TEST(RunMeta, GarbageIsAnErrorAndNeverACrash) {
  const std::string good = EncodeMeta(Example());
  for (std::size_t length = 0; length + 2 < good.size(); ++length) {
    EXPECT_FALSE(DecodeMeta(good.substr(0, length))) << length;
  }
  std::mt19937 random(1);
  for (int i = 0; i < 5000; ++i) {
    std::string bad = good;
    for (int k = 0; k < 3; ++k) bad[random() % bad.size()] = static_cast<char>(random());
    (void)DecodeMeta(bad);
  }
  EXPECT_FALSE(DecodeMeta("[]"));
  EXPECT_FALSE(DecodeMeta(std::string(1'000'000, '[')));
  EXPECT_EQ(DecodeMeta("{\"format\":2}").error().code, Errc::kUnsupported);
}

TEST(RunMeta, ANumberOutOfRangeIsAnError) {
  std::string text = EncodeMeta(Example());
  const std::string field = "\"supervisor_pid\": 42";
  ASSERT_NE(text.find(field), std::string::npos);
  text.replace(text.find(field), field.size(), "\"supervisor_pid\": 99999999999");
  EXPECT_FALSE(DecodeMeta(text));
}

TEST(RunStore, ChoosesTheRootAsTheBaseDirectorySpecificationSays) {
  EXPECT_EQ(RunStore::DefaultRoot("/home/u", ""), "/home/u/.local/state/ambit/runs");
  EXPECT_EQ(RunStore::DefaultRoot("/home/u", "relative"), "/home/u/.local/state/ambit/runs");
  EXPECT_EQ(RunStore::DefaultRoot("/home/u", "/s"), "/s/ambit/runs");
}

TEST(RunStore, MakesEveryDirectoryPrivate) {
  const TempTree tree;
  const std::string root = tree.path() / "state/ambit/runs";
  EXPECT_EQ(RunStore::Open(root, false).error().code, Errc::kNotFound);
  const mode_t umask_before = ::umask(0);
  auto store = RunStore::Open(root, true);
  ASSERT_TRUE(store) << store.error().what;
  const auto run = store->Create(*NewRunId());
  ::umask(umask_before);
  ASSERT_TRUE(run);
  EXPECT_TRUE(IsRunId(run->id));
  for (const fs::path& path : {tree.path() / "state", tree.path() / "state/ambit", fs::path(root),
                               fs::path(run->path), fs::path(run->path) / "upper"}) {
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all) << path;
  }
  EXPECT_TRUE(RunStore::Open(root, false));
}

TEST(RunStore, RefusesARootThatOthersControl) {
  const TempTree tree;
  const fs::path root = tree.path() / "runs";
  fs::create_directory(root);
  fs::permissions(root, fs::perms::owner_all | fs::perms::group_write);
  EXPECT_EQ(RunStore::Open(root, true).error().code, Errc::kDenied);
  fs::permissions(root, fs::perms::owner_all);
  EXPECT_TRUE(RunStore::Open(root, true));
  fs::permissions(tree.path(), fs::perms::all);  // anybody could replace runs/
  EXPECT_EQ(RunStore::Open(root, true).error().code, Errc::kDenied);
  fs::permissions(tree.path(), fs::perms::owner_all);
  fs::create_directory_symlink("runs", tree.path() / "link");
  EXPECT_FALSE(RunStore::Open(tree.path() / "link", true));
  EXPECT_FALSE(RunStore::Open("relative", true));
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(root.c_str(), 65534, 65534), 0);
    EXPECT_EQ(RunStore::Open(root, true).error().code, Errc::kDenied);
  }
}

TEST(RunStore, ListsNewestFirstAndBrokenOnesLast) {
  const TempTree tree;
  auto store = RunStore::Open(tree.path() / "runs", true);
  ASSERT_TRUE(store);
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    const auto run = store->Create(*NewRunId());
    ASSERT_TRUE(run);
    RunMeta meta = Example(run->id);
    meta.project = i == 1 ? "/other" : "/mine";
    meta.started_ns = 100 + i;
    ASSERT_TRUE(RunStore::WriteMeta(*run, meta));
    ids.push_back(run->id);
  }
  const auto broken = store->Create(*NewRunId());
  ASSERT_TRUE(broken);
  WriteAll(fs::path(broken->path) / kMetaFile, "{ half");
  WriteAll(tree.path() / "runs/stray", "not a run");

  const auto runs = store->List();
  ASSERT_TRUE(runs);
  ASSERT_EQ(runs->size(), 4U);
  EXPECT_EQ((*runs)[0].id, ids[2]);
  EXPECT_EQ((*runs)[2].id, ids[0]);
  EXPECT_EQ((*runs)[3].id, broken->id);
  EXPECT_FALSE((*runs)[3].meta);
  EXPECT_EQ(store->NewestOf("/mine")->id, ids[2]);
  EXPECT_EQ(store->NewestOf("/other")->id, ids[1]);
  EXPECT_EQ(store->NewestOf("/none").error().code, Errc::kNotFound);
}

TEST(RunStore, ARecordOfAnotherRunIsNotBelieved) {
  const TempTree tree;
  auto store = RunStore::Open(tree.path() / "runs", true);
  const auto run = store->Create(*NewRunId());
  ASSERT_TRUE(run);
  ASSERT_TRUE(RunStore::WriteMeta(*run, Example("r-zzzzzzzz")));
  EXPECT_FALSE(RunStore::ReadMeta(*run));
}

TEST(RunStore, AReaderNeverSeesHalfAFile) {
  const TempTree tree;
  auto store = RunStore::Open(tree.path() / "runs", true);
  const auto run = store->Create(*NewRunId());
  ASSERT_TRUE(run);
  RunMeta meta = Example(run->id);
  meta.argv.assign(3000, std::string(100, 'x'));
  ASSERT_TRUE(RunStore::WriteMeta(*run, meta));
  const pid_t writer = ::fork();
  if (writer == 0) {
    for (;;) (void)RunStore::WriteMeta(*run, meta);
  }
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(RunStore::ReadMeta(*run));
  ::kill(writer, SIGKILL);
  int status = 0;
  ::waitpid(writer, &status, 0);
  EXPECT_TRUE(RunStore::ReadMeta(*run));
  EXPECT_TRUE(RunStore::WriteMeta(*run, meta));  // what the dead writer left is no obstacle
}

TEST(RunStore, OpensRunsByIdOnly) {
  const TempTree tree;
  auto store = RunStore::Open(tree.path() / "runs", true);
  for (const char* id : {"..", "r-../../..", "r-ABCDEFGH", "r-0000000", "r-00000000x", ""}) {
    EXPECT_EQ(store->OpenRun(id).error().code, Errc::kInvalidArgument) << id;
  }
  EXPECT_EQ(store->OpenRun("r-00000000").error().code, Errc::kNotFound);
}

TEST(IsAlive, NamesTheVeryProcess) {
  RunMeta meta = Example();
  meta.finished_ns.reset();
  ASSERT_TRUE(SetSupervisorToSelf(meta));
  EXPECT_TRUE(IsAlive(meta));
  RunMeta recycled = meta;
  recycled.supervisor_start += 1;
  EXPECT_FALSE(IsAlive(recycled));
  RunMeta rebooted = meta;
  rebooted.boot_id = "another";
  EXPECT_FALSE(IsAlive(rebooted));
  RunMeta finished = meta;
  finished.finished_ns = 1;
  EXPECT_FALSE(IsAlive(finished));
}

}  // namespace
}  // namespace ambit::workspace
