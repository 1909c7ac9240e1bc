// Programs that use the whole terminal look inside as they do outside: two terminals side by side,
// the same keys, the same screens with every attribute and the cursor. And the terminal is as
// before afterwards, by what a real one says of itself.
#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <utility>
#include <vector>

#include "support/run_ambit.h"
#include "support/tmux_session.h"

namespace ambit::testing {
namespace {

class Screens : public ::testing::TestWithParam<Who> {
 protected:
  void SetUp() override {
    // One word for both, so that the command lines are equal, too.
    person_.Write("outside/go", "#!/bin/sh\nexec \"$@\"\n", 0755);
    person_.Write("inside/go", "#!/bin/sh\nexec '" + AmbitBinary() + "' run -q -- \"$@\"\n", 0755);
    std::string text;
    for (int i = 1; i <= 200; ++i) text += "line " + std::to_string(i) + " of the text\n";
    person_.Write("project/text", text);
    person_.Write("project/code.c",
                  "#include <stdio.h>\n/* say */ int main(void) { puts(\"1\"); }\n");
  }

  /// The same to both, then the same on both; `text` shows that it has had its effect, and with
  /// `prompt` a line that begins so behind it that the next keys will be read as keys.
  void Same(const std::string& text, const std::string& prompt = "") {
    std::string outside;
    std::string inside;
    EXPECT_TRUE(EventuallyHolds([&] {
      outside = outside_.Screen();
      const auto at = outside.rfind(text);
      if (at == std::string::npos) return false;
      if (!prompt.empty() && outside.find("\n" + prompt, at) == std::string::npos) return false;
      inside = inside_.Screen();
      return inside == outside;
    })) << "'"
        << text << "' OUTSIDE\n"
        << outside << "INSIDE\n"
        << inside;
  }
  /// Both shells have the terminal again, and it looks the same.
  void Returned() {
    EXPECT_TRUE(EventuallyHolds([&] { return outside_.IsAtPrompt() && inside_.IsAtPrompt(); }))
        << "OUTSIDE\n"
        << outside_.Text() << "INSIDE\n"
        << inside_.Text();
    Same("shell>");
  }
  void Press(const std::string& key) {
    for (const TmuxSession* session : {&outside_, &inside_}) session->Press(key);
  }
  void Type(const std::string& text) {
    for (const TmuxSession* session : {&outside_, &inside_}) session->Type(text);
  }
  void Resize(int columns, int rows) {
    for (const TmuxSession* session : {&outside_, &inside_}) session->Resize(columns, rows);
  }
  void Enter(const std::string& line) {
    Type(line);
    Press("Enter");
  }
  /// From a clean screen, with what the terminal is like in files.
  void Start(const std::string& command) {
    EXPECT_TRUE(EventuallyHolds([&] { return inside_.IsAtPrompt(); }));
    modes_ = inside_.Modes();
    settings_ = inside_.Settings();
    Enter("clear");
    Returned();
    Enter("go " + command);
  }
  void ExpectTerminalAsBefore() {
    EXPECT_EQ(inside_.Modes(), modes_);
    EXPECT_EQ(inside_.Settings(), settings_);
  }

  Scratch person_{GetParam()};
  TmuxSession outside_{person_, "out", person_.root() + "/outside"};
  TmuxSession inside_{person_, "in", person_.root() + "/inside"};
  std::string modes_;
  std::string settings_;
};
INSTANTIATE_TEST_SUITE_P(As, Screens, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Screens, OfVimAreTheSame) {
  Start("vim --clean -n text");
  Same("line 7 of the text");
  Enter(":set number");
  Same(":set number");
  Type("ityped \xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac\n");
  Same("typed \xc3\xa9");
  Press("Escape");
  Enter(":set hlsearch");
  Enter("/line 10[0-5]");
  Same("line 100");
  Resize(100, 30);
  Same("line 110");
  Enter(":split code.c | syntax on");
  Same("stdio");
  Press("C-z");
  Same("Stopped", "shell>");
  Enter("echo $((40+2))-between");
  Same("42-between");
  Resize(70, 20);
  Enter("fg");
  Same("stdio");
  Enter(":cquit 7");
  Returned();
  Enter("echo code-$?");
  Same("code-7");
  ExpectTerminalAsBefore();
}

TEST_P(Screens, OfLessAreTheSame) {
  Start("less text");
  Same("line 7 of the text");
  Press("Space");
  Same("line 40 of the text");
  Enter("/line 15.");
  Same("line 172 of the text");
  Resize(60, 12);
  Same("line 160 of the text\n:");
  Press("G");
  Same("line 200 of the text");
  Press("C-z");
  Same("Stopped", "shell>");
  Enter("fg");
  Same("line 199 of the text");
  Press("q");
  Returned();
  ExpectTerminalAsBefore();
}

TEST_P(Screens, OfAShellAreTheSame) {
  Start("env 'PS1=inner> ' bash --norc --noprofile -i");
  Same("\ninner>");
  Enter("ls; stty size; tty > /dev/null && echo is-terminal");
  Same("\nis-terminal\ninner>");
  Type("half a line");
  Same("half a line");
  Press("C-c");
  Same("half a line^C\ninner>");
  Enter("cat cod");
  Same("No such file", "inner>");
  Type("cat cod");
  Press("Tab");
  Press("Enter");
  Same("stdio", "inner>");
  Press("Up");
  Press("C-a");
  Type("echo ");
  Press("Enter");
  Same("cat code.c\n", "inner>");
  Enter("sh -c 'trap \"echo resumed\" CONT; echo begun; while sleep 0.1; do :; done'");
  Same("\nbegun");
  Press("C-z");
  Same("Stopped", "inner>");
  Enter("jobs; fg");
  Same("\nresumed");
  Press("C-c");
  Same("\nresumed\n^C\ninner>");
  Enter("sh -c 'echo piped; sleep 100' | cat");
  Same("\npiped");
  Press("C-c");
  Same("\npiped\n^C\ninner>");
  Enter("echo status $?");
  Same("status 130", "inner>");
  Resize(50, 20);
  Enter("echo a line that is so long that it has to be wrapped at the end of this narrow window");
  Same("narrow window", "inner>");
  Enter("exit 3");
  Returned();
  Enter("echo code-$?");
  Same("code-3");
  ExpectTerminalAsBefore();
}

TEST_P(Screens, OfPythonAreTheSame) {
  Start("/usr/bin/python3");
  Same("\n>>>");
  Enter("print('sum', 40 + 2)");
  Same("sum 42", ">>>");
  Enter("1 / 0");
  Same("ZeroDivisionError", ">>>");
  Enter("import time; print('be' + 'gun'); time.sleep(100)");
  Same("\nbegun");
  Press("C-c");
  Same("KeyboardInterrupt", ">>>");
  Press("Up");
  Press("C-u");
  Enter("input('name: ')");
  Same("name: ");
  Enter("\xc3\xa9");
  Same("'\xc3\xa9'");
  Press("C-d");
  Returned();
  ExpectTerminalAsBefore();
}

/// What htop shows of the machine differs by nature: other processes, other moments. Its help and
/// its bar of keys do not.
TEST_P(Screens, OfHtopAreTheSameWhereTheyShowNoProcesses) {
  Resize(100, 45);
  Start("htop -d 100");
  outside_.ShowsEventually("Quit");
  inside_.ShowsEventually("Quit");
  const auto last_lines = [](const TmuxSession& session) {
    const std::string screen = session.Screen();
    return screen.substr(screen.find("F1"));
  };
  EXPECT_EQ(last_lines(inside_), last_lines(outside_));
  Press("h");
  Same("Press any key to return");
  Press("Space");
  inside_.ShowsEventually("Quit");
  outside_.ShowsEventually("Quit");
  Press("q");
  EXPECT_TRUE(EventuallyHolds([&] { return inside_.IsAtPrompt(); }));
  ExpectTerminalAsBefore();
}

constexpr const char* kLeavesModesOn =
    "sh -c 'printf \"\\033[?1049h\\033[?1002;1006h\\033[?25l\\033[?1h\\033=\\033[4h\\033[3;9r"
    "\\033[31mleft\"; test -e text && exec $0 100' ";

TEST_P(Screens, AreAsBeforeWhateverTheAgentLeftOn) {
  Start(std::string(kLeavesModesOn) + "true");
  EXPECT_TRUE(EventuallyHolds([&] { return inside_.IsAtPrompt(); }));
  ExpectTerminalAsBefore();
  // And without anybody who undoes it:
  EXPECT_TRUE(EventuallyHolds([&] { return outside_.Ask("#{alternate_on}") == "1\n"; }));
}

/// Runs what keeps state where a reset or a later "restore" finds it, then looks at what a person
/// would see of the next command, which restores once more.
class AfterTheRun : public Screens {
 protected:
  void Run(const std::string& escapes) {
    Start("printf '" + escapes + "'; echo over");
    EXPECT_TRUE(EventuallyHolds([&] { return inside_.Text().contains("over\nshell>"); }));
    ExpectTerminalAsBefore();
    inside_.Type("clear; printf '\\0338''mqqk\\n'");
    inside_.Press("Enter");
    inside_.ShowsEventually("mqqk\n");
    // Nothing before the letters but the line's begin: no attribute, no set, no link.
    inside_.ShowsEventually("shell>");
    EXPECT_EQ(inside_.Screen().find('\x1b'), std::string::npos) << inside_.Screen();
  }
};
INSTANTIATE_TEST_SUITE_P(As, AfterTheRun, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(AfterTheRun, LettersThatWereSavedAreNotBroughtBack) { Run("\\033(0\\0337\\033(B\\0338"); }

TEST_P(AfterTheRun, HiddenTextThatWasSavedIsNotBroughtBack) { Run("\\033[8m\\0337\\033[m\\0338"); }

TEST_P(AfterTheRun, HiddenTextThatTheConsolesWaySavedIsNotBroughtBack) {
  Run("\\033[8m\\033[s\\033[m\\033[u");
}

TEST_P(AfterTheRun, HiddenTextThatTheMainScreenKeptIsNotBroughtBack) {
  Run("\\033[8m\\033[?1049h\\033[m");
}

TEST_P(AfterTheRun, TheAlternateScreenIsLeftAlsoAfterAReset) { Run("\\033[?1049h\\033c"); }

TEST_P(AfterTheRun, NoLinkIsOpen) { Run("\\033]8;;http://evil/;\\007"); }

TEST_P(AfterTheRun, ColoursAreThePersonsAlsoAfterAReset) {
  Start("printf '\\033]11;#102030\\007\\033c'; echo over");
  for (const TmuxSession* session : {&outside_, &inside_}) {
    EXPECT_TRUE(EventuallyHolds([&] { return session->Text().contains("over\nshell>"); }));
  }
  // What the terminal answers up to the end of its kind, which it always tells.
  Enter(
      "printf '\\033]11;?\\007\\033[c'; IFS= read -r -s -d c answer; printf 'told %q\\n' "
      "\"$answer\"");
  outside_.ShowsEventually("told $'\\E]11;rgb:1010/2020/3030");
  inside_.ShowsEventually("told $'\\E[?1;2'");
}

TEST_P(Screens, AreAsBeforeWhenAmbitIsKilled) {
  Start(std::string(kLeavesModesOn) + "sleep");
  EXPECT_TRUE(EventuallyHolds([&] { return inside_.Ask("#{alternate_on}") == "1\n"; }));
  const std::string shell = inside_.Ask("#{pane_pid}");
  const Finished killed =
      person_.Execute({"/bin/sh", "-c", "kill -KILL $(cat /proc/$1/task/$1/children)", "sh",
                       shell.substr(0, shell.size() - 1)});
  ASSERT_EQ(killed.exit_code, 0) << killed.err;
  EXPECT_TRUE(EventuallyHolds([&] { return inside_.Modes() == modes_; }))
      << inside_.Modes() << modes_;
  inside_.Press("Enter");
  ExpectTerminalAsBefore();
}

TEST_P(Screens, CannotReachTheClipboardOrTheTitle) {
  const std::string steer = "printf '\\033]52;c;ZWNobw==\\007\\033]2;chosen\\007done\\n'";
  const std::string title = inside_.Ask("#{pane_title}");
  Start(steer);
  inside_.ShowsEventually("\ndone");
  EXPECT_EQ(inside_.Clipboard(), "");
  EXPECT_EQ(inside_.Ask("#{pane_title}"), title);
  // The terminal is one that can be steered.
  outside_.ShowsEventually("\ndone");
  EXPECT_TRUE(EventuallyHolds([&] { return outside_.Clipboard() == "echo"; }));
  EXPECT_EQ(outside_.Ask("#{pane_title}"), "chosen\n");
}

}  // namespace
}  // namespace ambit::testing
