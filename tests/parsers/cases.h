#pragma once
// Hostile names and what is around them, made at random but the same each time: from the words that
// parsers disagree about, joined and then damaged. AMBIT_CASES sets how many a test tries; with it
// the seed is a new one, which the test prints.
#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

namespace ambit::testing {

class Cases {
 public:
  explicit Cases(std::size_t by_default) : count_(by_default) {
    unsigned seed = 20'260'101;
    if (const char* wanted = std::getenv("AMBIT_CASES")) {
      count_ = std::stoul(wanted);
      seed = std::random_device()();
    }
    fmt::print("{} cases of seed {}\n", count_, seed);
    random_.seed(seed);
  }

  std::size_t count() const { return count_; }
  /// 0 to `end` - 1.
  std::size_t Below(std::size_t end) { return random_() % end; }
  bool OneIn(std::size_t chances) { return Below(chances) == 0; }

  std::string Name() {
    std::string name = Word();
    for (std::size_t more = Below(5); more > 0; --more) name += (OneIn(30) ? "" : ".") + Word();
    if (OneIn(8)) name += '.';
    for (char& c : name) {
      if (OneIn(6) && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    if (OneIn(3)) Damage(name);
    return name;
  }

  /// One byte more, less or other.
  void Damage(std::string& bytes) {
    constexpr std::string_view kLiked("\0\r\n\t .:@/%-_*x0[]#\\\x7f\x80\xe3", 22);
    const std::size_t at = Below(bytes.size() + 1);
    const char byte = OneIn(2) ? kLiked[Below(kLiked.size())] : static_cast<char>(Below(256));
    switch (Below(3)) {
      case 0:
        bytes.insert(at, 1, byte);
        break;
      case 1:
        if (at < bytes.size()) bytes.erase(at, 1);
        break;
      default:
        if (at < bytes.size()) bytes[at] = byte;
    }
  }

 private:
  std::string Word() {
    static constexpr std::array<std::string_view, 40> kWords = {"example",
                                                                "com",
                                                                "a",
                                                                "b-c",
                                                                "localhost",
                                                                "xn--80ak6aa92e",
                                                                "0",
                                                                "1",
                                                                "127",
                                                                "255",
                                                                "256",
                                                                "0177",
                                                                "0x7f",
                                                                "0X7F",
                                                                "0x",
                                                                "0xg",
                                                                "08",
                                                                "4294967295",
                                                                "4294967296",
                                                                "2130706433",
                                                                "0x7f000001",
                                                                "1e3",
                                                                "127.0.0.1",
                                                                "::1",
                                                                "[::1]",
                                                                "::ffff:127.0.0.1",
                                                                "fe80::1%lo",
                                                                "1a",
                                                                "a1",
                                                                "-a",
                                                                "a-",
                                                                "_dmarc",
                                                                "*",
                                                                "%2e",
                                                                "\xe3\x80\x82",
                                                                "\xef\xbd\x85xample",
                                                                "local",
                                                                "a.b",
                                                                "com",
                                                                "10"};
    if (OneIn(40)) return std::string(60 + Below(6), 'l');
    return std::string(kWords.at(Below(kWords.size())));
  }

  std::size_t count_;
  std::mt19937 random_;
};

}  // namespace ambit::testing
