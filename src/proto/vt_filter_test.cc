#include "proto/vt_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace ambit::proto {
namespace {

std::string Shown(std::string_view bytes) {
  VtModes modes;
  VtFilter filter(modes);
  std::string out;
  filter.Filter(bytes, out);
  return out;
}

void ExpectDecision(const VtRule& rule, const VtFilter& filter) {
  const auto dropped = filter.dropped();
  ASSERT_EQ(dropped.size(), rule.passes ? 0U : 1U);
  if (rule.passes) return;
  EXPECT_EQ(dropped[0].name, rule.name);
  EXPECT_EQ(dropped[0].count, 1U);
}

TEST(VtFilter, DoesWithEachRowsExampleWhatTheRowSaysWhereverTheChunksEnd) {
  for (const VtRule& rule : VtRules()) {
    SCOPED_TRACE(std::string(rule.name) + ": " + std::string(rule.reason));
    const std::string input = "a" + std::string(rule.example) + "b";
    for (std::size_t cut = 0; cut <= input.size(); ++cut) {
      VtModes modes;
      VtFilter filter(modes);
      std::string out;
      filter.Filter(std::string_view(input).substr(0, cut), out);
      filter.Filter(std::string_view(input).substr(cut), out);
      EXPECT_EQ(out, rule.passes ? input : "ab") << "cut at " << cut;
      ExpectDecision(rule, filter);
    }
    EXPECT_FALSE(rule.reason.empty());
  }
}

TEST(VtFilter, LetsTextPassUnchanged) {
  const std::string text =
      "plain\r\n\ttab \b\a\x7f \xc2\xa0 \xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x8e\x89 "
      "\xed\x9f\xbf";
  EXPECT_EQ(Shown(text), text);
}

TEST(VtFilter, LetsPassWhatFullScreenProgramsUse) {
  for (const std::string_view sequence :
       {"\x1b[?1049h",      "\x1b[?2004h",
        "\x1b[?1000;1006h", "\x1b[?2026h",
        "\x1b[c",           "\x1b[>c",
        "\x1b[6n",          "\x1b[?u",
        "\x1b[>1u",         "\x1b[<u",
        "\x1b[>q",          "\x1b[2 q",
        "\x1b[38;2;1;2;3m", "\x1b[4:3m",
        "\x1b[?2026$p",     "\x1b]11;?\x1b\\",
        "\x1b(0",           "\x1b=",
        "\x1b(B",           "\x1b)0",
        "\x1b#8",           "\x1b[?8l",
        "\x1b[!p",          "\x1b[>4;2m",
        "\x1b[18t",         "\x1b]8;id=1;https://example.org/?q=1\x1b\\",
        "\x1b]8;;\x1b\\"}) {
    EXPECT_EQ(Shown(sequence), sequence);
  }
}

TEST(VtFilter, DropsWhatCannotBeOfAHarmlessForm) {
  for (const std::string_view sequence : {
           "\x1b]052;c;eA==\x07",  // a number that is read as 52
           "\x1b[021t",
           "\x1b[21;14t",   //
           "\x1b[20:14t",   //
           "\x1b[?65538l",  // cut off to 16 bits it is ?2l
           "\x1b[?25;2l",
           "\x1b[?1;2:1l",  //
           "\x1b[2?1h",     // a prefix in the wrong place
           "\x1b]8;;http://a\xc2\x9d"
           "52\x07",  // bytes that a link cannot have
           "\x1b]10\x18",
           "\x1b[3\x1a",  // cancelled
           "\x1b!x\x1b\\",
           "\x1b\"x\x1b\\",  // strings of screen
           "\x1b($",
           "\x1b([",
           "\x1b(]",
           "\x1b(P",  // to screen these begin what they do alone
           "\x1b(k",
           "\x1b)_",
           "\x1b#^",
           "\x1b(\"!",
           "\x1b(%5",
           "\x1b(\">",
           "\x1b$B",
           "\x1b$)A",
           "\x1b[132$|",
           "\x1b[$|",
           "\x1b[36*|",  // columns and lines of the window
           "\x1b[?3h",
           "\x1b[?3l",
           "\x1b[?40h",
           "\x1b[?25;40h",
           "\x1b[?1043h",
           "\x1b[?1042h",
           "\x1b[1$}",
           "\x1b[2$~",  // the status line
           "\x1b[?1034h",
           "\x1b[?1036l",
           "\x1b[?1039h",
           "\x1b[?1046l",
           "\x1b[?1060h",
           "\x1b[?1061h",
           "\x1b[?42h",
           "\x1b[?35h",
           "\x1b[?1045h",
           "\x1b[?25;1034h",
           "\x1b[?1000:0h",
           "\x1b[3h",  // modes that nobody puts right
           "\x1b[>m",
           "\x1b[>0;1m",
           "\x1b[>1;2m",
           "\x1b[>2m",
           "\x1b[>4:2m",
           "\x1b[>1n",
           "\x1b[>2p",
           "\x1b[>1s",  // keys and pointer
           "\x1b[>5i",
           "\x1b[=5i",
           "\x1b[<21t",
           "\x1b[=21t",
           "\x1b[<5;1h",
           "\x1b[?5W",  // a prefix that a terminal may not see
           "\x1bV",
           "\x1b[1\"q",
           "\x1bl",
           "\x1bH",
           "\x1b[3g",
           "\x1b[2q",  // guarded area, locked memory, tab stops, lamps
           "\x1b[#{",
           "\x1b[#}",
           "\x1b]4;256;#fff\x07",
           "\x1b]4;1\x07",
       }) {
    EXPECT_EQ(Shown(sequence), "") << Shown(sequence);
  }
}

TEST(VtFilter, ShowsEightBitControlsAsCharactersThatCannotBeShown) {
  EXPECT_EQ(Shown("\x9b"
                  "21t"),
            "\xef\xbf\xbd"
            "21t");
  EXPECT_EQ(Shown("\xc2\x9d"
                  "52;c;eA==\xc2\x9c"),
            "\xef\xbf\xbd"
            "52;c;eA==\xef\xbf\xbd");
  EXPECT_EQ(Shown("\xe0\x82\x9b"), "\xe0\xef\xbf\xbd\xef\xbf\xbd");  // no short form in a long one
}

TEST(VtFilter, TakesNothingForTheEndOfATitleButItsEnd) {
  // The middle byte of the second character is also the 8-bit end of a string.
  EXPECT_EQ(Shown("\x1b]0;\xe6\x97\xa5\xe6\x9c\xac\x07shown"), "shown");
}

TEST(VtFilter, GoesOnAfterAStringThatNobodyEnds) {
  EXPECT_EQ(Shown("\x1b]52;c;eA==\x1b[1mshown"), "\x1b[1mshown");
  EXPECT_EQ(Shown("\x1bP+q\x18shown"), "shown");
}

TEST(VtFilter, PutsAControlInTheMiddleOfASequenceBeforeIt) {
  EXPECT_EQ(Shown("\x1b[3\n1m"), "\n\x1b[31m");
  EXPECT_EQ(Shown("\x1b[3\x05"
                  "1m"),
            "\x1b[31m");
}

TEST(VtFilter, HoldsBackNoTextAndNoMoreOfASequenceThanItsLimit) {
  VtModes modes;
  VtFilter filter(modes);
  std::string out;
  filter.Filter("\x1b]8;;http://", out);
  filter.Filter(std::string(std::size_t{1} << 20, 'a'), out);
  EXPECT_EQ(out, "");
  filter.Filter("\x07shown", out);
  EXPECT_EQ(out, "shown");
  out.clear();
  filter.Filter("\x1b[" + std::string(VtFilter::kLongest * 2, '1') + "mshown", out);
  EXPECT_EQ(out, "shown");
}

TEST(VtFilter, DropsWhatEmacsTakesForAWordOfItsOwn) {
  EXPECT_EQ(Shown("\x1b"
                  "AnSiTc /tmp\n"),
            "nSiTc /tmp\n");
  EXPECT_EQ(Shown("\x1a\x1a/etc/passwd:1:x\r\n"), "/etc/passwd:1:x\r\n");
}

std::string UndoneAfter(std::string_view bytes) {
  VtModes modes;
  VtFilter filter(modes);
  std::string out;
  filter.Filter(bytes, out);
  return Undo(modes);
}

// Attributes, letters, shift; then all of it is what ESC 8 brings back.
constexpr std::string_view kCleanPen =
    "\x1b[m\x1b(B\x0f\x1b"
    "7";

std::string Cleaned(std::string_view before = {}) {
  return std::string(before) + std::string(kCleanPen);
}

TEST(VtModes, NothingIsUndoneOfTextAndOfWhatWasPutRight) {
  EXPECT_EQ(UndoneAfter("text\r\n\x1b[2J\x1b[3;4H\x1b]10;?\x07\x1b]4;1;?\x07\x1b[m\x1b]8;;\x07"),
            "");
  EXPECT_EQ(UndoneAfter("\x1b[?1000h\x1b[?25l\x1b[>1u\x1b[<u\x1b[?25h\x1b[?1000l\x1b[5 q\x1b[ q"),
            "");
  EXPECT_EQ(UndoneAfter("\x1b[?1049h\x1b[>1u\x1b[1m\x1b[m\x1b[<u\x1b[?1049l"), kCleanPen);
}

TEST(VtModes, WhatWasLeftOnIsUndoneInAnOrderThatShowsThePersonsScreen) {
  EXPECT_EQ(UndoneAfter("\x1b[?1000;1006h\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b=\x1b[7m"),
            Cleaned("\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1006l\x1b[?2004l\x1b>"));
  EXPECT_EQ(UndoneAfter("\x1b[?2026h"), "\x1b[?2026l");
  EXPECT_EQ(UndoneAfter("\x1b[?8l"), "\x1b[?8h");
  EXPECT_EQ(UndoneAfter("\x1b[3;9r"), Cleaned("\x1b"
                                              "7\x1b[r\x1b"
                                              "8"));
  EXPECT_EQ(UndoneAfter("\x1b[?1049h\x1b[3;9r"), Cleaned("\x1b[r\x1b[?1049l"));
  EXPECT_EQ(UndoneAfter("\x1b[4h\x1b[5 q\x1b[>4;2m\x1b[34l"), "\x1b[4l\x1b[34h\x1b[>4m\x1b[0 q");
  EXPECT_EQ(UndoneAfter("\x1b[?8c\x1b]9;4;1;50\x07"), "\x1b[?0c\x1b]9;4;0\x1b\\");
}

TEST(VtModes, EveryModeThatPassesIsUndoneButTheSavedCursor) {
  for (const std::string_view prefix : {"?", ""}) {
    for (int number = 0; number < 10000; ++number) {
      const std::string mode = "\x1b[" + std::string(prefix) + std::to_string(number);
      EXPECT_EQ(Shown(mode + "h").empty(), Shown(mode + "l").empty()) << mode;
      if (Shown(mode + "h").empty() || number == 1048) continue;
      EXPECT_NE(UndoneAfter(mode + "h") + UndoneAfter(mode + "l"), "") << mode;
    }
  }
}

TEST(VtModes, AttributesAndLettersThatWereSavedAreNotBroughtBack) {
  for (const std::string_view bytes : {"\x1b(0\x1b"
                                       "7\x1b(B\x1b"
                                       "8",
                                       "\x1b[8m\x1b"
                                       "7\x1b[m\x1b"
                                       "8",
                                       "\x1b[8m\x1b[s\x1b[m\x1b[u", "\x1b[8m\x1b[?1048h\x1b[m",
                                       "\x0e\x1b[?1048h\x0f", "\x1b(0\x1b[!p",
                                       "\x1b[8m\x1b"
                                       "c"}) {
    EXPECT_EQ(UndoneAfter(bytes), kCleanPen) << bytes;
  }
  EXPECT_EQ(UndoneAfter("\x1b[8m\x1b[?1049h\x1b[m"), Cleaned("\x1b[?1049l"));
  EXPECT_EQ(UndoneAfter("\x1b[?6h\x1b[?1049h\x1b[?6l"), Cleaned("\x1b[?1049l\x1b[?6l"));
  EXPECT_EQ(UndoneAfter("\x1b)0\x1b+A\x0e"),
            "\x1b[m\x1b(B\x1b)B\x1b+B\x0f\x1b"
            "7");
  EXPECT_EQ(UndoneAfter("\x1b[?6;7h\x1b[?7l\x1b"
                        "7\x1b[?6l\x1b[?7h\x1b"
                        "8"),
            Cleaned("\x1b[?6l\x1b[?7h"));
}

TEST(VtModes, AResetPutsNothingRightForCertain) {
  EXPECT_EQ(UndoneAfter("\x1b]11;#000000\x07\x1b]10;#000000\x07\x1b"
                        "c"),
            "\x1b]110\x1b\\\x1b]111\x1b\\");
  EXPECT_EQ(UndoneAfter("\x1b[?1003h\x1b[>4;2m\x1b[>1u\x1b"
                        "c"),
            "\x1b[?1003l\x1b[<1u\x1b[>4m");
  // Entered again where it was left, so that the cursor stays.
  EXPECT_EQ(UndoneAfter("\x1b[?1049h\x1b"
                        "c"),
            "\x1b[?1049h\x1b[?1049l");
}

TEST(VtModes, KeyboardFlagsAreUndoneOnTheScreenTheyBelongTo) {
  EXPECT_EQ(UndoneAfter("\x1b[>1u\x1b[?1049h\x1b[>1u\x1b[>1u\x1b[<u"),
            "\x1b[<1u\x1b[?1049l\x1b[<1u");
  EXPECT_EQ(UndoneAfter("\x1b[=5u"), "\x1b[=0;1u");
  EXPECT_EQ(UndoneAfter("\x1b[=1;1u\x1b[=0;3u"), "\x1b[=0;1u");
  EXPECT_EQ(UndoneAfter("\x1b[>1u\x1b[<0u"), "\x1b[<1u");
  EXPECT_EQ(UndoneAfter("\x1b[?1049h\x1b[>1u\x1b[?1049l"),
            Cleaned("\x1b[?1049h\x1b[<1u\x1b[?1049l"));
  std::string many;
  for (int i = 0; i < 200; ++i) many += "\x1b[>1u";
  EXPECT_EQ(UndoneAfter(many + "\x1b[<99u"), "\x1b[<9999u");
}

TEST(VtModes, KeyboardFlagsAreUndoneOnBothScreensWhenTerminalsDifferInWhichItIs) {
  EXPECT_EQ(UndoneAfter("\x1b[?1049h\x1b[?47l\x1b[>1u\x1b[?1049h"),
            "\x1b[?1049h\x1b[<1u\x1b[?1049l\x1b[<1u");
}

TEST(VtModes, OtherKeysAreUndoneHoweverTheNumberIsWritten) {
  EXPECT_EQ(UndoneAfter("\x1b[>04;2m"), "\x1b[>4m");
  EXPECT_EQ(UndoneAfter("\x1b[>4;2m\x1b[>4;00m"), "\x1b[>4m");
  EXPECT_EQ(UndoneAfter("\x1b[>4n"), "\x1b[>4m");
}

TEST(VtModes, ColoursAndLinksAreUndone) {
  EXPECT_EQ(UndoneAfter("\x1b]4;1;#fff\x07\x1b]10;#fff;#000\x07\x1b]8;;http://a\x07"),
            Cleaned("\x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]8;;\x1b\\"));
  EXPECT_EQ(UndoneAfter("\x1b]8;;http://evil/;\x07"), Cleaned("\x1b]8;;\x1b\\"));
  EXPECT_EQ(UndoneAfter("\x1b]4;1;?;2;#fff\x07"), "\x1b]104\x1b\\");
  EXPECT_EQ(UndoneAfter("\x1b]11;#000\x07\x1b]111;x\x07"), "\x1b]111\x1b\\");
}

}  // namespace
}  // namespace ambit::proto
