#include "policy/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/text.h"
#include "base/utf8.h"
#include "policy/import_draft.h"
#include "policy/import_rules.h"
#include "policy/import_tree.h"
#include "policy/toml_keys.h"

namespace ambit::policy {
namespace {

constexpr std::array<ImportFormat, 5> kFormats = {{
    {.name = "claude",
     .about = "Claude Code",
     .source = "https://code.claude.com/docs/en/settings, .../permissions and .../sandboxing",
     .caveat = "Its permission rules go on to hold inside, for its own tools; a run holds "
               "whatever it starts."},
    {.name = "codex",
     .about = "Codex",
     .source = "https://developers.openai.com/codex/config-reference and .../permissions",
     .caveat = ""},
    {.name = "fence",
     .about = "fence",
     .source = "https://github.com/Use-Tusk/fence, docs/configuration.md",
     .caveat = "What it inherits is not in it: 'fence config show' prints all of it, and that can "
               "be imported."},
    {.name = "nono",
     .about = "nono",
     .source = "https://nono.sh/schemas/nono-profile.schema.json",
     .caveat = "What a profile inherits, and the rules of its groups, are not in it."},
    {.name = "srt",
     .about = "sandbox-runtime",
     .source = "https://github.com/anthropic-experimental/sandbox-runtime, "
               "src/sandbox/sandbox-config.ts",
     .caveat = ""},
}};

using Importer = void (*)(ImportDraft&, const Tree&);
Importer ImporterOf(std::string_view format) {
  static const std::map<std::string_view, Importer> kImporters = {{"claude", ImportClaude},
                                                                  {"codex", ImportCodex},
                                                                  {"fence", ImportFence},
                                                                  {"nono", ImportNono},
                                                                  {"srt", ImportSrt}};
  return kImporters.at(format);
}

/// A TOML string. What cannot be seen is escaped; the text is UTF-8, both readers saw to that.
std::string TomlString(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const Utf8Char one = DecodeUtf8(text);
    const std::string_view bytes = text.substr(0, std::max<std::size_t>(one.length, 1));
    if (one.point == '"' || one.point == '\\') {
      out += fmt::format("\\{}", bytes);
    } else if (Printable(bytes) != bytes) {
      out += fmt::format("\\U{:08X}", static_cast<unsigned>(one.point));
    } else {
      out += bytes;
    }
    text.remove_prefix(bytes.size());
  }
  return out + '"';
}

/// `text` with its dots written otherwise.
std::string WithoutDots(std::string_view text, std::string_view instead) {
  std::string out;
  for (const char c : text) {
    if (c == '.') {
      out += instead;
    } else {
      out += c;
    }
  }
  return out;
}

/// The reader takes a long row of words with dots between them for a key that is too deep, wherever
/// it stands; nobody means one by that.
void AddComment(std::string& out, const std::string& line) {
  out += LineOfDeepKey(line) == 0 ? line : WithoutDots(line, "\\x2e");
  out += '\n';
}

/// `BEFORE VALUE AFTER  # COMMENT`; the value is TOML.
void AddValue(std::string& out, std::string_view before, const std::string& value,
              std::string_view after, const std::string& comment) {
  const std::string line = fmt::format("{}{}{}  # {}\n", before, value, after, comment);
  out += LineOfDeepKey(line) == 0
             ? line
             : fmt::format("{}{}{}  # {}\n", before, WithoutDots(value, "\\u002E"), after,
                           WithoutDots(comment, "\\x2e"));
}

void AddOption(std::string& out, const Option& option, const std::vector<ImportLine>& lines) {
  const std::string name(option.key.substr(option.key.rfind('.') + 1));  // npos + 1 is 0
  const bool list = !IsSingle(option) && option.shape != Shape::kVariables;
  if (list) out += fmt::format("{} = [\n", name);
  for (const ImportLine& line : lines) {
    if (line.option != &option) continue;
    if (option.shape == Shape::kVariables) {
      AddValue(out, line.text + " = ", TomlString(line.value), "", line.comment);
    } else if (IsSingle(option)) {
      AddValue(out, name + " = ", TomlString(line.text), "", line.comment);
    } else {
      const bool number = option.shape == Shape::kPorts;
      AddValue(out, "  ", number ? line.text : TomlString(line.text), ",", line.comment);
    }
  }
  if (list) out += "]\n";
}

/// Keys without a section first, then those of each section, then the tables of names with values.
void AddOptions(std::string& out, const std::vector<ImportLine>& lines) {
  std::string_view section;
  for (const bool tables : {false, true}) {
    for (const Option& option : Options()) {
      if ((option.shape == Shape::kVariables) != tables ||
          std::ranges::find(lines, &option, &ImportLine::option) == lines.end()) {
        continue;
      }
      const std::size_t dot = option.key.rfind('.');
      const std::string_view own = tables ? option.key : option.key.substr(0, dot);
      if (dot == std::string_view::npos) {
        out += '\n';
      } else if (own != section) {
        out += fmt::format("\n[{}]\n", own);
        section = own;
      }
      AddOption(out, option, lines);
    }
  }
}

void AddTests(std::string& out, const std::vector<ImportTest>& tests) {
  if (tests.empty()) return;
  out += "\n# A run in which one of these does not hold does not start.\n[[test]]\n";
  for (const TestKey& key : TestKeys()) {
    if (std::ranges::find(tests, key.key, &ImportTest::key) == tests.end()) continue;
    out += fmt::format("{} = [\n", key.key);
    for (const ImportTest& test : tests) {
      if (test.key == key.key) AddValue(out, "  ", TomlString(test.text), ",", test.comment);
    }
    out += "]\n";
  }
}

/// By reason, in the order in which the reasons came up.
void AddNotes(std::string& out, std::string_view title, const std::vector<ImportNote>& notes) {
  if (notes.empty()) return;
  std::map<std::string_view, std::vector<std::string_view>> by_reason;
  std::vector<std::string_view> reasons;
  for (const ImportNote& note : notes) {
    std::vector<std::string_view>& settings = by_reason[note.why];
    if (settings.empty()) reasons.push_back(note.why);
    settings.push_back(note.setting);
  }
  out += fmt::format("\n# {} ({}):\n", title, notes.size());
  for (const std::string_view reason : reasons) {
    AddComment(out, fmt::format("# - {}:", reason));
    for (const std::string_view setting : by_reason[reason]) {
      AddComment(out, fmt::format("#     {}", setting));
    }
  }
}

}  // namespace

std::span<const ImportFormat> ImportFormats() { return kFormats; }

const ImportFormat* FindImportFormat(std::string_view name) {
  const auto* const found = std::ranges::find(kFormats, name, &ImportFormat::name);
  return found != kFormats.end() ? found : nullptr;
}

Result<Imported> Import(const ImportFormat& format, std::span<const ImportFile> files,
                        const ImportHost& host) {
  ImportDraft draft(host);
  for (const ImportFile& file : files) {
    AMBIT_TRY(const Tree settings, format.name == "codex" ? ReadTomlTree(file.text, file.name)
                                                          : ReadJsonTree(file.text, file.name));
    if (!settings.Is(Tree::Kind::kTable)) {
      return Fail(Errc::kInvalidArgument,
                  fmt::format("{}: no settings of {}", Printable(file.name), format.about));
    }
    draft.StartFile(file, files.size() > 1);
    ImporterOf(format.name)(draft, settings);
  }
  return std::move(draft).Finish();
}

std::string ToToml(const Imported& imported, const ImportFormat& format,
                   std::span<const ImportFile> files) {
  std::string out =
      fmt::format("# Settings of {}, by 'ambit import {}', from\n", format.about, format.name);
  for (const ImportFile& file : files) AddComment(out, "#   " + Printable(file.name));
  out += fmt::format("# They are described at {}.\n", format.source);
  if (!format.caveat.empty()) out += fmt::format("# {}\n", format.caveat);
  out +=
      "# Read it before you use it: there a machine was visible but for what was denied, here "
      "only what\n# is listed is. In a project's ambit.toml what widens holds after 'ambit "
      "trust'.\n";
  AddOptions(out, imported.lines);
  AddTests(out, imported.tests);
  AddNotes(out, "Holds without a line", imported.holding);
  AddNotes(out, "No equivalent", imported.missing);
  return out;
}

}  // namespace ambit::policy
