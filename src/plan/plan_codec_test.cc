#include "plan/plan_codec.h"

#include <gtest/gtest.h>

#include <string>

#include "policy/private_names.h"

namespace ambit::plan {
namespace {

/// A value in every field, also in those that ordinary plans leave alone.
LaunchPlan FullPlan() {
  LaunchPlan plan;
  plan.identity = {.started_by_root = true,
                   .inside_uid = 1,
                   .inside_gid = 2,
                   .outside_uid = 3,
                   .outside_gid = 4,
                   .others_base = 5,
                   .disk_uid = 6,
                   .disk_gid = 7,
                   .egress_uid = 8,
                   .user_name = "ann"};
  plan.hostname = "host";
  plan.root = {{.kind = RootEntry::Kind::kFile,
                .path = "/etc/x",
                .content = std::string("a\0b", 3),
                .mode = 0640},
               {}};
  plan.mounts = {{.kind = Mount::Kind::kLayer,
                  .inside = "/p",
                  .host = "/q",
                  .host_id = sys::FileId{.device = 9, .inode = 10},
                  .layer = 11,
                  .directory = false,
                  .read_only = true,
                  .sealed_with_root = true,
                  .device = true,
                  .without_sockets = true,
                  .owned = true,
                  .mode = 01777},
                 {}};
  plan.aliases = {{.kind = RootEntry::Kind::kSymlink, .path = "/a", .content = "b", .mode = 0777}};
  plan.proc_masked = {"kcore", ""};
  plan.proc_read_only = {"sys"};
  plan.layers = {{.name = "project",
                  .inside = "/p",
                  .lower = "/l",
                  .lower_id = sys::FileId{.device = 12, .inode = 13},
                  .masks = {{.path = ".env", .content = "K=", .mode = 0600}}}};
  plan.kept = {{.name = "p-1/q-2", .project = "/p", .place = ".q"}};
  plan.home_files = {{.kind = RootEntry::Kind::kFile, .path = "/h/x", .content = "y"}};
  plan.landlock = {{.inside = "/usr", .access = sys::LandlockAccess::kRead}};
  plan.network = {.capture_port = 14,
                  .host_ports = {80, 443},
                  .publish = {{.host = 3000, .inside = 80}},
                  .capture = policy::Capture::kRedirect};
  plan.network.rules = {
      .allow = {*policy::ParseNetRule("*.a.example:22", "here")},
      .deny = {*policy::ParseNetRule("10.0.0.0/8", "there")},
      .private_names = {*policy::ParsePrivateName("a.example=fd00::5", "--private")}};
  plan.network.proxy = {.host = "p.example",
                        .port = 3128,
                        .with_login = true,
                        .direct = {*policy::ParseNetRule("b.example", {})},
                        .direct_without_dot = true};
  plan.warnings = {"careful"};
  plan.cwd = "/p/src";
  plan.argv = {"sh", "-c", ""};
  plan.environment = {"A=1"};
  plan.path_entries = {"/bin"};
  return plan;
}

TEST(PlanCodec, GivesBackEveryFieldButWhatIsOnDiskByThen) {
  const auto decoded = Decode(Encode(FullPlan()));
  ASSERT_TRUE(decoded);
  LaunchPlan expected = FullPlan();
  expected.root.clear();
  expected.home_files.clear();
  EXPECT_EQ(*decoded, expected);
}

TEST(PlanCodec, GivesBackAnEmptyPlan) {
  const auto decoded = Decode(Encode(LaunchPlan()));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, LaunchPlan());
}

TEST(PlanCodec, RefusesBytesThatAreTooFewOrTooMany) {
  const std::string whole = Encode(FullPlan());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(Decode(std::string_view(whole).substr(0, size))) << size;
  }
  EXPECT_FALSE(Decode(whole + '\0'));
}

}  // namespace
}  // namespace ambit::plan
