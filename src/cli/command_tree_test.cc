#include "cli/command_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include <CLI/CLI.hpp>

#include "policy/presets.h"

namespace ambit::cli {
namespace {

using ::testing::ElementsAre;

const Flag* FindFlag(const Command& command, std::string_view name) {
  for (const Flag& flag : command.flags) {
    if (std::ranges::find(flag.names, name) != flag.names.end()) return &flag;
  }
  return nullptr;
}

TEST(CommandTree, HasWhatTheParserTakes) {
  CLI::App app("About it.", "tool");
  CLI::App* show = app.add_subcommand("policy", "Two deep")->add_subcommand("show", "The leaf");
  std::vector<std::string> many;
  std::string one;
  bool set = false;
  show->add_option("-C", one, "A directory")->type_name("DIR");
  show->add_option("--color", one, "When")->check(CLI::IsMember({"auto", "never"}));
  show->add_option_group("form")->add_flag("-j,--json", set, "For programs");
  show->add_option("run", one, "The run");
  show->add_option("path", many, "Paths")->required();
  app.add_subcommand("hidden", "Not told")->group("");

  const Command tree = TreeOf(app);
  EXPECT_EQ(tree.about, "About it.");
  ASSERT_EQ(tree.commands.size(), 1U);
  const std::vector<const Command*> all = All(tree);
  ASSERT_EQ(all.size(), 3U);
  const Command& leaf = *all[2];
  EXPECT_EQ(NameOf(leaf), "tool policy show");

  ASSERT_EQ(leaf.flags.size(), 4U) << "one --help, though the group has its own";
  EXPECT_EQ(FindFlag(leaf, "-C")->value.fill, Fill::kDirectories);
  EXPECT_THAT(FindFlag(leaf, "--color")->value.choices, ElementsAre("auto", "never"));
  EXPECT_EQ(FindFlag(leaf, "--color")->value.name, "auto|never");
  EXPECT_THAT(FindFlag(leaf, "--json")->names, ElementsAre("-j", "--json"));
  EXPECT_FALSE(FindFlag(leaf, "--json")->takes_value);

  ASSERT_EQ(leaf.arguments.size(), 2U);
  EXPECT_EQ(leaf.arguments[0].value.fill, Fill::kRuns);
  EXPECT_FALSE(leaf.arguments[0].required);
  EXPECT_EQ(leaf.arguments[1].value.name, "PATH");
  EXPECT_TRUE(leaf.arguments[1].many);
  EXPECT_TRUE(leaf.arguments[1].required);
}

TEST(CommandTree, KnowsWhichCommandsSpeakToRunsThatGoOn) {
  const Command ambit = AmbitTree();
  const auto fill_of = [&](const char* name) {
    const auto command = std::ranges::find(ambit.commands, name, NameOf);
    return command != ambit.commands.end() ? command->arguments.at(0).value.fill : Fill::kNothing;
  };
  for (const char* live : {"ambit approve", "ambit deny", "ambit publish"}) {
    EXPECT_EQ(fill_of(live), Fill::kLiveRuns) << live;
  }
  EXPECT_EQ(fill_of("ambit why"), Fill::kRuns);
}

TEST(CommandTree, KnowsWhichFlagsAreKeysOfAFile) {
  const Command ambit = AmbitTree();
  const auto run = std::ranges::find(ambit.commands, "ambit run", NameOf);
  ASSERT_NE(run, ambit.commands.end());
  ASSERT_NE(FindFlag(*run, "--ro"), nullptr);
  ASSERT_NE(FindFlag(*run, "--ro")->option, nullptr);
  EXPECT_EQ(FindFlag(*run, "--ro")->option->key, "fs.ro");
  EXPECT_EQ(FindFlag(*run, "--ro")->value.fill, Fill::kPaths);
  EXPECT_EQ(FindFlag(*run, "--project")->value.choices.size(), 3U);
  EXPECT_EQ(FindFlag(*run, "--env")->value.fill, Fill::kVariables);
  EXPECT_EQ(FindFlag(*run, "--keep-run")->option, nullptr);
  EXPECT_EQ(run->arguments.back().value.fill, Fill::kCommand);

  const auto prune = std::ranges::find(ambit.commands, "ambit prune", NameOf);
  ASSERT_NE(prune, ambit.commands.end());
  EXPECT_EQ(FindFlag(*prune, "--keep")->option, nullptr) << "it counts runs there";
}

TEST(CommandTree, OffersTheNamesOfPresetsThatThereAre) {
  std::vector<std::string> names;
  for (const policy::Preset& preset : policy::Presets()) names.emplace_back(preset.name);
  CLI::App app("", "tool");
  std::vector<std::string> given;
  app.add_option("--preset", given, std::string(policy::FindOption("extends")->doc));
  app.add_option("preset", given, "One of them");
  const Command tree = TreeOf(app);
  EXPECT_EQ(FindFlag(tree, "--preset")->value.choices, names);
  EXPECT_EQ(tree.arguments.front().value.choices, names);
  EXPECT_FALSE(names.empty());
}

TEST(CommandTree, TellsEveryFlagAndCommandInWords) {
  for (const Command* command : All(AmbitTree())) {
    EXPECT_FALSE(command->about.empty()) << NameOf(*command);
    for (const Flag& flag : command->flags) EXPECT_FALSE(flag.doc.empty()) << flag.names.back();
    for (const Argument& argument : command->arguments) {
      EXPECT_FALSE(argument.doc.empty()) << NameOf(*command) << " " << argument.value.name;
    }
  }
}

}  // namespace
}  // namespace ambit::cli
