// Which settings of git name paths, and which words of a command do (git_obeyed.h).
#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "host/git_obeyed.h"

namespace ambit::host {
namespace {

using Reach = ObeyedPlace::Reach;

constexpr std::string_view kHooks = "git runs hooks from it: core.hooksPath on the host says so";
constexpr std::string_view kTemplate = "git copies hooks from it: init.templateDir on the host";
constexpr std::string_view kAttributes =
    "git takes filters from it: core.attributesFile on the host";
constexpr std::string_view kCommand = "git on the host runs it: its configuration names it";

/// What stands between the words of a command, or around a path in one.
constexpr std::string_view kSeparators = " \t\n'\"\\`;|&()<>{}=,:$";

/// Keys whose value is a program or a command, in whatever section they stand: a section that git
/// or one of its helpers adds later has them too.
constexpr auto kCommandKeys = std::to_array<std::string_view>({"alternaterefscommand",
                                                               "askpass",
                                                               "browser",
                                                               "cccmd",
                                                               "clean",
                                                               "cmd",
                                                               "command",
                                                               "defaultkeycommand",
                                                               "difffilter",
                                                               "driver",
                                                               "editor",
                                                               "external",
                                                               "fsmonitor",
                                                               "gitproxy",
                                                               "headercmd",
                                                               "helper",
                                                               "packobjectshook",
                                                               "pager",
                                                               "process",
                                                               "program",
                                                               "receivepack",
                                                               "sendmailcmd",
                                                               "smtpserver",
                                                               "smudge",
                                                               "sshcommand",
                                                               "textconv",
                                                               "tocmd",
                                                               "tunnel",
                                                               "uploadpack"});

/// Sections of which `path` is where a program lies; that of `include` is told apart by the reader.
constexpr auto kProgramSections =
    std::to_array<std::string_view>({"browser", "difftool", "guitool", "lfs", "man", "mergetool"});

constexpr auto kHookNames = std::to_array<std::string_view>({"applypatch-msg",
                                                             "commit-msg",
                                                             "fsmonitor-watchman",
                                                             "p4-changelist",
                                                             "p4-post-changelist",
                                                             "p4-pre-submit",
                                                             "p4-prepare-changelist",
                                                             "post-applypatch",
                                                             "post-checkout",
                                                             "post-commit",
                                                             "post-index-change",
                                                             "post-merge",
                                                             "post-receive",
                                                             "post-rewrite",
                                                             "post-update",
                                                             "pre-applypatch",
                                                             "pre-auto-gc",
                                                             "pre-commit",
                                                             "pre-merge-commit",
                                                             "pre-push",
                                                             "pre-rebase",
                                                             "pre-receive",
                                                             "prepare-commit-msg",
                                                             "proc-receive",
                                                             "push-to-checkout",
                                                             "reference-transaction",
                                                             "sendemail-validate",
                                                             "update"});

bool IsOneOf(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool IsCommand(const GitConfigEntry& entry) {
  const std::string_view value = *entry.value;
  if (entry.section == "alias" || (entry.section == "submodule" && entry.key == "update")) {
    return value.starts_with('!');
  }
  if (entry.section == "pager") return true;
  if (entry.key == "path") return IsOneOf(kProgramSections, entry.section);
  return IsOneOf(kCommandKeys, entry.key);
}

/// Pieces of `text` between any of `separators`.
void Split(std::string_view text, std::string_view separators, std::vector<std::string>& out) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    if (end != 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

/// The words as a shell takes them: quotes hold spaces, and go.
void SplitAsShell(std::string_view text, std::vector<std::string>& out) {
  std::string word;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      word += text[++i];
    } else if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (!word.empty()) out.push_back(std::exchange(word, {}));
    } else {
      word += c;
    }
  }
  if (!word.empty()) out.push_back(std::move(word));
}

/// A word without a slash is a flag, a name in the directory or, as the first, a program of PATH:
/// it counts for itself alone, else an alias with the word `src` would hold all of src.
std::vector<NamedPath> WordsOf(std::string_view command) {
  if (command.starts_with('!')) command.remove_prefix(1);
  std::vector<std::string> words;
  SplitAsShell(command, words);
  const std::string first = words.empty() ? "" : words.front();
  words.emplace_back(command);
  Split(command, kSeparators, words);
  std::ranges::sort(words);
  words.erase(std::ranges::unique(words).begin(), words.end());
  std::vector<NamedPath> out;
  for (std::string& word : words) {
    const bool has_slash = word.contains('/');
    if (!has_slash && (word == first || word == command)) continue;
    const Reach reach = has_slash ? Reach::kAllBelow : Reach::kItself;
    out.push_back({.path = std::move(word), .reach = reach, .why = kCommand});
  }
  return out;
}

}  // namespace

std::vector<NamedPath> PathsNamedBy(const GitConfigEntry& entry) {
  if (!entry.value || entry.value->empty()) return {};
  const auto is = [&](std::string_view section, std::string_view key) {
    return entry.section == section && entry.subsection.empty() && entry.key == key;
  };
  if (is("core", "hookspath")) return {{*entry.value, Reach::kAllBelow, kHooks}};
  if (is("init", "templatedir")) return {{*entry.value, Reach::kAllBelow, kTemplate}};
  if (is("core", "attributesfile")) return {{*entry.value, Reach::kItself, kAttributes}};
  return IsCommand(entry) ? WordsOf(*entry.value) : std::vector<NamedPath>();
}

bool IsGitHookName(std::string_view name) { return IsOneOf(kHookNames, name); }

}  // namespace ambit::host
