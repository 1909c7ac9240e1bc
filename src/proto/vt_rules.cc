#include "proto/vt_rules.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <ranges>

namespace ambit::proto {
namespace {

constexpr bool kPass = true;
constexpr bool kDrop = false;

/// What is switched on and off of these, vt_modes.cc notes; 1048 saves the cursor.
constexpr std::string_view kModes =
    "1 5-9 12 25 45 47 66 67 69 1000-1007 1015 1016 1047-1049 2004 2026 2027 2031 2048 9001";
constexpr std::string_view kAnsiModes = "4 12 20 34";

// clang-format off: one decision, one row.
constexpr VtRule kRules[] = {
  // --- single characters ---
  {VtKind::kControl, "\x05", "", kDrop, "answerback", "\x05",
   "ENQ makes the terminal type its answerback string"},
  {VtKind::kControl, "\x1a", "", kDrop, "substitute", "\x1a",
   "SUB shows nothing or a mark; Emacs takes it for a debugger's word and opens the file after it"},
  {VtKind::kControl, "", "", kPass, "control character", "\t",
   "line ends, tabs, the bell, shifts of the character set"},

  // --- escape sequences ---
  {VtKind::kEscape, "%@", "", kDrop, "character set", "\x1b%@",
   "the terminal would leave UTF-8, and bytes of ordinary text would be controls"},
  {VtKind::kEscape, "%G", "", kPass, "character set", "\x1b%G", "selects UTF-8, which it has"},
  {VtKind::kEscape, " G", "", kDrop, "8-bit answers", "\x1b G",
   "S8C1T: answers, also to the person's shell later, would begin with a byte that is no UTF-8"},
  {VtKind::kEscape, "(", "012ABKU", kPass, "character set", "\x1b(0",
   "letters or line drawing, as terminfo has them; put right at the end"},
  {VtKind::kEscape, ")", "012ABKU", kPass, "character set", "\x1b)0", "as (, used after a shift"},
  {VtKind::kEscape, "*", "012ABKU", kPass, "character set", "\x1b*0", "as (, used after a shift"},
  {VtKind::kEscape, "+", "012ABKU", kPass, "character set", "\x1b+0", "as (, used after a shift"},
  {VtKind::kEscape, "#", "34568", kPass, "line size", "\x1b#8",
   "double height and width of a line, the test picture"},
  {VtKind::kEscape, "G", "", kDrop, "graphics query", "\x1bG",
   "rxvt and its kin answer it with a line end, which the shell would take for one"},
  {VtKind::kEscape, "}", "", kDrop, "terminology command", "\x1b}",
   "begins a command of the terminal's own"},
  {VtKind::kEscape, "", "78=>cDEMZ\\", kPass, "escape sequence", "\x1b" "7",
   "cursor, keypad, reset, the end of a string; answers only with the terminal's kind"},
  {VtKind::kEscape, "H", "", kDrop, "tab stops", "\x1bH", "HTS: they outlast the run"},
  {VtKind::kEscape, "A", "", kDrop, "other escape sequence", "\x1b" "A",
   "moves the cursor of a VT52 only; Emacs reads a folder, host and user after AnSiT"},
  {VtKind::kEscape, "", "", kDrop, "other escape sequence", "\x1b(%5",
   "guarded areas, locked memory, shifts and sets that no UTF-8 program needs outlast the run, and "
   "not all terminals agree where such a sequence ends: screen begins a command or a string at "
   "[ ] P _ ^ k ! and a quotation mark whatever stands before it"},

  // --- control sequences: what they answer consists of numbers, unless a row says otherwise ---
  {VtKind::kCsi, "t", "11 13-16 18 19", kPass, "window report", "\x1b[14t",
   "state and sizes as numbers; full-screen programs ask for them"},
  {VtKind::kCsi, "t", "", kDrop, "window operation", "\x1b[21t",
   "20 and 21 report a title, which can hold a command, as input; the others move, resize or hide "
   "the person's window or pile up titles"},
  {VtKind::kCsi, ">t", "", kDrop, "title mode", "\x1b[>2t", "says how titles are reported"},
  {VtKind::kCsi, ">T", "", kDrop, "title mode", "\x1b[>2T", "says how titles are reported"},
  {VtKind::kCsi, "*y", "", kDrop, "screen checksum", "\x1b[1;1;1;1;1;1*y",
   "DECRQCRA reads what stands on the person's screen, one cell at a time"},
  {VtKind::kCsi, "$w", "", kDrop, "state report", "\x1b[1$w",
   "DECRQPSR answers with a string of characters"},
  {VtKind::kCsi, "$u", "", kDrop, "state report", "\x1b[1$u",
   "DECRQTSR answers with a string of characters"},
  {VtKind::kCsi, "&u", "", kDrop, "state report", "\x1b[&u",
   "DECRQUPSS answers with a string of characters"},
  {VtKind::kCsi, "i", "", kDrop, "printing", "\x1b[5i", "sends output to a printer or a program"},
  {VtKind::kCsi, "?i", "", kDrop, "printing", "\x1b[?5i", "sends output to a printer or a program"},
  {VtKind::kCsi, "\"p", "", kDrop, "terminal level", "\x1b[62;0\"p",
   "DECSCL chooses 8-bit answers, which outlast the run"},
  {VtKind::kCsi, "'z", "", kDrop, "DEC locator", "\x1b[1;1'z",
   "an old way to report the mouse, as input of whoever reads; xterm's own passes"},
  {VtKind::kCsi, "?s", "", kDrop, "saved modes", "\x1b[?1000s",
   "modes that come back later could not be put right at the end"},
  {VtKind::kCsi, "?r", "", kDrop, "saved modes", "\x1b[?1000r",
   "modes that come back later could not be put right at the end"},
  {VtKind::kCsi, "h", "2", kDrop, "keyboard lock", "\x1b[2h", "the person could not type any more"},
  {VtKind::kCsi, "]", "", kDrop, "console setting", "\x1b[12;2]",
   "switches the console, blanks it, changes its bell"},
  {VtKind::kCsi, "?h", "2 38 46", kDrop, "other terminal", "\x1b[?38h",
   "Tektronix: everything after it would mean something else"},
  {VtKind::kCsi, "?l", "2", kDrop, "other terminal", "\x1b[?2l",
   "VT52: everything after it would mean something else"},
  {VtKind::kCsi, "?h", "3", kDrop, "window size", "\x1b[?3h",
   "DECCOLM: clears the screen and resizes the person's window, in screen and others without "
   "asking mode 40"},
  {VtKind::kCsi, "?l", "3", kDrop, "window size", "\x1b[?3l", "as on: 80 columns are a size, too"},
  {VtKind::kCsi, "?h", "40", kDrop, "window size", "\x1b[?40h", "lets mode 3 resize, also later"},
  {VtKind::kCsi, "?l", "40", kDrop, "window size", "\x1b[?40l", "the person's own setting"},
  {VtKind::kCsi, "$|", "", kDrop, "window size", "\x1b[132$|", "DECSCPP: columns of the window"},
  {VtKind::kCsi, "*|", "", kDrop, "window size", "\x1b[36*|", "DECSNLS: lines of the window"},
  {VtKind::kCsi, "?h", "1040-1044", kDrop, "window setting", "\x1b[?1043h",
   "the bell raises the window (1043) or asks for attention (1042), a selection goes to the "
   "clipboard or stays (1040, 1041, 1044): the person's own settings, and they outlast the run"},
  {VtKind::kCsi, "?l", "1040-1044", kDrop, "window setting", "\x1b[?1043l", "as on"},
  {VtKind::kCsi, "$}", "", kDrop, "status line", "\x1b[1$}",
   "DECSASD: everything after it, the person's prompt too, would be written to the status line"},
  {VtKind::kCsi, "$~", "", kDrop, "status line", "\x1b[2$~",
   "DECSSDT: takes a line of the window or gives it back; what it was cannot be asked"},
  {VtKind::kCsi, " q", "", kPass, "cursor", "\x1b[5 q", "its shape"},
  {VtKind::kCsi, "!p", "", kPass, "soft reset", "\x1b[!p", "DECSTR"},
  {VtKind::kCsi, "$p", "", kPass, "mode report", "\x1b[4$p", "answers with numbers"},
  {VtKind::kCsi, "?$p", "", kPass, "mode report", "\x1b[?2026$p", "answers with numbers"},
  {VtKind::kCsi, "?h", kModes, kPass, "mode", "\x1b[?1049h",
   "alternate screen, mouse, paste, cursor, keys; all but 1048 are put right at the end"},
  {VtKind::kCsi, "?l", kModes, kPass, "mode", "\x1b[?25l", "as on"},
  {VtKind::kCsi, "h", kAnsiModes, kPass, "mode", "\x1b[4h",
   "insert, local echo, line feed, cursor of screen; put right at the end"},
  {VtKind::kCsi, "l", kAnsiModes, kPass, "mode", "\x1b[4l", "as on"},
  {VtKind::kCsi, "?h", "", kDrop, "other mode", "\x1b[?1034h",
   "outlasts the run, and nobody's screen needs it: of keys, scroll bars, other peoples' terminals"},
  {VtKind::kCsi, "?l", "", kDrop, "other mode", "\x1b[?1036l", "as on"},
  {VtKind::kCsi, "h", "", kDrop, "other mode", "\x1b[3h", "as of ?h: shows controls as letters"},
  {VtKind::kCsi, "l", "", kDrop, "other mode", "\x1b[3l", "as on"},
  {VtKind::kCsi, ">m", "4", kPass, "key protocol", "\x1b[>4;2m",
   "modifyOtherKeys; put right at the end"},
  {VtKind::kCsi, ">n", "4", kPass, "key protocol", "\x1b[>4n", "as >m: off"},
  {VtKind::kCsi, "?m", "", kPass, "key protocol", "\x1b[?4m", "asks for it; a number answers"},
  {VtKind::kCsi, ">u", "", kPass, "key protocol", "\x1b[>1u", "kitty's; put right at the end"},
  {VtKind::kCsi, "<u", "", kPass, "key protocol", "\x1b[<u", "as >u"},
  {VtKind::kCsi, "=u", "", kPass, "key protocol", "\x1b[=1;1u", "as >u"},
  {VtKind::kCsi, "?u", "", kPass, "key protocol", "\x1b[?u", "asks for it; a number answers"},
  {VtKind::kCsi, ">c", "", kPass, "terminal's kind", "\x1b[>c", "numbers answer"},
  {VtKind::kCsi, "=c", "", kPass, "terminal's kind", "\x1b[=c", "hexadecimal digits answer"},
  {VtKind::kCsi, ">q", "", kPass, "terminal's kind", "\x1b[>q", "its own name and version answer"},
  {VtKind::kCsi, "?n", "6 15 25 26 53 55 56 62 75 85 996", kPass, "state report", "\x1b[?996n",
   "cursor, light or dark; numbers answer"},
  {VtKind::kCsi, "?J", "", kPass, "selective erase", "\x1b[?J", "on the screen, once"},
  {VtKind::kCsi, "?K", "", kPass, "selective erase", "\x1b[?K", "on the screen, once"},
  {VtKind::kCsi, "?c", "", kPass, "cursor", "\x1b[?0c", "Linux's console: its shape"},
  {VtKind::kCsi, "", "@ABCDEFGHIJKLMPSTXZ`abcdefmnrsu", kPass, "control sequence", "\x1b[6n",
   "cursor, text, colours; numbers answer"},
  {VtKind::kCsi, "", "", kDrop, "other function", "\x1b[?3,h",
   "tab stops, lamps, pointers, modes of keys outlast the run, and nobody's screen needs them; a "
   "terminal that does not know a prefix or a character before the last may act as if it were not "
   "there, on a window or a printer"},

  // --- operating system commands ---
  {VtKind::kOsc, "52", "", kDrop, "clipboard", "\x1b]52;c;ZWNobw==\x07",
   "writes what the person pastes next, or reads what was copied"},
  {VtKind::kOsc, "0", "", kDrop, "title", "\x1b]0;x\x07",
   "a title can be reported as input, and imitates other windows"},
  {VtKind::kOsc, "1", "", kDrop, "title", "\x1b]1;x\x07", "as 0"},
  {VtKind::kOsc, "2", "", kDrop, "title", "\x1b]2;x\x07", "as 0"},
  {VtKind::kOsc, "l", "", kDrop, "title", "\x1b]lx\x1b\\", "as 0, of Sun's terminals and dtterm"},
  {VtKind::kOsc, "L", "", kDrop, "title", "\x1b]Lx\x1b\\", "as 0, of Sun's terminals and dtterm"},
  {VtKind::kOsc, "3", "", kDrop, "window property", "\x1b]3;A=b\x07", "any property of the window"},
  {VtKind::kOsc, "4", "", kPass, "palette", "\x1b]4;1;#fff\x07",
   "set or asked for (the answer is a colour); put right at the end"},
  {VtKind::kOsc, "", "10-19", kPass, "colours", "\x1b]11;?\x07",
   "set or asked for (the answer is a colour), to choose light or dark; put right at the end"},
  {VtKind::kOsc, "", "104 110-119", kPass, "colours", "\x1b]104\x07", "back to what they were"},
  {VtKind::kOsc, "8", "", kPass, "link", "\x1b]8;;https://example.org\x07",
   "to http and https; opened only by the person's click"},
  {VtKind::kOsc, "8", "", kDrop, "link", "\x1b]8;;file:///etc/passwd\x07",
   "a file of the host is not the one that the agent wrote, and other schemes start programs"},
  {VtKind::kOsc, "9", "", kPass, "progress", "\x1b]9;4;1;50\x07", "9;4: a bar, in numbers"},
  {VtKind::kOsc, "9", "", kDrop, "notification", "\x1b]9;Pay now\x07",
   "speaks to the person outside of the window, in the desktop's name"},
  {VtKind::kOsc, "99", "", kDrop, "notification", "\x1b]99;;Pay now\x1b\\", "as 9; kitty"},
  {VtKind::kOsc, "777", "", kDrop, "notification", "\x1b]777;notify;Pay;now\x07", "as 9; rxvt"},
  {VtKind::kOsc, "7", "", kDrop, "working directory", "\x1b]7;file:///tmp\x07",
   "the person's next tab would open where the agent says"},
  {VtKind::kOsc, "46", "", kDrop, "log file", "\x1b]46;/tmp/log\x07", "names a file to be written"},
  {VtKind::kOsc, "50", "", kDrop, "font", "\x1b]50;?\x07",
   "the answer is a string that was set before"},
  {VtKind::kOsc, "51", "", kDrop, "editor command", "\x1b]51;Efind-file x\x1b\\",
   "calls functions of the editor that shows the terminal: Emacs, Vim"},
  {VtKind::kOsc, "133", "", kDrop, "shell integration", "\x1b]133;A\x07",
   "passes as a prompt of the person's shell, whose commands a terminal offers to repeat"},
  {VtKind::kOsc, "633", "", kDrop, "shell integration", "\x1b]633;E;true\x07", "as 133; VS Code"},
  {VtKind::kOsc, "1337", "", kDrop, "terminal's own commands", "\x1b]1337;CopyToClipboard=\x07",
   "iTerm2: files, clipboard, focus, variables"},
  {VtKind::kOsc, "P", "", kDrop, "palette of the console", "\x1b]P1aa0000",
   "Linux's console ends it without a terminator, others do not"},
  {VtKind::kOsc, "R", "", kDrop, "palette of the console", "\x1b]R",
   "Linux's console ends it without a terminator, others do not"},
  {VtKind::kOsc, "", "", kDrop, "unknown command", "\x1b]31337;x\x07",
   "it shows nothing, and what a terminal does with it is not known here"},

  // --- strings ---
  {VtKind::kString, "P", "", kDrop, "device control", "\x1bP$qm\x1b\\",
   "DECRQSS and XTGETTCAP repeat what they were asked as input, DECUDK gives keys a meaning, tmux "
   "hands its content on past this table, pictures are decoded; no agent's screen needs one"},
  {VtKind::kString, "_", "", kDrop, "application command", "\x1b_Gt=f;L2V0Yw==\x1b\\",
   "kitty reads files that it names; the title of screen"},
  {VtKind::kString, "^", "", kDrop, "privacy message", "\x1b^x\x1b\\", "screen's own messages"},
  {VtKind::kString, "X", "", kDrop, "string", "\x1bXx\x1b\\", "nobody shows it"},
  {VtKind::kString, "k", "", kDrop, "title", "\x1bkx\x1b\\", "a title, of screen and tmux"},
  {VtKind::kString, "\"", "", kDrop, "title", "\x1b\"x\x1b\\", "as k, in screen"},
  {VtKind::kString, "!", "", kDrop, "global message", "\x1b!x\x1b\\",
   "screen shows it in the message line of every terminal that is attached"},
};
// clang-format on

/// Saturates: a number that a terminal may cut off could be any.
constexpr unsigned kTooLarge = 65536;

/// One parameter; nothing when it is more than a number.
std::optional<unsigned> Number(std::string_view text) {
  unsigned value = 0;
  if (text.empty()) return 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return std::nullopt;
  return error == std::errc{} ? std::min(value, kTooLarge) : kTooLarge;
}

bool IsListed(unsigned value, std::string_view list) {
  return std::ranges::any_of(list | std::views::split(' '), [&](auto&& part) {
    const std::string_view range(part.begin(), part.end());
    const std::size_t dash = range.find('-');
    const unsigned low = Number(range.substr(0, dash)).value_or(0);
    const unsigned high = dash == range.npos ? low : Number(range.substr(dash + 1)).value_or(0);
    return low <= value && value <= high;
  });
}

/// A row without a form lists final characters that stand alone.
bool FitsFinal(const VtRule& rule, std::string_view form) {
  return rule.parameters.empty() || (form.size() == 1 && rule.parameters.contains(form[0]));
}

bool FitsEscape(const VtRule& rule, std::string_view form) {
  if (rule.form.empty()) return FitsFinal(rule, form);
  if (rule.parameters.empty()) return rule.form == form;
  return form.size() == 2 && rule.form[0] == form[0] && rule.parameters.contains(form[1]);
}

/// Each of several modes is switched; of other functions the first parameter says which it is.
bool FitsParameters(const VtRule& rule, std::string_view text) {
  if (rule.parameters.empty()) return true;
  if (rule.passes) {
    const bool each = rule.form.ends_with('h') || rule.form.ends_with('l');
    const std::string_view deciding = each ? text : text.substr(0, text.find(';'));
    return std::ranges::all_of(deciding | std::views::split(';'),
                               [&](auto&& part) {
                                 const auto number =
                                     Number(std::string_view(part.begin(), part.end()));
                                 return number && IsListed(*number, rule.parameters);
                               }) &&
           !deciding.empty();
  }
  return std::ranges::any_of(text | std::views::split(';'), [&](auto&& part) {
    const auto number = Number(std::string_view(part.begin(), part.end()));
    return !number || *number == kTooLarge || IsListed(*number, rule.parameters);
  });
}

bool FitsCsi(const VtRule& rule, std::string_view form, std::string_view text) {
  if (rule.form.empty()) return FitsFinal(rule, form);
  return rule.form == form && FitsParameters(rule, text);
}

/// No terminal needs "011"; written so a number could be a name that no row has.
bool FitsCommand(const VtRule& rule, std::string_view command) {
  if (rule.parameters.empty()) return true;
  const auto number = Number(command);
  return number && !command.starts_with('0') && IsListed(*number, rule.parameters);
}

/// "id=1;https://example.org", or nothing at all after the semicolon: the end of a link.
bool IsHarmlessLink(std::string_view text) {
  const std::size_t semicolon = text.find(';');
  if (semicolon == std::string_view::npos) return false;
  const std::string_view target = text.substr(semicolon + 1);
  return target.empty() || target.starts_with("https://") || target.starts_with("http://");
}

bool IsProgress(std::string_view text) {
  return text.starts_with("4;") && text.find_first_not_of("0123456789;") == text.npos;
}

/// "1;#fff;2;?": from 256 on they are no colours of the palette, and have a reset of their own.
bool IsPalette(std::string_view text) {
  bool is_index = true;
  for (auto&& part : text | std::views::split(';')) {
    const auto number = is_index ? Number(std::string_view(part.begin(), part.end())) : 0;
    if (!number || *number > 255) return false;
    is_index = !is_index;
  }
  return is_index;
}

bool FitsPayload(const VtRule& rule, std::string_view text) {
  if (rule.name == "palette") return IsPalette(text);
  if (rule.name == "link") return !rule.passes || IsHarmlessLink(text);
  if (rule.name == "progress") return IsProgress(text);
  return true;
}

}  // namespace

std::span<const VtRule> VtRules() { return kRules; }

const VtRule& FindVtRule(VtKind kind, std::string_view form, std::string_view text) {
  return *std::ranges::find_if(kRules, [&](const VtRule& rule) {
    if (rule.kind != kind) return false;
    if (kind == VtKind::kEscape) return FitsEscape(rule, form);
    if (kind == VtKind::kCsi) return FitsCsi(rule, form, text);
    return (rule.form.empty() || rule.form == form) &&
           (kind != VtKind::kOsc || (FitsCommand(rule, form) && FitsPayload(rule, text)));
  });
}

}  // namespace ambit::proto
