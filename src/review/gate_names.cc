// How a careless file system or program reads a name: see gate.h.
#include "review/gate_names.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace ambit::review {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

/// Seen by nobody and ignored by HFS+ or by whoever compares by Unicode's rules: what has the
/// property Default_Ignorable_Code_Point (Unicode 14, DerivedCoreProperties), and U+0307, so that
/// both forms of a dotted capital I become "i".
constexpr std::array kIgnored = {
    Range{0x00AD, 0x00AD},   Range{0x0307, 0x0307},   Range{0x034F, 0x034F},
    Range{0x061C, 0x061C},   Range{0x115F, 0x1160},   Range{0x17B4, 0x17B5},
    Range{0x180B, 0x180F},   Range{0x200B, 0x200F},   Range{0x202A, 0x202E},
    Range{0x2060, 0x206F},   Range{0x3164, 0x3164},   Range{0xFE00, 0xFE0F},
    Range{0xFEFF, 0xFEFF},   Range{0xFFA0, 0xFFA0},   Range{0xFFF0, 0xFFF8},
    Range{0x1BCA0, 0x1BCA3}, Range{0x1D173, 0x1D17A}, Range{0xE0000, 0xE0FFF},
};

struct Fold {
  char32_t first;
  char32_t last;
  char ascii;  // of `first`
  int step;    // 1: the following ones become the following letters; 0: all become the same
};

/// What compatibility normalization and case folding (Unicode 14, NFKC_Casefold) turn into one
/// ASCII character that stands in names of the list; the dotless i and hyphens beside it. The
/// mathematical alphabets are not here: FoldedMath.
// clang-format off
constexpr Fold kFolds[] = {
    {0xA0, 0xA0, ' ', 0}, {0xAA, 0xAA, 'a', 0}, {0xB2, 0xB3, '2', 1}, {0xB9, 0xB9, '1', 0},
    {0xBA, 0xBA, 'o', 0}, {0x130, 0x131, 'i', 0}, {0x17F, 0x17F, 's', 0}, {0x2B0, 0x2B0, 'h', 0},
    {0x2B2, 0x2B2, 'j', 0}, {0x2B3, 0x2B3, 'r', 0}, {0x2B7, 0x2B7, 'w', 0}, {0x2B8, 0x2B8, 'y', 0},
    {0x2E1, 0x2E1, 'l', 0}, {0x2E2, 0x2E2, 's', 0}, {0x2E3, 0x2E3, 'x', 0},
    {0x1D2C, 0x1D2C, 'a', 0}, {0x1D2E, 0x1D2E, 'b', 0}, {0x1D30, 0x1D31, 'd', 1},
    {0x1D33, 0x1D3A, 'g', 1}, {0x1D3C, 0x1D3C, 'o', 0}, {0x1D3E, 0x1D3E, 'p', 0},
    {0x1D3F, 0x1D3F, 'r', 0}, {0x1D40, 0x1D41, 't', 1}, {0x1D42, 0x1D42, 'w', 0},
    {0x1D43, 0x1D43, 'a', 0}, {0x1D47, 0x1D47, 'b', 0}, {0x1D48, 0x1D49, 'd', 1},
    {0x1D4D, 0x1D4D, 'g', 0}, {0x1D4F, 0x1D4F, 'k', 0}, {0x1D50, 0x1D50, 'm', 0},
    {0x1D52, 0x1D52, 'o', 0}, {0x1D56, 0x1D56, 'p', 0}, {0x1D57, 0x1D58, 't', 1},
    {0x1D5B, 0x1D5B, 'v', 0}, {0x1D62, 0x1D62, 'i', 0}, {0x1D63, 0x1D63, 'r', 0},
    {0x1D64, 0x1D65, 'u', 1}, {0x1D9C, 0x1D9C, 'c', 0}, {0x1DA0, 0x1DA0, 'f', 0},
    {0x1DBB, 0x1DBB, 'z', 0}, {0x2000, 0x200A, ' ', 0}, {0x2010, 0x2011, '-', 0},
    {0x2024, 0x2024, '.', 0}, {0x202F, 0x202F, ' ', 0}, {0x205F, 0x205F, ' ', 0},
    {0x2070, 0x2070, '0', 0}, {0x2071, 0x2071, 'i', 0}, {0x2074, 0x2079, '4', 1},
    {0x207F, 0x207F, 'n', 0}, {0x2080, 0x2089, '0', 1}, {0x2090, 0x2090, 'a', 0},
    {0x2091, 0x2091, 'e', 0}, {0x2092, 0x2092, 'o', 0}, {0x2093, 0x2093, 'x', 0},
    {0x2095, 0x2095, 'h', 0}, {0x2096, 0x2099, 'k', 1}, {0x209A, 0x209A, 'p', 0},
    {0x209B, 0x209C, 's', 1}, {0x2102, 0x2102, 'c', 0}, {0x210A, 0x210B, 'g', 1},
    {0x210C, 0x210E, 'h', 0}, {0x2110, 0x2111, 'i', 0}, {0x2112, 0x2113, 'l', 0},
    {0x2115, 0x2115, 'n', 0}, {0x2119, 0x211B, 'p', 1}, {0x211C, 0x211D, 'r', 0},
    {0x2124, 0x2124, 'z', 0}, {0x2128, 0x2128, 'z', 0}, {0x212A, 0x212A, 'k', 0},
    {0x212C, 0x212D, 'b', 1}, {0x212F, 0x2130, 'e', 0}, {0x2131, 0x2131, 'f', 0},
    {0x2133, 0x2133, 'm', 0}, {0x2134, 0x2134, 'o', 0}, {0x2139, 0x2139, 'i', 0},
    {0x2145, 0x2146, 'd', 0}, {0x2147, 0x2147, 'e', 0}, {0x2148, 0x2149, 'i', 1},
    {0x2160, 0x2160, 'i', 0}, {0x2164, 0x2164, 'v', 0}, {0x2169, 0x2169, 'x', 0},
    {0x216C, 0x216C, 'l', 0}, {0x216D, 0x216E, 'c', 1}, {0x216F, 0x216F, 'm', 0},
    {0x2170, 0x2170, 'i', 0}, {0x2174, 0x2174, 'v', 0}, {0x2179, 0x2179, 'x', 0},
    {0x217C, 0x217C, 'l', 0}, {0x217D, 0x217E, 'c', 1}, {0x217F, 0x217F, 'm', 0},
    {0x2460, 0x2468, '1', 1}, {0x24B6, 0x24CF, 'a', 1}, {0x24D0, 0x24E9, 'a', 1},
    {0x24EA, 0x24EA, '0', 0}, {0x2C7C, 0x2C7C, 'j', 0}, {0x2C7D, 0x2C7D, 'v', 0},
    {0x3000, 0x3000, ' ', 0}, {0xA7F2, 0xA7F2, 'c', 0}, {0xA7F3, 0xA7F3, 'f', 0},
    {0xA7F4, 0xA7F4, 'q', 0}, {0xFE13, 0xFE13, ':', 0}, {0xFE33, 0xFE34, '_', 0},
    {0xFE4D, 0xFE4F, '_', 0}, {0xFE52, 0xFE52, '.', 0}, {0xFE55, 0xFE55, ':', 0},
    {0xFE63, 0xFE63, '-', 0}, {0xFE68, 0xFE68, '\\', 0}, {0xFE6B, 0xFE6B, '@', 0},
    {0xFF0D, 0xFF1A, '-', 1}, {0xFF20, 0xFF20, '@', 0}, {0xFF21, 0xFF3A, 'a', 1},
    {0xFF3C, 0xFF3C, '\\', 0}, {0xFF3F, 0xFF3F, '_', 0}, {0xFF41, 0xFF5A, 'a', 1},
    {0xFF5E, 0xFF5E, '~', 0}, {0x107A5, 0x107A5, 'q', 0}, {0x1D6A4, 0x1D6A4, 'i', 0},
    {0x1F12B, 0x1F12B, 'c', 0}, {0x1F12C, 0x1F12C, 'r', 0}, {0x1F130, 0x1F149, 'a', 1},
    {0x1FBF0, 0x1FBF9, '0', 1},
};

/// The same for what becomes several letters.
struct LongFold {
  char32_t point;
  std::string_view ascii;
};
constexpr LongFold kLongFolds[] = {
    {0xDF, "ss"}, {0x132, "ij"}, {0x133, "ij"}, {0x1C7, "lj"}, {0x1C8, "lj"}, {0x1C9, "lj"},
    {0x1CA, "nj"}, {0x1CB, "nj"}, {0x1CC, "nj"}, {0x1F1, "dz"}, {0x1F2, "dz"}, {0x1F3, "dz"},
    {0x1E9E, "ss"}, {0x2025, ".."}, {0x2026, "..."}, {0x20A8, "rs"}, {0x2116, "no"}, {0x2120, "sm"},
    {0x2121, "tel"}, {0x2122, "tm"}, {0x213B, "fax"}, {0x2161, "ii"}, {0x2162, "iii"},
    {0x2163, "iv"}, {0x2165, "vi"}, {0x2166, "vii"}, {0x2167, "viii"}, {0x2168, "ix"},
    {0x216A, "xi"}, {0x216B, "xii"}, {0x2171, "ii"}, {0x2172, "iii"}, {0x2173, "iv"},
    {0x2175, "vi"}, {0x2176, "vii"}, {0x2177, "viii"}, {0x2178, "ix"}, {0x217A, "xi"},
    {0x217B, "xii"}, {0x3250, "pte"}, {0x32CC, "hg"}, {0x32CD, "erg"}, {0x32CE, "ev"},
    {0x32CF, "ltd"}, {0x3371, "hpa"}, {0x3372, "da"}, {0x3373, "au"}, {0x3374, "bar"},
    {0x3375, "ov"}, {0x3376, "pc"}, {0x3377, "dm"}, {0x337A, "iu"}, {0x3380, "pa"}, {0x3381, "na"},
    {0x3383, "ma"}, {0x3384, "ka"}, {0x3385, "kb"}, {0x3386, "mb"}, {0x3387, "gb"}, {0x3388, "cal"},
    {0x3389, "kcal"}, {0x338A, "pf"}, {0x338B, "nf"}, {0x338E, "mg"}, {0x338F, "kg"},
    {0x3390, "hz"}, {0x3391, "khz"}, {0x3392, "mhz"}, {0x3393, "ghz"}, {0x3394, "thz"},
    {0x3396, "ml"}, {0x3397, "dl"}, {0x3398, "kl"}, {0x3399, "fm"}, {0x339A, "nm"}, {0x339C, "mm"},
    {0x339D, "cm"}, {0x339E, "km"}, {0x33A9, "pa"}, {0x33AA, "kpa"}, {0x33AB, "mpa"},
    {0x33AC, "gpa"}, {0x33AD, "rad"}, {0x33B0, "ps"}, {0x33B1, "ns"}, {0x33B3, "ms"},
    {0x33B4, "pv"}, {0x33B5, "nv"}, {0x33B7, "mv"}, {0x33B8, "kv"}, {0x33B9, "mv"}, {0x33BA, "pw"},
    {0x33BB, "nw"}, {0x33BD, "mw"}, {0x33BE, "kw"}, {0x33BF, "mw"}, {0x33C2, "a.m."},
    {0x33C3, "bq"}, {0x33C4, "cc"}, {0x33C5, "cd"}, {0x33C7, "co."}, {0x33C8, "db"}, {0x33C9, "gy"},
    {0x33CA, "ha"}, {0x33CB, "hp"}, {0x33CC, "in"}, {0x33CD, "kk"}, {0x33CE, "km"}, {0x33CF, "kt"},
    {0x33D0, "lm"}, {0x33D1, "ln"}, {0x33D2, "log"}, {0x33D3, "lx"}, {0x33D4, "mb"},
    {0x33D5, "mil"}, {0x33D6, "mol"}, {0x33D7, "ph"}, {0x33D8, "p.m."}, {0x33D9, "ppm"},
    {0x33DA, "pr"}, {0x33DB, "sr"}, {0x33DC, "sv"}, {0x33DD, "wb"}, {0x33FF, "gal"}, {0xFB00, "ff"},
    {0xFB01, "fi"}, {0xFB02, "fl"}, {0xFB03, "ffi"}, {0xFB04, "ffl"}, {0xFB05, "st"},
    {0xFB06, "st"}, {0xFE19, "..."}, {0xFE30, ".."}, {0x1F12D, "cd"}, {0x1F12E, "wz"},
    {0x1F14A, "hv"}, {0x1F14B, "mv"}, {0x1F14C, "sd"}, {0x1F14D, "ss"}, {0x1F14E, "ppv"},
    {0x1F14F, "wc"}, {0x1F16A, "mc"}, {0x1F16B, "md"}, {0x1F16C, "mr"}, {0x1F190, "dj"},
};
// clang-format on

/// U+1D400..U+1D6A3 are thirteen times two alphabets, U+1D7CE..U+1D7FF five times ten digits.
char FoldedMath(char32_t point) {
  if (point >= 0x1D400 && point <= 0x1D6A3) {
    return static_cast<char>('a' + static_cast<int>((point - 0x1D400) % 26));
  }
  if (point >= 0x1D7CE && point <= 0x1D7FF) {
    return static_cast<char>('0' + static_cast<int>((point - 0x1D7CE) % 10));
  }
  return '\0';
}

/// The range of a sorted table that holds `point`, or null.
template <class Table>
auto RangeOf(const Table& table, char32_t point) -> decltype(std::data(table)) {
  const auto* const it =
      std::ranges::lower_bound(table, point, {}, [](const auto& r) { return r.last; });
  return it != std::end(table) && it->first <= point ? &*it : nullptr;
}

void AppendFolded(std::string_view character, char32_t point, std::string& out) {
  if (RangeOf(kIgnored, point) != nullptr) return;
  if (const Fold* fold = RangeOf(kFolds, point)) {
    out += static_cast<char>(fold->ascii + fold->step * static_cast<int>(point - fold->first));
  } else if (const char math = FoldedMath(point); math != '\0') {
    out += math;
  } else if (const auto* it = std::ranges::lower_bound(kLongFolds, point, {}, &LongFold::point);
             it != std::end(kLongFolds) && it->point == point) {
    out += it->ascii;
  } else {
    out += character;
  }
}

/// Windows drops dots and spaces at the end of a name, and what follows a colon names a stream of
/// the file before it.
std::string_view AsWindowsOpensIt(std::string_view name) {
  if (const auto colon = name.find(':'); colon != std::string_view::npos && colon > 0) {
    name = name.substr(0, colon);
  }
  const auto last = name.find_last_not_of(". ");
  return name.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

}  // namespace

char AsciiLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string FoldName(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Char one = DecodeUtf8(text);
    if (one.length == 1) {
      out += AsciiLower(text[0]);
    } else if (one.length > 1) {
      AppendFolded(text.substr(0, one.length), one.point, out);
    }
    text.remove_prefix(std::max<std::size_t>(one.length, 1));
  }
  return out;
}

FoldedPath FoldPath(std::string_view path) {
  FoldedPath out;
  const std::string folded = FoldName(path);
  for (std::size_t at = 0; at <= folded.size();) {
    const std::size_t end = std::min(folded.find_first_of("/\\", at), folded.size());
    const std::string_view name = std::string_view(folded).substr(at, end - at);
    at = end + 1;
    const auto last = name.find_last_not_of(' ');
    if (last != std::string_view::npos && name.substr(0, last + 1) == "..") {
      out.components.emplace_back("..");
      out.climbs = true;
    } else if (const std::string_view opened = AsWindowsOpensIt(name); !opened.empty()) {
      out.components.emplace_back(opened);
    }
  }
  return out;
}

bool IsShortNameOf(std::string_view name, std::string_view long_name) {
  // Six characters of the part before the last dot, without dots and spaces, then "~1" and so on,
  // then three characters of the extension.
  long_name.remove_prefix(std::min(long_name.find_first_not_of('.'), long_name.size()));
  const auto dot = long_name.rfind('.');
  std::string base;
  for (const char c : long_name.substr(0, dot)) {
    if (c != '.' && c != ' ' && base.size() < 6) base += AsciiLower(c);
  }
  std::string extension;
  if (dot != std::string_view::npos) {
    for (const char c : long_name.substr(dot, 4)) extension += AsciiLower(c);
  }
  if (!name.starts_with(base)) return false;
  name.remove_prefix(base.size());
  return name.size() >= 2 && name[0] == '~' && name[1] >= '1' && name[1] <= '9' &&
         name.substr(2) == extension;
}

}  // namespace ambit::review
