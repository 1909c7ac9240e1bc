#include "journal/writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "journal/verify.h"
#include "sys/file.h"

namespace ambit::journal {
namespace {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    path_ = ::testing::TempDir() + "/journal-XXXXXX";
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
    fd_ = Fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~TemporaryDirectory() {
    ::unlinkat(fd_.get(), "j", 0);
    ::rmdir(path_.c_str());
  }
  int fd() const { return fd_.get(); }

 private:
  std::string path_;
  Fd fd_;
};

SigningKey Key() { return SigningKey::FromSeed({1, 2, 3}); }

std::string ContentOf(const TemporaryDirectory& dir) {
  const auto content = sys::ReadSmallFile(dir.fd(), "j", 4 << 20);
  EXPECT_TRUE(content);
  return content.value_or("");
}

std::ptrdiff_t Lines(const std::string& content) {
  return std::count(content.begin(), content.end(), '\n');
}

Verdict VerdictOf(const std::string& content) {
  Reader reader(FromText(content));
  auto verdict = Verify(reader, {.run = "r-1", .key = Key().public_key(), .ended = false});
  EXPECT_TRUE(verdict);
  return verdict.value_or(Verdict{});
}

std::unique_ptr<Writer> MakeWriter(const TemporaryDirectory& dir) {
  auto writer = Writer::Create(dir.fd(), "j", "r-1", Key());
  EXPECT_TRUE(writer) << writer.error().what;
  return *std::move(writer);
}

std::unique_ptr<Writer> GoOn(const TemporaryDirectory& dir) {
  auto writer = Writer::Continue(dir.fd(), "j", "r-1", Key());
  EXPECT_TRUE(writer) << writer.error().what;
  return *std::move(writer);
}

void Append(const TemporaryDirectory& dir, const std::string& text) {
  const Fd file(::openat(dir.fd(), "j", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  ASSERT_TRUE(sys::WriteAll(file.get(), text, "j"));
}

void Shorten(const TemporaryDirectory& dir, std::size_t size) {
  const Fd file(::openat(dir.fd(), "j", O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(::ftruncate(file.get(), static_cast<off_t>(size)), 0);
}
void CutLineEndOff(const TemporaryDirectory& dir) { Shorten(dir, ContentOf(dir).size() - 1); }

TEST(EncodeEvent, WritesEveryKindOfValue) {
  const event::Event event{event::kRunEnded,
                           {{"text", std::string("a\"b\x1b")},
                            {"number", std::int64_t{-7}},
                            {"flag", true},
                            {"list", std::vector<std::string>{"x", "y"}}}};
  EXPECT_EQ(EncodeEvent(event, 3, 42, "r-abc"),
            R"({"v":1,"seq":3,"t":42,"run":"r-abc","event":"run.ended","text":"a\"b\u001b",)"
            R"("number":-7,"flag":true,"list":["x","y"]})");
}

TEST(EncodeEvent, CutsWhatIsTooLongForARecordAndSaysSo) {
  const std::vector<std::string> many(1 << 20, "");
  for (const event::Value& value :
       {event::Value(std::string(3 << 20, '\x01')), event::Value(many),
        event::Value(std::vector<std::string>(64, std::string(1 << 16, '\x01')))}) {
    const std::string line = EncodeEvent({event::kRunPlanned, {{"argv", value}}}, 1, 1, "r-1");
    EXPECT_LT(line.size(), kLongestLine - 1000);
    EXPECT_TRUE(line.ends_with(R"(,"cut":true})"));
  }
  const std::string whole(100'000, 'x');
  EXPECT_EQ(EncodeEvent({event::kDenial, {{"what", whole}}}, 1, 1, "r-1").find("cut"),
            std::string::npos);
}

TEST(Writer, BeginsWithAHeadAndAppendsOneRecordPerEvent) {
  const TemporaryDirectory dir;
  const auto writer = MakeWriter(dir);
  writer->Emit({event::kRunStarted, {}});
  writer->Emit({event::kRunEnded, {{"line", std::string("1\n2")}}});
  EXPECT_TRUE(writer->status());
  EXPECT_EQ(VerdictOf(ContentOf(dir)).standing, Standing::kUnsealed);
  writer->Emit({event::kJournalClose, {}});
  writer->Emit({event::kJournalClose, {}});  // there is nothing more to seal
  const std::string content = ContentOf(dir);
  EXPECT_EQ(Lines(content), 4);
  EXPECT_TRUE(content.starts_with(R"({"v":1,"seq":1,)"));
  EXPECT_NE(content.find(R"("event":"journal.close","records":3,"signature":")"),
            std::string::npos);
  const Verdict verdict = VerdictOf(content);
  EXPECT_EQ(verdict.standing, Standing::kIntact) << verdict.what;
  EXPECT_EQ(verdict.last_good.sequence, 4U);
}

TEST(Writer, GathersWhatComesFromInsideAndKeepsTheOrder) {
  const TemporaryDirectory dir;
  const auto writer = MakeWriter(dir);
  writer->Emit({event::kProcessExec, {{"path", std::string("/bin/true")}}});
  writer->Emit({event::kFileWrite, {{"path", std::string("/a")}}});
  EXPECT_EQ(Lines(ContentOf(dir)), 1) << "they wait";
  writer->Commit();
  EXPECT_EQ(Lines(ContentOf(dir)), 3);
  writer->Emit({event::kFileDelete, {{"path", std::string("/a")}}});
  writer->Emit({event::kDenial, {{"what", std::string("connect")}}});
  EXPECT_EQ(Lines(ContentOf(dir)), 5) << "what does not wait takes the others with it";
  for (int i = 0; i < 1000; ++i) {
    writer->Emit({event::kFileWrite, {{"path", std::string(100, 'p')}}});
  }
  EXPECT_GT(Lines(ContentOf(dir)), 700) << "64 KiB do not wait";
  writer->Commit();
  EXPECT_EQ(Lines(ContentOf(dir)), 1005);
  EXPECT_EQ(VerdictOf(ContentOf(dir)).last_good.sequence, 1005U);
}

TEST(Writer, GoesOnWithASealedJournalAndSealsItAgain) {
  const TemporaryDirectory dir;
  {
    const auto writer = MakeWriter(dir);
    writer->Emit({event::kRunPlanned, {{"argv", std::string(200'000, 'x')}}});
    writer->Emit({event::kJournalClose, {}});
  }
  for (std::uint64_t i = 1; i <= 2; ++i) {
    const auto later = GoOn(dir);
    later->Emit({event::kApplyStarted, {{"long", std::string(100'000, 'x')}}});
    EXPECT_EQ(VerdictOf(ContentOf(dir)).standing, Standing::kUnsealed);
    later->Emit({event::kJournalClose, {}});
    EXPECT_TRUE(later->status());
    const Verdict verdict = VerdictOf(ContentOf(dir));
    EXPECT_EQ(verdict.standing, Standing::kIntact) << verdict.what;
    EXPECT_EQ(verdict.seals, i + 1);
    EXPECT_EQ(verdict.resumed, 0U);
  }
}

TEST(Writer, TellsWhatACrashLeftAndTheChainGoesOn) {
  for (const std::string torn : {"", "{\"v\":1,\"se", "x\n{\"v\":1,", "\n", "a\nb\nc\n"}) {
    const TemporaryDirectory dir;
    MakeWriter(dir)->Emit({event::kRunPlanned, {}});
    Append(dir, torn);
    EXPECT_NE(VerdictOf(ContentOf(dir)).standing, Standing::kIntact);
    const auto later = GoOn(dir);
    EXPECT_EQ(ContentOf(dir).find("resumed"), std::string::npos) << "looking writes nothing";
    later->Emit({event::kWorkDiscarded, {}});
    later->Emit({event::kJournalClose, {}});
    const std::string content = ContentOf(dir);
    const Verdict verdict = VerdictOf(content);
    EXPECT_EQ(verdict.standing, Standing::kIntact) << torn << ": " << verdict.what << content;
    EXPECT_EQ(verdict.resumed, 1U);
    EXPECT_EQ(verdict.last_good.sequence, 5U);
    // What was cut off is as it was, or it is not what was cut off.
    if (torn.empty()) continue;
    std::string edited = content;
    edited[content.find(torn)] ^= 1;
    EXPECT_EQ(VerdictOf(edited).standing, Standing::kTampered) << torn;
  }
}

TEST(Writer, GoesOnBehindARecordThatLacksOnlyItsLineEnd) {
  for (const bool sealed : {false, true}) {
    const TemporaryDirectory dir;
    {
      const auto writer = MakeWriter(dir);
      writer->Emit({event::kRunPlanned, {}});
      if (sealed) writer->Emit({event::kJournalClose, {}});
    }
    CutLineEndOff(dir);
    GoOn(dir)->Emit({event::kWorkDiscarded, {}});
    EXPECT_EQ(VerdictOf(ContentOf(dir)).standing, Standing::kUnsealed) << ContentOf(dir);
    // And so behind the line that names what was torn.
    Append(dir, "{\"v\":1,\"se");
    GoOn(dir)->Emit({event::kDenial, {}});
    Shorten(dir, ContentOf(dir).rfind("{\"v\":1,"));  // what stands behind journal.resumed
    CutLineEndOff(dir);
    const auto later = GoOn(dir);
    later->Emit({event::kWorkDiscarded, {}});
    later->Emit({event::kJournalClose, {}});
    const Verdict verdict = VerdictOf(ContentOf(dir));
    EXPECT_EQ(verdict.standing, Standing::kIntact) << verdict.what << ContentOf(dir);
    EXPECT_EQ(verdict.resumed, 3U);
    EXPECT_EQ(verdict.last_good.sequence, sealed ? 9U : 8U);
  }
}

TEST(Writer, WritesNothingAfterAnError) {
  const TemporaryDirectory dir;
  const auto writer = MakeWriter(dir);
  const rlim_t size = ContentOf(dir).size() + 700;
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit limit{.rlim_cur = size, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  for (int i = 0; i < 10; ++i) writer->Emit({event::kDenial, {{"what", std::string(100, 'x')}}});
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_FALSE(writer->status());
  writer->Emit({event::kRunEnded, {}});
  writer->Emit({event::kJournalClose, {}});
  const std::string content = ContentOf(dir);
  EXPECT_EQ(content.size(), size);
  const Verdict verdict = VerdictOf(content);
  EXPECT_EQ(verdict.standing, Standing::kUnsealed) << verdict.what;
  EXPECT_GT(verdict.torn_bytes, 0U);
  EXPECT_EQ(verdict.last_good.sequence, static_cast<std::uint64_t>(Lines(content)));
}

TEST(Writer, GoesOnWithAJournalFromBeforeTheChainAsItWas) {
  const TemporaryDirectory dir;
  const std::string whole = EncodeEvent({event::kRunPlanned, {}}, 7, 1, "r-1") + "\n";
  Append(dir, whole + "{\"v\":1,\"se");
  GoOn(dir)->Emit({event::kWorkDiscarded, {}});
  const std::string content = ContentOf(dir);
  EXPECT_TRUE(content.starts_with(whole + "{\"v\":1,\"se\n{\"v\":1,\"seq\":8,")) << content;
  EXPECT_EQ(content.find("hash"), std::string::npos);
}

TEST(Writer, DoesNotGoOnWithWhatIsNoJournal) {
  for (const std::string text : {"", "x", "\n", "\n\n", "hello\n", "{\"v\":2,\"seq\":1,\"t\":1}\n",
                                 "{\"v\":1,\"seq\":99999999999999999999999,\n",
                                 "{\"v\":1,\"seq\":-1,\n", "{\"v\":1,\"seq\":1\n"}) {
    const TemporaryDirectory dir;
    Append(dir, text);
    EXPECT_FALSE(Writer::Continue(dir.fd(), "j", "r-1", Key())) << text;
  }
  const TemporaryDirectory dir;
  EXPECT_FALSE(Writer::Continue(dir.fd(), "j", "r-1", Key()));
  ASSERT_EQ(::symlinkat("/etc/passwd", dir.fd(), "j"), 0);
  EXPECT_FALSE(Writer::Continue(dir.fd(), "j", "r-1", Key()));
}

TEST(Writer, RefusesAJournalThatExists) {
  const TemporaryDirectory dir;
  ASSERT_TRUE(Writer::Create(dir.fd(), "j", "r-1", Key()));
  EXPECT_FALSE(Writer::Create(dir.fd(), "j", "r-2", Key()));
}

}  // namespace
}  // namespace ambit::journal
