#include "base/text.h"

#include <gtest/gtest.h>

namespace ambit {
namespace {

TEST(Printable, KeepsOrdinaryText) { EXPECT_EQ(Printable("src/größe.cc"), "src/größe.cc"); }

TEST(Printable, ShowsControlBytesAsEscapes) {
  EXPECT_EQ(Printable("a\x1b[31mb\n"), "a\\x1b[31mb\\n");
  EXPECT_EQ(Printable("back\\slash"), "back\\\\slash");
}

TEST(Printable, ShowsC1AndBidiControls) {
  EXPECT_EQ(Printable("\xC2\x9B"), "\\u009b");
  EXPECT_EQ(Printable("\xE2\x80\xAE"), "\\u202e");
}

TEST(Printable, ShowsBytesThatAreNotUtf8) {
  EXPECT_EQ(Printable("\xC0\xAF"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(Printable("\xED\xA0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(Printable("\xE2\x82"), "\\xe2\\x82");           // cut short
}

TEST(WithoutControls, KeepsLineEndsAndWhatIsEscapedAlready) {
  EXPECT_EQ(WithoutControls("a\\x1b\nb\x1b[0m"), "a\\x1b\nb\\x1b[0m");
  EXPECT_EQ(WithoutControls("\xF3\xA0\x81\x81"), "\\ue0041");  // a tag: hidden ASCII
}

TEST(JsonEscape, AlwaysGivesAValidString) {
  EXPECT_EQ(JsonEscape("a\"b\\c\n\x1b"), "a\\\"b\\\\c\\u000a\\u001b");
  EXPECT_EQ(JsonEscape("\xFF"), "\xEF\xBF\xBD");
  EXPECT_EQ(JsonEscape("\xF3\xA0\x81\x81"), "\\udb40\\udc41");
}

TEST(Count, SaysOneThingAndManyThings) {
  EXPECT_EQ(Count(1, "file"), "1 file");
  EXPECT_EQ(Count(0, "file"), "0 files");
  EXPECT_EQ(Count(1, "directory"), "1 directory");
  EXPECT_EQ(Count(3, "directory"), "3 directories");
}

}  // namespace
}  // namespace ambit
