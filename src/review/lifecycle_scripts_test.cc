#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "review/gate.h"

namespace ambit::review {
namespace {

TEST(IsPackageJson, ByTheNameHoweverItIsWritten) {
  for (const char* path :
       {"package.json", "a/b/package.json", "PACKAGE.JSON", "Package.json.", "package.json ",
        "package.json::$DATA", "x/pac\xE2\x80\x8Bkage.json", "packag~1.jso",
        "\xEF\xBC\xB0"
        "ackage.json"}) {
    EXPECT_TRUE(IsPackageJson(path)) << path;
    EXPECT_GE(GateOf(path).verdict, GateVerdict::kShown) << path;  // the list sees the same name
  }
  for (const char* path :
       {"", "package.json/x", "xpackage.json", "package.json5", "package-json"}) {
    EXPECT_FALSE(IsPackageJson(path)) << path;
  }
}

TEST(LifecycleScripts, AreAskedForWhenTheyChange) {
  const char* plain = R"({"name":"x","scripts":{"test":"jest","build":"tsc"}})";
  for (const char* script : {"preinstall", "install", "postinstall", "prepare", "preprepare",
                             "postprepare", "prepublish", "prepublishOnly", "prepack", "postpack",
                             "dependencies", "pnpm:devPreinstall"}) {
    const std::string with = fmt::format(R"({{"scripts":{{"{}":"x"}}}})", script);
    const std::string other = fmt::format(R"({{"scripts":{{"{}":"y"}}}})", script);
    EXPECT_TRUE(LifecycleScriptsChanged(plain, with)) << script;
    EXPECT_TRUE(LifecycleScriptsChanged(with, plain)) << script;
    EXPECT_TRUE(LifecycleScriptsChanged(with, other)) << script;
    EXPECT_TRUE(LifecycleScriptsChanged("", with)) << script;
    EXPECT_TRUE(LifecycleScriptsChanged(with, "")) << script;
    EXPECT_FALSE(LifecycleScriptsChanged(with, " " + with + "\n")) << script;
  }
  EXPECT_TRUE(LifecycleScriptsChanged(plain, R"({"scripts":{"post\u0069nstall":"x"}})"));
  EXPECT_TRUE(LifecycleScriptsChanged("{}", R"({"husky":{"hooks":{"pre-commit":"x"}}})"));
  EXPECT_TRUE(
      LifecycleScriptsChanged("{}", R"({"packageManager":"yarn@https://x.example/y.tgz"})"));
  EXPECT_TRUE(LifecycleScriptsChanged("{}", R"({"trustedDependencies":["x"]})"));
}

TEST(LifecycleScripts, OtherEditsOfAPackageAreOrdinary) {
  const char* before = R"({"version":"1.0.0","scripts":{"prepare":"husky","test":"jest"}})";
  EXPECT_FALSE(LifecycleScriptsChanged(before, before));
  EXPECT_FALSE(LifecycleScriptsChanged(
      before,
      R"({"version":"1.1.0","dependencies":{"x":"^1"},"scripts":{"test":"vitest","lint":"eslint .",
          "prepare":"husky"}})"));
  EXPECT_FALSE(LifecycleScriptsChanged("", R"({"name":"new","scripts":{"start":"node ."}})"));
  EXPECT_FALSE(LifecycleScriptsChanged(R"({"install":"x"})", R"({"postinstall":"y"})"));
}

TEST(LifecycleScripts, NobodyCanSayWhatHostileTextsMean) {
  const std::string deep(100'000, '[');
  for (const std::string& text :
       {std::string("{"), std::string("[]"), std::string("null"), std::string("not json"), deep,
        std::string(R"({"scripts":[]})"), std::string(R"({"scripts":"x"})"),
        std::string(R"({"scripts":{},"scripts":{"test":"x"}})"),
        std::string(R"({"scripts":{"test":"a","test":"b"}})"),
        std::string(R"({"a":)") + std::string(70, '[') + std::string(70, ']') + "}",
        std::string("{\"a\":\"\xff\"}"), std::string(R"({"a":"\ud800"})"), std::string("{/**/}"),
        R"({"a":")" + std::string(5U << 20, 'x') + "\"}"}) {
    EXPECT_TRUE(LifecycleScriptsChanged("{}", text)) << text.substr(0, 60);
    EXPECT_TRUE(LifecycleScriptsChanged(text, "{}")) << text.substr(0, 60);
    EXPECT_FALSE(LifecycleScriptsChanged(text, text)) << text.substr(0, 60);
  }
}

}  // namespace
}  // namespace ambit::review
