#include "journal/verify.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "base/hex.h"
#include "journal/signed_record.h"
#include "journal/writer.h"
#include "sys/file.h"

namespace ambit::journal {
namespace {

SigningKey KeyNumber(std::uint8_t number) { return SigningKey::FromSeed({number}); }

class Directory {
 public:
  Directory() {
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
    fd_ = Fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~Directory() {
    ::unlinkat(fd_.get(), "j", 0);
    ::rmdir(path_.c_str());
  }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::string Content() const {
    const auto text = sys::ReadSmallFile(fd_.get(), "j", 16 << 20);
    EXPECT_TRUE(text);
    return text.value_or("");
  }

 private:
  std::string path_ = ::testing::TempDir() + "/verify-XXXXXX";
  Fd fd_;
};

event::Event SomeEvent(int i) {
  return {i % 3 == 0 ? event::kDenial : event::kFileWrite,
          {{"path", "/home/ada/project/src/file-" + std::to_string(i)},
           {"pid", std::int64_t{i}},
           {"flag", i % 2 == 0}}};
}

/// A run of `events` events with its end, and a review behind it.
std::string JournalOf(const std::string& run, const SigningKey& key, int events = 20) {
  const Directory dir;
  {
    auto writer = Writer::Create(dir.fd(), "j", run, key);
    EXPECT_TRUE(writer);
    for (int i = 0; i < events; ++i) (*writer)->Emit(SomeEvent(i));
    (*writer)->Emit({event::kRunEnded, {}});
    (*writer)->Emit({event::kJournalClose, {}});
  }
  auto later = Writer::Continue(dir.fd(), "j", run, key);
  EXPECT_TRUE(later);
  (*later)->Emit({event::kApplyStarted, {}});
  (*later)->Emit({event::kApplyEnded, {}});
  (*later)->Emit({event::kJournalClose, {}});
  return dir.Content();
}

Verdict VerdictOf(const std::string& text, bool ended = true, const std::string& run = "r-1") {
  Reader reader(FromText(text));
  auto verdict = Verify(reader, {.run = run, .key = KeyNumber(1).public_key(), .ended = ended});
  EXPECT_TRUE(verdict);
  return verdict.value_or(Verdict{});
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

/// What somebody can do who has no key: every hash anew from `from` on, signatures as they are.
std::vector<std::string> ChainedAnew(std::vector<std::string> lines, std::size_t from) {
  Sha256Digest previous{};
  if (from > 0) EXPECT_TRUE(FromHex(ParseChained(lines[from - 1])->hash, previous));
  for (std::size_t i = from; i < lines.size(); ++i) {
    std::string body(ParseChained(lines[i])->body);
    previous = HashOf(previous, body);
    AppendHash(previous, body);
    lines[i] = body;
  }
  return lines;
}

TEST(Verify, FindsEveryOfAThousandCorruptionsAndNoneWhereThereIsNone) {
  const std::string good = JournalOf("r-1", KeyNumber(1));
  const std::vector<std::string> lines = LinesOf(good);
  const std::vector<std::string> others = LinesOf(JournalOf("r-2", KeyNumber(1)));
  const std::vector<std::string> twins = LinesOf(JournalOf("r-1", KeyNumber(1)));
  ASSERT_EQ(VerdictOf(good).standing, Standing::kIntact) << VerdictOf(good).what;
  std::mt19937 random(20261122);
  const auto below = [&](std::size_t n) { return std::size_t{random()} % n; };
  using Corrupt = std::function<std::string()>;
  const std::vector<std::pair<const char*, Corrupt>> ways = {
      {"a bit",
       [&] {
         std::string text = good;
         text[below(text.size())] ^= static_cast<char>(1U << below(8));
         return text;
       }},
      {"a byte gone",
       [&] {
         std::string text = good;
         text.erase(below(text.size()), 1);
         return text;
       }},
      {"a byte more",
       [&] {
         std::string text = good;
         text.insert(below(text.size() + 1), 1, "\n{x0\""[below(5)]);
         return text;
       }},
      {"two lines changed places",
       [&] {
         std::vector<std::string> all = lines;
         const std::size_t one = below(all.size() - 1);
         std::swap(all[one], all[one + 1 + below(all.size() - one - 1)]);
         return Joined(all);
       }},
      {"a line gone",
       [&] {
         std::vector<std::string> all = lines;
         all.erase(all.begin() + static_cast<std::ptrdiff_t>(below(all.size())));
         return Joined(all);
       }},
      {"a line twice",
       [&] {
         std::vector<std::string> all = lines;
         const std::size_t one = below(all.size());
         all.insert(all.begin() + static_cast<std::ptrdiff_t>(below(all.size() + 1)), all[one]);
         return Joined(all);
       }},
      {"cut off at a line's end",
       [&] {
         std::vector<std::string> all = lines;
         do all.resize(below(lines.size()));
         while (all.size() == 23);  // the run's own seal: as if there had been no review
         return Joined(all);
       }},
      {"cut off anywhere",
       [&] {
         std::string text = good.substr(0, below(good.size()));
         if (text.size() == Joined({lines.begin(), lines.begin() + 23}).size()) text.pop_back();
         return text;
       }},
      {"a line of another run",
       [&] {
         std::vector<std::string> all = lines;
         const std::size_t one = below(all.size());
         all[one] = others[one];
         return Joined(all);
       }},
      {"a line of a run of the same name",
       [&] {
         std::vector<std::string> all = lines;
         const std::size_t one = below(all.size());
         all[one] = twins[one];
         return Joined(all);
       }},
      {"edited and chained anew",
       [&] {
         std::vector<std::string> all = lines;
         const std::size_t one = 1 + below(all.size() - 1);
         all[one].replace(all[one].find("\"t\":") + 4, 1, "2");
         return Joined(ChainedAnew(all, one));
       }},
  };
  for (int i = 0; i < 1000; ++i) {
    const auto& [name, corrupt] = ways[static_cast<std::size_t>(i) % ways.size()];
    const std::string text = corrupt();
    if (text == good) continue;
    const Verdict verdict = VerdictOf(text);
    EXPECT_NE(verdict.standing, Standing::kIntact) << name << " (" << i << "): " << text;
    EXPECT_NE(verdict.standing, Standing::kUnchained) << name << " (" << i << "): " << text;
  }
  EXPECT_EQ(VerdictOf(Joined(ChainedAnew(lines, 0))).standing, Standing::kIntact)
      << "the control: chaining anew what is as it was changes nothing";
}

TEST(Verify, SaysWhatIsWrongAndWhere) {
  const std::string good = JournalOf("r-1", KeyNumber(1));
  const std::vector<std::string> lines = LinesOf(good);
  const auto faulty = [&](const std::function<void(std::vector<std::string>&)>& change) {
    std::vector<std::string> all = lines;
    change(all);
    return VerdictOf(Joined(all));
  };
  const Verdict edited =
      faulty([](auto& all) { all[4].replace(all[4].find("file-"), 5, "life-"); });
  EXPECT_EQ(edited.fault, Fault::kEdited);
  EXPECT_EQ(edited.what, "record 5 was edited");
  EXPECT_EQ(edited.bad.line, 5U);
  EXPECT_EQ(edited.bad.offset, Joined({lines.begin(), lines.begin() + 4}).size());
  EXPECT_EQ(edited.last_good.sequence, 4U);
  EXPECT_EQ(edited.last_good.offset, Joined({lines.begin(), lines.begin() + 3}).size());
  const Verdict missing = faulty([](auto& all) { all.erase(all.begin() + 4, all.begin() + 6); });
  EXPECT_EQ(missing.what, "records 5 to 6 are missing");
  EXPECT_EQ(faulty([](auto& all) { std::swap(all[4], all[5]); }).fault, Fault::kOutOfOrder);
  EXPECT_EQ(faulty([](auto& all) { all.insert(all.begin() + 9, all[2]); }).fault,
            Fault::kOutOfOrder);
  EXPECT_EQ(faulty([](auto& all) { all.erase(all.begin()); }).fault, Fault::kNoHead);
  EXPECT_EQ(faulty([](auto& all) { all.insert(all.begin() + 3, "{}"); }).fault, Fault::kNoRecord);
  EXPECT_EQ(faulty([](auto& all) { all.resize(22); }).fault, Fault::kCutOff);
  EXPECT_EQ(faulty([](auto& all) { all[3] = LinesOf(JournalOf("r-2", KeyNumber(1)))[3]; }).fault,
            Fault::kOtherRun);
  EXPECT_EQ(faulty([](auto& all) {
              all[3].replace(all[3].find("\"t\":") + 4, 1, "2");
              all = ChainedAnew(all, 3);
            }).fault,
            Fault::kBadSignature);
  EXPECT_EQ(VerdictOf(JournalOf("r-1", KeyNumber(2))).fault, Fault::kForeignKey);
  EXPECT_EQ(VerdictOf(JournalOf("r-2", KeyNumber(1))).fault, Fault::kOtherRun);
}

TEST(Verify, TellsACrashFromTampering) {
  const std::vector<std::string> lines = LinesOf(JournalOf("r-1", KeyNumber(1)));
  const std::string begun = Joined({lines.begin(), lines.begin() + 7});
  for (const std::string& torn : {std::string(), lines[7].substr(0, 30), lines[7]}) {
    const Verdict verdict = VerdictOf(begun + torn, /*ended=*/false);
    EXPECT_EQ(verdict.standing, Standing::kUnsealed) << verdict.what;
    EXPECT_EQ(verdict.last_good.sequence, 7U);
    EXPECT_EQ(verdict.torn_bytes, torn.size());
  }
  EXPECT_EQ(VerdictOf("", /*ended=*/false).standing, Standing::kUnsealed);
  EXPECT_EQ(VerdictOf("", /*ended=*/true).standing, Standing::kTampered);
}

TEST(Verify, SaysOfAJournalFromBeforeTheChainThatItIsOne) {
  const std::string old = EncodeEvent({event::kRunPlanned, {}}, 1, 1, "r-1") + "\n" +
                          EncodeEvent({event::kRunEnded, {}}, 2, 1, "r-1") + "\n";
  EXPECT_EQ(VerdictOf(old, /*ended=*/false).standing, Standing::kUnchained);
  EXPECT_EQ(VerdictOf(old, /*ended=*/true).standing, Standing::kTampered)
      << "the run's record says that it was sealed";
  // Taking the chain out of one line of many does not make it old.
  std::vector<std::string> lines = LinesOf(JournalOf("r-1", KeyNumber(1)));
  lines[0] = std::string(ParseChained(lines[0])->body) + "}";
  EXPECT_EQ(VerdictOf(Joined(lines), /*ended=*/false).standing, Standing::kTampered);
}

TEST(Verify, ReadsLinesOfAnyLengthWithBoundedMemory) {
  const std::string begun = Joined({LinesOf(JournalOf("r-1", KeyNumber(1)))[0]});
  for (const std::size_t size : {kLongestLine - 1, kLongestLine, kLongestLine * 5 + 3}) {
    EXPECT_EQ(VerdictOf(begun + std::string(size, 'x') + "\n").fault, Fault::kNoRecord) << size;
    EXPECT_EQ(VerdictOf(begun + std::string(size, 'x') + "\n").bad.line, 2U) << size;
  }
}

/// A writer is killed at a hundred moments while it writes as fast as it can.
TEST(Verify, OfAWriterThatWasKilledFindsTheLastRecordAndLosesOnlyWhatWasGathered) {
  std::mt19937 random(7);
  for (int round = 0; round < 100; ++round) {
    const Directory dir;
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto writer = Writer::Create(dir.fd(), "j", "r-1", KeyNumber(1));
      for (int i = 0;; ++i) {
        (*writer)->Emit({event::kFileWrite, {{"path", std::string(60, 'p')}}});
        if (i % 16 != 15) continue;
        (*writer)->Commit();
        const int committed = i + 2;  // and the head
        (void)!::write(told[1], &committed, sizeof(committed));
      }
    }
    ::close(told[1]);
    int committed = 0;
    (void)!::read(told[0], &committed, sizeof(committed));
    ::usleep(static_cast<useconds_t>(random() % 3000));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(told[0], &committed, sizeof(committed)) == sizeof(committed)) continue;
    ::close(told[0]);
    const Verdict verdict = VerdictOf(dir.Content(), /*ended=*/false);
    EXPECT_EQ(verdict.standing, Standing::kUnsealed) << verdict.what;
    EXPECT_GE(verdict.last_good.sequence, static_cast<std::uint64_t>(committed));
    auto later = Writer::Continue(dir.fd(), "j", "r-1", KeyNumber(1));
    ASSERT_TRUE(later);
    (*later)->Emit({event::kWorkDiscarded, {}});
    (*later)->Emit({event::kJournalClose, {}});
    const Verdict after = VerdictOf(dir.Content(), /*ended=*/false);
    EXPECT_EQ(after.standing, Standing::kIntact) << after.what;
  }
}

}  // namespace
}  // namespace ambit::journal
