#include "review/gate_host_git.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "review/consent.h"

namespace ambit::review {
namespace {

using enum GateVerdict;
using Reach = host::ObeyedPlace::Reach;

HostGit Obeying(std::vector<host::ObeyedPlace> places) { return HostGit(places); }

TEST(HostGit, HoldsAPlaceAndWhatIsBelowAHooksDirectory) {
  const HostGit git = Obeying({{"scripts/hooks", Reach::kAllBelow, "hooks"},
                               {"config/shared", Reach::kItself, "included"}});
  EXPECT_EQ(git.GateOf("scripts/hooks/lib/x.sh", false).verdict, kHeld);
  EXPECT_EQ(git.GateOf("scripts/hooks/lib", true).verdict, kHeld);
  EXPECT_EQ(git.GateOf("SCRIPTS/Hooks./pre-commit", false).reason, "hooks");
  EXPECT_EQ(git.GateOf("config/shared", false).reason, "included");
  EXPECT_EQ(git.GateOf("config/shared/x", false).verdict, kOpen);
  EXPECT_EQ(git.GateOf("config/sharedness", false).verdict, kOpen);
  EXPECT_EQ(git.GateOf("scripts/hooks2/x", false).verdict, kOpen);
  EXPECT_EQ(git.GateOf("x/scripts/hooks/pre-commit", false).verdict, kOpen);
}

TEST(HostGit, WhatTakesThePlaceOfADirectoryOnTheWayIsHeld) {
  const HostGit git = Obeying({{"a/b/c", Reach::kItself, "why"}});
  EXPECT_EQ(git.GateOf("a", false).verdict, kHeld);
  EXPECT_EQ(git.GateOf("a/b", false).verdict, kHeld);
  EXPECT_EQ(git.GateOf("a", true).verdict, kOpen);
  EXPECT_EQ(git.GateOf("a/b/c", true).verdict, kOpen);
}

TEST(HostGit, AProjectThatIsAHooksDirectoryHoldsOnlyHooks) {
  const HostGit git = Obeying({{"", Reach::kHookNames, "why"}});
  EXPECT_EQ(git.GateOf("update", false).verdict, kHeld);
  EXPECT_EQ(git.GateOf("bin/update", false).verdict, kOpen);
  EXPECT_EQ(git.GateOf("README.md", false).verdict, kOpen);
  EXPECT_FALSE(git.HoldsAllOf(""));
}

TEST(HostGit, AConsentToAHooksDirectoryStandsForAllInIt) {
  GitDirectories git([](const std::string&) { return false; },
                     Obeying({{"scripts/hooks", Reach::kAllBelow, "hooks"}}));
  EXPECT_EQ(git.GateOf("scripts/hooks/pre-commit").verdict, kHeld);
  EXPECT_TRUE(IsConsented("scripts/hooks/x", std::vector<std::string>{"scripts/hooks"}, git));
  EXPECT_FALSE(IsConsented("scripts/hooks/x", std::vector<std::string>{"scripts"}, git));
}

}  // namespace
}  // namespace ambit::review
