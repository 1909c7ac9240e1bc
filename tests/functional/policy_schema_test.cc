// A validator that knows nothing of ambit, with the schema, against the reader of policies: both
// take the same files.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "policy/options.h"
#include "policy/presets.h"
#include "policy/schema.h"
#include "policy/toml_reader.h"
#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

// Paths of TOML files as arguments; one line for each: what it is, by the schema.
constexpr std::string_view kValidator = R"(
import json, sys, tomllib
from jsonschema import Draft202012Validator
schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
for path in sys.argv[2:]:
    print("good" if validator.is_valid(tomllib.load(open(path, "rb"))) else "bad")
)";

struct Example {
  std::string_view text;
  bool good;
};

constexpr Example kExamples[] = {
    {"", true},
    {"extends = []", true},
    {"extends = [\"node\"]\n[fs]\nro = [\"/opt/x\", \"~/y\", \"~\", \"lib\", \"../x\"]", true},
    {"extends = \"node\"", false},
    {"extends = [1]", false},
    {"[fs]\nproject = \"ro\"", true},
    {"fs.project = \"rw\"", true},
    {"fs = {}", true},
    {"fs = 1", false},
    {"fs = []", false},
    {"[fs]\nproject = \"co\"", false},
    {"[fs]\nproject = [\"ro\"]", false},
    {"[fs.project]", false},
    {"[fs]\nro = \"/x\"", false},
    {"[fs]\nro = [\"\"]", false},
    {"[fs]\nro = [\"~ann/x\"]", false},
    {"[fs]\nro = [\"/a\\u0000b\"]", false},
    {"[fs]\ncow = [1.5]", false},
    {"[fs]\nmask = [\"*.cfg\", \"conf/*.ini\", \"**/*.pfx\", \"notes/\", \"./x\"]", true},
    {"[fs]\nmask = [\"../x\"]", false},
    {"[fs]\nhide = [\"/etc/x\"]", false},
    {"[fs]\nhide = [\"*/x\"]", false},
    {"[fs]\nhide = [\"**/a/b\"]", false},
    {"[fs]\nunmask = [\".\"]", false},
    {"[fs]\nfiles = { \"~/.a.json\" = \"{}\", \"/etc/b\" = \"\" }", true},
    {"[fs.files]\n\"a\" = \"{}\"", false},
    {"[fs.files]\n\"~/a\" = 1", false},
    {"[fs]\nprojct = \"ro\"", false},
    {"[env]\npass = [\"TOKEN\", \"_x1\"]\nset = { CI = \"1\" }", true},
    {"[env]\npass = [\"A B\"]", false},
    {"[env]\npass = [\"\"]", false},
    {"[env]\nset = { \"1A\" = \"x\" }", false},
    {"[env]\nset = { A = true }", false},
    {"[env]\nset = { A = \"\\u0000\" }", false},
    {"[net]\nhost_ports = [1, 5432, 65535]", true},
    {"[net]\nhost_ports = [0]", false},
    {"[net]\nhost_ports = [65536]", false},
    {"[net]\nhost_ports = [-1]", false},
    {"[net]\nhost_ports = [\"80\"]", true},
    {"[net]\nhost_ports = 80", false},
    {"[net]\npublish = [\"3000\", \"8080:80\", \"0:65535\"]", true},
    {"[net]\npublish = [\"0\"]", false},
    {"[net]\npublish = [\"80:0\"]", false},
    {"[net]\npublish = [\"65536:80\"]", false},
    {"[net]\npublish = [\"080\"]", false},
    {"[net]\npublish = [3000]", true},
    {"[net]\ncapture = \"redirect\"", true},
    {"[net]\ncapture = \"none\"", false},
    {"[nett]\nx = 1", false},
    {"commands = [\"x\"]", false},
    {"about = \"x\"", false},
    {"[[test]]\nfs_hidden = [\"~/.ssh\"]\nnet_deny = []\n[[test]]", true},
    {"[test]\nfs_hidden = [\"~/.ssh\"]", false},
    {"test = []", false},
    {"[[test]]\nfs_hiden = [\"x\"]", false},
    {"[[test]]\nfs_hidden = \"x\"", false},
    {"[[test]]\nenv_hidden = [1979-05-27]", false},
};

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t from = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', from)) {
    lines.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

/// What the validator says of each.
std::vector<std::string> Verdicts(const std::vector<std::string>& texts) {
  Scratch person(Everyone().front());
  person.Write("schema.json", policy::JsonSchema());
  std::vector<std::string> argv = {"/usr/bin/python3", "-c", std::string(kValidator),
                                   person.root() + "/schema.json"};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string name = fmt::format("{}.toml", i);
    person.Write(name, texts[i]);
    argv.push_back(person.root() + "/" + name);
  }
  const Finished done = person.Execute(argv);
  EXPECT_EQ(done.exit_code, 0) << "python3-jsonschema is needed: ./dev setup test\n" << done.err;
  return LinesOf(done.out);
}

TEST(PolicySchema, TakesWhatTheReaderTakesAndNothingElse) {
  std::vector<std::string> texts;
  for (const Example& example : kExamples) texts.emplace_back(example.text);
  const std::vector<std::string> verdicts = Verdicts(texts);
  ASSERT_EQ(verdicts.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto read = policy::ReadToml(texts[i], policy::SourceKind::kProject, "ambit.toml");
    EXPECT_EQ(read.mistakes.empty(), kExamples[i].good) << texts[i];
    EXPECT_EQ(verdicts[i], kExamples[i].good ? "good" : "bad") << texts[i];
  }
}

TEST(PolicySchema, TakesTheNamesOfPresetsThatThereAre) {
  std::vector<std::string> texts = {"extends = [\"no such\"]"};
  for (const policy::Preset& preset : policy::Presets()) {
    texts.push_back(fmt::format("extends = [\"{}\"]", preset.name));
  }
  const std::vector<std::string> verdicts = Verdicts(texts);
  ASSERT_EQ(verdicts.size(), texts.size());
  EXPECT_EQ(verdicts.front(), "bad");
  for (std::size_t i = 1; i < texts.size(); ++i) EXPECT_EQ(verdicts[i], "good") << texts[i];
}

}  // namespace
}  // namespace ambit::testing
