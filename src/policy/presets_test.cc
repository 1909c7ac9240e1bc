#include "policy/presets.h"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <string>

#include "policy/toml_reader.h"

namespace ambit::policy {
namespace {

TEST(Presets, AreSortedAndNamedAsTheirFiles) {
  ASSERT_FALSE(Presets().empty());
  std::string_view before;
  for (const Preset& preset : Presets()) {
    EXPECT_LT(before, preset.name);
    before = preset.name;
    EXPECT_TRUE(
        std::ifstream(std::string(AMBIT_PRESETS_DIR "/") + std::string(preset.name) + ".toml"));
  }
}

TEST(Presets, AreReadWithoutAMistakeAndSayWhatTheyAreFor) {
  for (const Preset& preset : Presets()) {
    const ReadPolicy read = ReadToml(preset.text, SourceKind::kPreset, std::string(preset.name));
    for (const Mistake& mistake : read.mistakes) ADD_FAILURE() << Describe(mistake);
    EXPECT_FALSE(read.document.about.empty()) << preset.name;
  }
}

TEST(Presets, GiveAReasonOnEachLineThatGivesSomething) {
  const std::regex gives(R"re(^\s*("|[A-Za-z_"~/.]+"?\s*=\s*["0-9]).*)re");
  const std::regex header(R"(^(about|commands)\s*=.*)");
  for (const Preset& preset : Presets()) {
    std::size_t line_number = 0;
    std::string_view rest = preset.text;
    bool in_text = false;  // of a file, which has its reason where it begins
    while (!rest.empty()) {
      const std::string line(rest.substr(0, rest.find('\n')));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      ++line_number;
      const bool fence = line.contains("'''");
      if (!in_text && std::regex_match(line, gives) && !std::regex_match(line, header)) {
        EXPECT_TRUE(line.contains(" # ")) << preset.name << ":" << line_number << ": " << line;
      }
      if (fence && line.find("'''") == line.rfind("'''")) in_text = !in_text;
    }
  }
}

TEST(Presets, AreChosenByNoTwoOfOneCommand) {
  std::set<std::string> commands;
  for (const Preset& preset : Presets()) {
    for (const std::string& command : ReadPreset(preset).commands) {
      EXPECT_TRUE(commands.insert(command).second) << command;
      ASSERT_NE(PresetOfCommand(command), nullptr);
      EXPECT_EQ(PresetOfCommand(command)->name, preset.name);
    }
  }
  EXPECT_EQ(PresetOfCommand("true"), nullptr);
}

TEST(Presets, NeverPassAVariableOfTheHostNorShowACredential) {
  for (const Preset& preset : Presets()) {
    const Document document = ReadPreset(preset);
    EXPECT_EQ(document.Find("env.pass"), nullptr) << preset.name;
    EXPECT_EQ(document.Find("fs.unmask"), nullptr) << preset.name;
    for (const char* key : {"fs.ro", "fs.cow"}) {
      const Setting* setting = document.Find(key);
      if (setting == nullptr) continue;
      for (const Item& item : setting->items) {
        for (const char* whole : {"~", "~/.cargo", "~/.config", "~/.npm", "~/.local", "~/.ssh",
                                  "~/.aws", "~/.claude", "~/.codex", "~/.gemini", "~/.copilot"}) {
          EXPECT_NE(item.text, whole) << preset.name << ": holds credentials";
        }
      }
    }
  }
}

}  // namespace
}  // namespace ambit::policy
