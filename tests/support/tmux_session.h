#pragma once
// A real terminal with somebody who types and looks: one shell in a tmux server of the test's own,
// which ends with the object. Header only: the tests that use it are few.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "support/run_ambit.h"

namespace ambit::testing {

/// Polls until `holds`; half a minute is long for a machine that is busy, and only failures wait
/// for it, once in a test: what comes after the first one proves nothing.
inline bool EventuallyHolds(const std::function<bool()>& holds,
                            std::chrono::seconds limit = std::chrono::seconds(30)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (::testing::Test::HasFailure() || std::chrono::steady_clock::now() > deadline) return false;
    ::usleep(20000);
  }
  return true;
}

class TmuxSession {
 public:
  /// `name` is different for each session of a person. The shell is bash without any file of the
  /// person's; `path` goes before its PATH.
  TmuxSession(Scratch& person, const std::string& name, const std::string& path)
      : person_(person), name_(name) {
    person_.Write("tmux.conf",
                  "set -g default-terminal xterm-256color\nset -g status off\n"
                  "set -s set-clipboard on\nset -s escape-time 0\n");
    const Finished started = person_.Execute(
        {"tmux", "-L", name_, "-f", person_.root() + "/tmux.conf", "new-session", "-d", "-x", "80",
         "-y", "24", "env", "PATH=" + path + ":/usr/local/bin:/usr/bin:/bin", "PS1=shell> ", "bash",
         "--norc", "--noprofile", "-i"},
        {}, {{"TMUX_TMPDIR", person_.home()}});
    EXPECT_EQ(started.exit_code, 0) << started.err;
  }
  ~TmuxSession() { (void)Tmux({"kill-server"}); }
  TmuxSession(const TmuxSession&) = delete;
  TmuxSession& operator=(const TmuxSession&) = delete;

  /// Names of keys as of tmux: "C-c", "Enter", or characters.
  void Press(const std::string& key) const { Press(std::vector<std::string>{key}); }
  /// At once, as when a key is hit twice.
  void Press(const std::vector<std::string>& keys) const {
    std::vector<std::string> words = {"send-keys"};
    words.insert(words.end(), keys.begin(), keys.end());
    EXPECT_EQ(Tmux(words).exit_code, 0) << ::testing::PrintToString(keys);
  }
  void Type(const std::string& text) const {
    EXPECT_EQ(Tmux({"send-keys", "-l", text}).exit_code, 0) << text;
  }
  /// With the marks around it when the program in the terminal has asked for them.
  void Paste(const std::string& text) const {
    EXPECT_EQ(Tmux({"set-buffer", text, ";", "paste-buffer", "-p"}).exit_code, 0) << text;
  }
  void Resize(int columns, int rows) const {
    EXPECT_EQ(Tmux({"resize-window", "-x", std::to_string(columns), "-y", std::to_string(rows)})
                  .exit_code,
              0);
  }

  /// With all attributes, and where the cursor is and whether it is shown.
  std::string Screen() const {
    return Tmux({"capture-pane", "-p", "-e", ";", "display-message", "-p",
                 "cursor #{cursor_x},#{cursor_y} shown #{cursor_flag}"})
        .out;
  }
  std::string Text() const { return Tmux({"capture-pane", "-p"}).out; }
  /// The shell waits for a command: what is typed now is for it. (tmux strips the blank.)
  bool IsAtPrompt() const {
    const std::string screen = Text();
    return screen.substr(0, screen.find_last_not_of('\n') + 1).ends_with("shell>");
  }
  /// A format of tmux: "#{alternate_on}".
  std::string Ask(const std::string& format) const {
    return Tmux({"display-message", "-p", format}).out;
  }
  /// The modes that a program can leave on, as far as tmux tells.
  std::string Modes() const {
    return Ask(
        "alternate #{alternate_on} cursor #{cursor_flag} insert #{insert_flag} keypad "
        "#{keypad_flag} cursor keys #{keypad_cursor_flag} mouse #{mouse_any_flag} sgr "
        "#{mouse_sgr_flag} wrap #{wrap_flag} origin #{origin_flag} margins "
        "#{scroll_region_upper} #{e|-:#{scroll_region_lower},#{pane_height}}");
  }
  /// What `stty` says of the terminal when the shell, which has to be at its prompt, executes it.
  std::string Settings() const {
    person_.Write("settings", "");
    Type("stty -g > '" + person_.root() + "/settings'");
    Press("Enter");
    EXPECT_TRUE(
        EventuallyHolds([&] { return person_.Read("settings").contains("\n") && IsAtPrompt(); }));
    return person_.Read("settings");
  }
  /// What programs have put into the clipboard.
  std::string Clipboard() const { return Tmux({"show-buffer"}).out; }

  void ShowsEventually(const std::string& text) const {
    std::string screen;
    EXPECT_TRUE(EventuallyHolds([&] { return (screen = Screen()).contains(text); }))
        << "no '" << text << "' on\n"
        << screen;
  }

 private:
  Finished Tmux(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"tmux", "-L", name_});
    return person_.Execute(arguments, {}, {{"TMUX_TMPDIR", person_.home()}});
  }

  Scratch& person_;
  std::string name_;
};

}  // namespace ambit::testing
