#include "policy/schema.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "policy/options.h"
#include "policy/values.h"

namespace ambit::policy {
namespace {

nlohmann::json Parsed() { return nlohmann::json::parse(JsonSchema()); }

/// The schema of "fs.ro", "extends".
nlohmann::json Of(std::string_view key) {
  std::string pointer = "/properties/";
  for (char c : key) pointer += c == '.' ? "/properties/" : std::string(1, c);
  return Parsed().at(nlohmann::json::json_pointer(pointer));
}

bool Matches(const std::regex& pattern, const std::string& text) {
  return std::regex_search(text, pattern);
}

/// Calls `check` with every text of up to `length` letters of `alphabet`.
template <class Check>
void ForEachText(std::string_view alphabet, std::size_t length, const Check& check,
                 const std::string& text = {}) {
  check(text);
  if (text.size() == length) return;
  for (char letter : alphabet) ForEachText(alphabet, length, check, text + letter);
}

/// Every short text is taken by the schema's pattern exactly when the reader takes it.
void ExpectSame(std::string_view key, const std::string& pattern, std::string_view alphabet,
                std::size_t length) {
  const Option& option = *FindOption(key);
  const std::regex regex(pattern);
  std::size_t taken = 0;
  std::size_t refused = 0;
  ForEachText(alphabet, length, [&](const std::string& text) {
    if (::testing::Test::HasFailure()) return;
    const Item item{.text = text, .value = {}, .origin = {}};
    const bool fits = CheckItem(option, item, SourceKind::kProject).has_value();
    (fits ? taken : refused) += 1;
    ASSERT_EQ(Matches(regex, text), fits) << key << " '" << text << "'";
  });
  EXPECT_GT(taken, 0U);
  EXPECT_GT(refused, 0U);
}

TEST(Schema, IsTheGoldenText) {
  const std::string path = AMBIT_SCHEMA_GOLDEN;
  if (std::getenv("AMBIT_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << JsonSchema();
    return;
  }
  std::ostringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(JsonSchema(), golden.str()) << "AMBIT_UPDATE_GOLDEN=1 writes " << path << " anew";
}

TEST(Schema, HasEveryKeyWithItsSentence) {
  for (const Option& option : Options()) {
    const nlohmann::json schema = Of(option.key);
    EXPECT_TRUE(schema.at("description").get<std::string>().starts_with(option.doc)) << option.key;
    EXPECT_TRUE(schema.contains("type")) << option.key;
  }
  for (const TestKey& key : TestKeys()) {
    EXPECT_TRUE(Of("test").at("items").at("properties").contains(key.key)) << key.key;
  }
}

TEST(Schema, TakesThePatternsOfFilesThatTheReaderTakes) {
  const std::string pattern = Of("fs.hide").at("items").at("pattern");
  ExpectSame("fs.hide", pattern, "a.*/", 7);
  ExpectSame("fs.hide", pattern, "a?/", 6);
  ExpectSame("fs.hide", pattern, std::string("a./\0", 4), 5);
}

TEST(Schema, TakesThePathsThatTheReaderTakes) {
  const std::string pattern = Of("fs.ro").at("items").at("pattern");
  ExpectSame("fs.ro", pattern, std::string("a.~/\0", 5), 5);
}

TEST(Schema, TakesTheNamesThatTheReaderTakes) {
  ExpectSame("env.pass", Of("env.pass").at("items").at("pattern"), "aZ_0-=", 4);
  ExpectSame("env.set", Of("env.set").at("propertyNames").at("pattern"), "aZ_0-=", 4);
  ExpectSame("fs.files", Of("fs.files").at("propertyNames").at("pattern"), "a.~/", 4);
}

TEST(Schema, TakesThePortsThatTheReaderTakes) {
  const auto pattern = [](std::string_view key) -> std::string {
    return Of(key).at("items").at("pattern");
  };
  ExpectSame("net.host_ports", pattern("net.host_ports"), "0156:", 6);
  ExpectSame("net.publish", pattern("net.publish"), "016:", 7);
}

/// Digits are ones, so that no value is too little or too much: that only the reader says.
TEST(Schema, TakesTheLimitsThatTheReaderTakes) {
  const auto pattern = [](std::string_view key) {
    const nlohmann::json schema = Of(key);
    return schema.at("pattern").get<std::string>();
  };
  EXPECT_EQ(Of("limits.time").at("minLength"), 1);
  ForEachText("1hms", 6, [&](const std::string& text) {
    if (text.empty() || ::testing::Test::HasFailure()) return;
    static const std::regex regex(pattern("limits.time"));
    EXPECT_EQ(Matches(regex, text), ParseLimit(Limit::kTime, text).has_value()) << text;
  });
  ExpectSame("limits.cpus", pattern("limits.cpus"), "1.-", 5);
  const std::regex size(pattern("limits.disk"));
  for (const char* number : {"22222222", "22222222.5", "2222222.", ".2222222", "none", ""}) {
    for (const char* unit :
         {"", " ", "  ", "B", "kB", "KB", "KiB", "MB", " MiB", "GiB", "G", "b"}) {
      const std::string text = std::string(number) + unit;
      EXPECT_EQ(Matches(size, text), ParseLimit(Limit::kDisk, text).has_value()) << text;
    }
  }
}

}  // namespace
}  // namespace ambit::policy
