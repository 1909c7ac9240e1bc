#include "cli/man_pages.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "policy/options.h"
#include "policy/reference.h"
#include "supervise/version.h"

namespace ambit::cli {
namespace {

/// As running text: no letter of it means something to roff.
std::string Roff(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
      out += fmt::format("\\&{}", c);
    } else {
      out += c;
    }
  }
  return out;
}

std::string Bold(std::string_view text) { return fmt::format("\\fB{}\\fR", Roff(text)); }
std::string Italic(std::string_view text) { return fmt::format("\\fI{}\\fR", Roff(text)); }

std::string Upper(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

/// A sentence for the table's, which has no period.
std::string Sentence(std::string_view doc) { return Roff(doc) + (doc.ends_with('.') ? "" : "."); }

std::string PageName(const Command& command) {
  return fmt::format("{}", fmt::join(command.path, "-"));
}

std::string Title(std::string_view name, int section, std::string_view date) {
  return fmt::format(".TH {} {} {} \"ambit {}\" \"ambit\"\n", Upper(std::string(name)), section,
                     date, supervise::kVersion);
}

std::string Name(std::string_view name, std::string_view about) {
  if (about.ends_with('.')) about.remove_suffix(1);
  return fmt::format(".SH NAME\n{} \\- {}\n", Roff(name), Roff(about));
}

std::string SynopsisOf(const Command& command) {
  std::string line = Bold(NameOf(command));
  if (!command.flags.empty()) line += fmt::format(" [{}]...", Italic("OPTION"));
  for (const Argument& argument : command.arguments) {
    const bool behind = argument.value.fill == Fill::kCommand ||
                        (argument.many && argument.value.fill == Fill::kPaths);
    std::string word = Italic(argument.value.name) + (argument.many ? "..." : "");
    if (behind) word = Bold("--") + " " + word;
    line += argument.required ? " " + word : fmt::format(" [{}]", word);
  }
  if (!command.commands.empty()) line += fmt::format(" {} ...", Italic("COMMAND"));
  return line + "\n";
}

/// Empty: nothing.
std::string_view DefaultOf(const Flag& flag) {
  if (!flag.by_default.empty() || flag.option == nullptr) return flag.by_default;
  return flag.option->by_default == policy::kNothing ? "" : flag.option->by_default;
}

std::string Paragraph(const Flag& flag) {
  std::vector<std::string> names;
  for (const std::string& name : flag.names) names.push_back(Bold(name));
  std::string head = fmt::format("{}", fmt::join(names, ", "));
  if (flag.takes_value) head += " " + Italic(flag.value.name);
  std::string text = fmt::format(".TP\n{}\n{}\n", head, Sentence(flag.doc));
  if (const std::string_view value = DefaultOf(flag); !value.empty()) {
    text += fmt::format("By default {}.\n", Roff(value));
  }
  if (flag.option != nullptr) {
    text += fmt::format("In a file: {}, see\n.BR ambit.toml (5).\n", Bold(flag.option->key));
  }
  if (flag.value.fill == Fill::kChoices && !flag.value.name.contains('|')) {
    text += fmt::format("There are {}.\n",
                        Roff(fmt::format("{}", fmt::join(flag.value.choices, ", "))));
  }
  return text;
}

std::string Paragraph(const Argument& argument) {
  std::string text =
      fmt::format(".TP\n{}\n{}\n", Italic(argument.value.name), Sentence(argument.doc));
  if (!argument.value.choices.empty()) {
    text += fmt::format("One of {}.\n",
                        Roff(fmt::format("{}", fmt::join(argument.value.choices, ", "))));
  }
  return text;
}

std::string ArgumentsAndOptions(const Command& command, std::string_view heading) {
  std::string text;
  if (!command.arguments.empty()) {
    text += fmt::format("{} ARGUMENTS\n", heading);
    for (const Argument& argument : command.arguments) text += Paragraph(argument);
  }
  text += fmt::format("{} OPTIONS\n", heading);
  for (const Flag& flag : command.flags) text += Paragraph(flag);
  return text;
}

constexpr std::string_view kRunExit = R"(.SH EXIT STATUS
The command's own, or
.TP
125
ambit failed, or a wall could not be built
.TP
126
the command was found and may not be executed
.TP
127
the command was not found inside
.TP
128+\fIN\fR
signal \fIN\fR ended it; after an interrupt (130) ambit dies of SIGINT, too, so that a shell leaves its loop
)";

constexpr std::string_view kExit = R"(.SH EXIT STATUS
0;
1 when something was left undone or does not hold;
125 when ambit failed or did not understand the command line.
A run has the codes of
.BR ambit\-run (1).
)";

std::string SeeAlso(std::vector<std::string> pages) {
  std::string text = ".SH SEE ALSO\n";
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const std::size_t dot = pages[i].rfind('.');
    text += fmt::format(".BR {} ({}){}\n", Roff(pages[i].substr(0, dot)), pages[i].substr(dot + 1),
                        i + 1 < pages.size() ? "," : "");
  }
  return text;
}

std::string TopPage(const Command& ambit, std::string_view date) {
  std::string text = Title("ambit", 1, date) + Name("ambit", ambit.about);
  text += ".SH SYNOPSIS\n" + SynopsisOf(ambit) + ".SH COMMANDS\n";
  std::vector<std::string> pages;
  for (const Command& command : ambit.commands) {
    text += fmt::format(".TP\n{}\n{}\n", Bold(NameOf(command)), Sentence(command.about));
    pages.push_back(PageName(command) + ".1");
  }
  pages.emplace_back("ambit.toml.5");
  return text + ArgumentsAndOptions(ambit, ".SH") + std::string(kExit) + SeeAlso(std::move(pages));
}

/// One subcommand, and those below it.
std::string PageOf(const Command& command, std::string_view date) {
  const std::string name = PageName(command);
  std::string text = Title(name, 1, date) + Name(name, command.about) + ".SH SYNOPSIS\n";
  const std::vector<const Command*> all = All(command);
  for (const Command* one : all) {
    if (!one->commands.empty()) continue;
    if (!text.ends_with(".SH SYNOPSIS\n")) text += ".br\n";
    text += SynopsisOf(*one);
  }
  text += fmt::format(".SH DESCRIPTION\n{}\n", Sentence(command.about));
  if (command.commands.empty()) {
    text += ArgumentsAndOptions(command, ".SH");
  } else {
    for (const Command& part : command.commands) {
      text += fmt::format(".SH {}\n{}\n", Roff(Upper(part.path.back())), Sentence(part.about));
      text += ArgumentsAndOptions(part, ".SS");
    }
  }
  if (TakesCommand(command)) text += kRunExit;
  return text + SeeAlso({"ambit.1", "ambit.toml.5"});
}

constexpr std::string_view kFileHead = R"(.SH DESCRIPTION
A policy says what a run of
.BR ambit (1)
may do, in TOML.
Keys that widen give the run more, those that tighten take from it;
a project's file may only tighten until it is trusted.
A key that is not named here is a mistake,
and a policy with a mistake is not used.
A list or table has at most 1000 entries of at most 4096 bytes.
)";

constexpr std::string_view kFileTail = R"(.SH PATHS
are absolute, begin with
.BR ~/ ,
or are relative: in a project's file to the project,
in one named with
.B \-\-policy
to its directory, in a flag to the working directory.
.SH PATTERNS
are
.IR NAME ,
.IR DIR / NAME
or
.BI **/ NAME\fR,
which walks the whole tree; * and ? stand in
.I NAME
only, and a / at the end means a directory.
.SH FILES
From the weakest claim to the strongest; presets come before them:
.TP
.I ~/.config/ambit/config.toml
your own
.TP
.I ambit.toml
the project's, in its top directory
.TP
.BI \-\-policy\~ FILE
what is named for one run; its other flags come after it
.TP
.I /etc/ambit/policy.toml
the machine's, which bounds all others, flags included
.SH EXAMPLES
.nf
extends = ["node"]

[fs]
ro   = ["/opt/tools"]
hide = ["notes/"]

[env]
set = { CI = "1" }

[[test]]
fs_hidden = ["~/.ssh/id_ed25519"]
.fi
)";

std::string Paragraph(const policy::Option& option) {
  std::string text = fmt::format(".TP\n{} ({})\n{}\n", Bold(option.key),
                                 Roff(policy::TypeOf(option)), Sentence(option.doc));
  text += fmt::format("By default: {}.\n", Roff(option.by_default));
  switch (option.direction) {
    case policy::Direction::kWidens:
      text += "Widens.\n";
      break;
    case policy::Direction::kTightens:
      text += "Tightens.\n";
      break;
    case policy::Direction::kByChoice:
      text += "The choices stand in order, the tightest first.\n";
      break;
    case policy::Direction::kByValue:
      text += "The lower, the tighter.\n";
      break;
  }
  if (!option.flag.empty()) {
    text += fmt::format("As a flag: {} {}.\n", Bold(option.flag), Italic(option.value_name));
  }
  return text;
}

std::string FilePage(std::string_view date) {
  std::string text = Title("ambit.toml", 5, date) + Name("ambit.toml", "policy of a run of ambit");
  text += std::string(kFileHead) + ".SH KEYS\n";
  for (const policy::Option& option : policy::Options()) text += Paragraph(option);
  text += ".SH TESTS\nEach\n.B [[test]]\ntable says what must hold of the policy.\n";
  for (const policy::TestKey& key : policy::TestKeys()) {
    text += fmt::format(".TP\n{} (list of strings)\n{}\n", Bold(key.key), Sentence(key.doc));
  }
  return text + std::string(kFileTail) + SeeAlso({"ambit.1", "ambit-run.1"});
}

}  // namespace

std::vector<ManPage> ManPages(const Command& ambit, std::string_view date) {
  std::vector<ManPage> pages = {{.file = "man1/ambit.1", .text = TopPage(ambit, date)},
                                {.file = "man5/ambit.toml.5", .text = FilePage(date)}};
  for (const Command& command : ambit.commands) {
    pages.push_back(
        {.file = fmt::format("man1/{}.1", PageName(command)), .text = PageOf(command, date)});
  }
  return pages;
}

}  // namespace ambit::cli
