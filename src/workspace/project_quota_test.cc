#include "workspace/project_quota.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "base/fd.h"

namespace ambit::workspace {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// In memory, where there never is a quota of projects. Where there is, tests/guest/check looks.
class WithoutProjectQuota : public ::testing::Test {
 protected:
  WithoutProjectQuota() {
    std::string name = "/dev/shm/quota-XXXXXX";
    top_ = ::mkdtemp(name.data());
    for (const char* dir : {"upper", "work", "home"}) fs::create_directory(top_ / dir);
    run_ = Fd(::open(top_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~WithoutProjectQuota() override { fs::remove_all(top_); }

  static plan::LaunchPlan LimitedBy(plan::Means means) {
    plan::LaunchPlan plan;
    plan.limits.all.push_back(
        {.kind = policy::Limit::kDisk, .value = 20U << 20, .means = means, .from = "--disk"});
    return plan;
  }

  fs::path top_;
  Fd run_;
};

TEST_F(WithoutProjectQuota, ARunThatWasPromisedItDoesNotStart) {
  const Status held = HoldByProjectQuota(run_.get(), LimitedBy(plan::Means::kProjectQuota));
  ASSERT_FALSE(held);
  EXPECT_THAT(held.error().what, HasSubstr("hold the limit on the disk by project quota: "));
  EXPECT_THAT(held.error().remedy, HasSubstr("--disk-backing image"));
  LetGoOfProjectQuota(run_.get());
}

TEST_F(WithoutProjectQuota, ARunThatWasPromisedSomethingElseNeedsNone) {
  EXPECT_TRUE(HoldByProjectQuota(run_.get(), LimitedBy(plan::Means::kSampled)));
  EXPECT_TRUE(HoldByProjectQuota(run_.get(), LimitedBy(plan::Means::kSizedImage)));
}

}  // namespace
}  // namespace ambit::workspace
