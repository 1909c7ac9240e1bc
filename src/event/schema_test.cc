#include "event/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

namespace ambit::event {
namespace {

using ::testing::HasSubstr;

std::string ReadText(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << path;
  return text.str();
}

std::vector<std::string> All(const std::string& text, const char* pattern) {
  const std::regex regex(pattern);
  std::vector<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) {
    found.push_back((*it)[1]);
  }
  return found;
}

/// The rows of one section of the page: name and type.
struct Section {
  std::vector<std::string> events;
  std::map<std::string, std::string> fields;
};

std::vector<Section> SectionsOfThePage() {
  std::vector<Section> sections;
  std::istringstream page(ReadText(AMBIT_EVENTS_PAGE));
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) {
      sections.push_back({});
    } else if (line.starts_with("### ")) {
      sections.push_back({.events = All(line, R"(([a-z_]+\.[a-z_]+|denial))"), .fields = {}});
    } else if (line.starts_with("| `") && !sections.empty()) {
      const std::size_t second = line.find('|', 1);
      const std::size_t third = line.find('|', second + 1);
      const std::vector<std::string> names = All(line.substr(0, second), "`([a-z0-9_]+)`");
      const std::vector<std::string> types =
          All(line.substr(second, third - second), "(number|bool|list|string(?!s))");
      for (std::size_t i = 0; i < names.size(); ++i) {
        sections.back().fields[names[i]] = types.at(types.size() == 1 ? 0 : i);
      }
    }
  }
  return sections;
}

TEST(Schema, HasEveryNameOfTheVocabularyAndNoOther) {
  const std::vector<std::string> declared = All(
      ReadText(AMBIT_EVENTS_HEADER), R"(inline constexpr std::string_view k\w+ =\s+"([^"]+)\")");
  EXPECT_GT(declared.size(), 20U);
  std::set<std::string> names;
  for (const EventSchema& event : Events()) names.emplace(event.name);
  EXPECT_EQ(names, std::set<std::string>(declared.begin(), declared.end()));
  EXPECT_EQ(names.size(), Events().size()) << "one is there twice";
}

TEST(Schema, IsWhatThePageSays) {
  std::set<std::string> told;
  for (const Section& section : SectionsOfThePage()) {
    for (const std::string& name : section.events) {
      const EventSchema* event = FindEvent(name);
      ASSERT_NE(event, nullptr) << name << " is on the page and not in the table";
      told.insert(name);
      for (const FieldSchema& field : event->fields) {
        const auto row = section.fields.find(std::string(field.name));
        ASSERT_NE(row, section.fields.end()) << name << "." << field.name << " is not on the page";
        EXPECT_TRUE(NameOf(field.type).starts_with(row->second)) << name << "." << field.name;
      }
    }
    for (const auto& [field, type] : section.fields) {
      const bool known = section.events.empty()
                             ? std::ranges::count(CommonFields(), field, &FieldSchema::name) == 1
                             : std::ranges::any_of(section.events, [&](const std::string& name) {
                                 return std::ranges::count(FindEvent(name)->fields, field,
                                                           &FieldSchema::name) == 1;
                               });
      EXPECT_TRUE(known) << field << " is on the page and not in the table";
    }
  }
  for (const EventSchema& event : Events()) {
    EXPECT_TRUE(told.contains(std::string(event.name))) << event.name << " is not on the page";
  }
}

TEST(Schema, TellsWhatDoesNotAgree) {
  EXPECT_EQ(Disagreement({kRunEnded, {{"cause", std::string("exited")}}}), std::nullopt);
  EXPECT_THAT(Disagreement({"run.endless", {}}).value_or(""), HasSubstr("no event"));
  EXPECT_THAT(Disagreement({kRunEnded, {{"why", std::string()}}}).value_or(""), HasSubstr("'why'"));
  EXPECT_THAT(Disagreement({kRunEnded, {{"cause", true}}}).value_or(""),
              HasSubstr("run.ended.cause is no string"));
}

TEST(Schema, IsJsonThatNamesEveryEventAndField) {
  const nlohmann::json schema = nlohmann::json::parse(JsonSchema());
  EXPECT_EQ(schema.at("properties").at("event").at("enum").size(), Events().size());
  ASSERT_EQ(schema.at("allOf").size(), Events().size());
  for (std::size_t i = 0; i < Events().size(); ++i) {
    const EventSchema& event = Events()[i];
    const nlohmann::json& rule = schema.at("allOf").at(i);
    EXPECT_EQ(rule.at("if").at("properties").at("event").at("const"), event.name);
    const nlohmann::json& properties = rule.at("then").at("properties");
    EXPECT_EQ(properties.size(), event.fields.size() + CommonFields().size()) << event.name;
    for (const FieldSchema& field : event.fields) {
      EXPECT_TRUE(properties.at(std::string(field.name)).contains("type")) << field.name;
    }
  }
}

}  // namespace
}  // namespace ambit::event
