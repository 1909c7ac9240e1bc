#include "policy/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ambit::policy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A machine on which npm has a registry, and another one on a port of its own.
const Host kHost{
    .real = [](const std::string& path) { return path; },
    .exists = [](const std::string&) { return true; },
    .registries =
        [](Ecosystem ecosystem) {
          PackageHosts hosts;
          if (ecosystem != Ecosystem::kNpm) return hosts;
          const Origin origin{.source = SourceKind::kPreset, .name = "npm's registry (~/.npmrc:3)"};
          hosts.allow = {{.text = "npm.corp:443", .value = {}, .origin = origin}};
          hosts.set = {
              {.text = "NPM_CONFIG_REGISTRY", .value = "https://npm.corp/", .origin = origin}};
          hosts.notes = {{.text = "it is at 4873", .host_port = 4873}, {.text = "another"}};
          return hosts;
        }};

Loaded LoadOf(LoadRequest request) {
  request.home = request.managed_home = "/home/ann";
  return Load(request, kHost);
}

std::vector<std::string> TextsOf(const Loaded& loaded, std::string_view key) {
  std::vector<std::string> texts;
  if (const Setting* setting = loaded.merged.Find(key)) {
    for (const Item& item : setting->items) texts.push_back(item.text);
  }
  return texts;
}

Source From(SourceKind source, std::string text) {
  return {.source = source,
          .name = "policy.toml",
          .text = std::move(text),
          .trusted = source != SourceKind::kProject,
          .base = {}};
}

TEST(Load, GivesTheRegistriesOfAPresetThatIsChosen) {
  const Loaded npm = LoadOf({.command = "npm"});
  EXPECT_THAT(TextsOf(npm, "net.allow"), ElementsAre("npm.corp:443"));
  EXPECT_THAT(TextsOf(npm, "env.set"), ElementsAre("NPM_CONFIG_REGISTRY"));
  EXPECT_EQ(ToPolicy(npm.merged).net.allow[0].from, "npm's registry (~/.npmrc:3)");
  const Loaded named = LoadOf({.files = {From(SourceKind::kUser, "extends=['node']")}});
  EXPECT_THAT(TextsOf(named, "net.allow"), ElementsAre("npm.corp:443"));
  EXPECT_THAT(TextsOf(LoadOf({.command = "cargo"}), "net.allow"), IsEmpty());
}

TEST(Load, GivesNoRegistryForWhatOnlyAnotherPresetExtends) {
  EXPECT_THAT(TextsOf(LoadOf({.command = "pi"}), "net.allow"), IsEmpty());
  EXPECT_THAT(LoadOf({.command = "pi"}).presets, Contains("node"));
  const Loaded both =
      LoadOf({.files = {From(SourceKind::kUser, "extends=['node']")}, .command = "pi"});
  EXPECT_THAT(TextsOf(both, "net.allow"), ElementsAre("npm.corp:443"));
}

TEST(Load, GivesNoRegistryToAProjectThatIsNotTrusted) {
  EXPECT_THAT(
      TextsOf(LoadOf({.files = {From(SourceKind::kProject, "extends=['node']")}}), "net.allow"),
      IsEmpty());
}

TEST(Load, BoundsRegistriesByTheManagedPolicy) {
  const auto with = [](std::string managed) {
    LoadRequest request{.command = "npm"};
    request.managed = From(SourceKind::kManaged, std::move(managed));
    return LoadOf(std::move(request));
  };
  const Loaded bounded = with("[net]\nallow=['*.example.com']\n[env]\npass=['LANG']");
  EXPECT_THAT(TextsOf(bounded, "net.allow"), IsEmpty());
  EXPECT_THAT(TextsOf(bounded, "env.set"), IsEmpty());
  ASSERT_EQ(bounded.merged.left_out.size(), 2U);
  EXPECT_THAT(Describe(bounded.merged.left_out[1]), HasSubstr("npm's registry (~/.npmrc:3)"));
  EXPECT_THAT(TextsOf(with("[net]\nallow=['npm.corp:443']"), "net.allow"),
              ElementsAre("npm.corp:443"));
}

TEST(Load, TellsOfARegistryOnThisMachineUntilItsPortIsOpen) {
  EXPECT_THAT(LoadOf({.command = "npm"}).notes, ElementsAre("it is at 4873", "another"));
  const Loaded open =
      LoadOf({.files = {From(SourceKind::kUser, "[net]\nhost_ports=[4873]")}, .command = "npm"});
  EXPECT_THAT(open.notes, ElementsAre("another"));
}

TEST(Load, WithoutNamesGivesNoneOfAnybodyAndLeavesPortsAndDenials) {
  LoadRequest request{
      .files = {From(SourceKind::kUser,
                     "extends=['claude']\n[net]\nallow=['a.example']\ndeny=['b.example']\n"
                     "host_ports=[5432]\nask=true\npublish=['3000']")},
      .command = "npm"};
  EXPECT_THAT(TextsOf(LoadOf(request), "net.allow"), Contains("a.example"));
  request.without_names = true;
  const Loaded loaded = LoadOf(request);
  EXPECT_THAT(TextsOf(loaded, "net.allow"), IsEmpty());
  EXPECT_THAT(TextsOf(loaded, "net.deny"), ElementsAre("b.example"));
  EXPECT_THAT(TextsOf(loaded, "net.host_ports"), ElementsAre("5432"));
  EXPECT_THAT(TextsOf(loaded, "net.publish"), ElementsAre("3000"));
  EXPECT_THAT(TextsOf(loaded, "net.ask"), IsEmpty());
  EXPECT_THAT(TextsOf(loaded, "env.set"), ::testing::Not(Contains("NPM_CONFIG_REGISTRY")));
  EXPECT_THAT(loaded.notes, IsEmpty());
}

}  // namespace
}  // namespace ambit::policy
