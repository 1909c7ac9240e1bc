#include "journal/writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

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

TEST(Writer, AppendsOneLinePerEventInOrder) {
  const TemporaryDirectory dir;
  auto writer = Writer::Create(dir.fd(), "j", "r-1");
  ASSERT_TRUE(writer);
  (*writer)->Emit({event::kRunStarted, {}});
  (*writer)->Emit({event::kRunEnded, {{"line", std::string("1\n2")}}});
  EXPECT_TRUE((*writer)->status());
  const auto content = sys::ReadSmallFile(dir.fd(), "j", 4096);
  ASSERT_TRUE(content);
  EXPECT_EQ(std::count(content->begin(), content->end(), '\n'), 2);
  EXPECT_NE(content->find("\"seq\":2"), std::string::npos);
}

TEST(Writer, GoesOnWithAJournalAfterItsLastEvent) {
  const TemporaryDirectory dir;
  auto writer = Writer::Create(dir.fd(), "j", "r-1");
  ASSERT_TRUE(writer);
  (*writer)->Emit(
      {event::kRunPlanned, {{"argv", std::vector<std::string>{std::string(200'000, 'x')}}}});
  (*writer)->Emit({event::kRunEnded, {}});
  for (int i = 3; i <= 4; ++i) {
    auto later = Writer::Continue(dir.fd(), "j", "r-1");
    ASSERT_TRUE(later) << later.error().what;
    (*later)->Emit({event::kApplyStarted, {{"long", std::string(100'000, 'x')}}});
    EXPECT_TRUE((*later)->status());
    const auto content = sys::ReadSmallFile(dir.fd(), "j", 1 << 20);
    ASSERT_TRUE(content);
    EXPECT_EQ(std::count(content->begin(), content->end(), '\n'), i);
    EXPECT_NE(content->find(fmt::format("\"seq\":{},", i)), std::string::npos);
  }
}

TEST(Writer, LeavesALineThatWasCutOffAndBeginsANewOne) {
  const TemporaryDirectory dir;
  const Fd file(::openat(dir.fd(), "j", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string whole = EncodeEvent({event::kRunPlanned, {}}, 7, 1, "r-1") + "\n";
  ASSERT_TRUE(sys::WriteAll(file.get(), whole + "{\"v\":1,\"se", "j"));
  auto writer = Writer::Continue(dir.fd(), "j", "r-1");
  ASSERT_TRUE(writer) << writer.error().what;
  (*writer)->Emit({event::kWorkDiscarded, {}});
  const auto content = sys::ReadSmallFile(dir.fd(), "j", 4096);
  ASSERT_TRUE(content);
  EXPECT_TRUE(content->starts_with(whole + "{\"v\":1,\"se\n{\"v\":1,\"seq\":8,")) << *content;
}

TEST(Writer, DoesNotGoOnWithWhatIsNoJournal) {
  for (const std::string text : {"", "x", "\n", "\n\n", "hello\n", "{\"v\":2,\"seq\":1,\"t\":1}\n",
                                 "{\"v\":1,\"seq\":99999999999999999999999,\n",
                                 "{\"v\":1,\"seq\":-1,\n", "{\"v\":1,\"seq\":1\n"}) {
    const TemporaryDirectory dir;
    {
      const Fd file(::openat(dir.fd(), "j", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
      ASSERT_TRUE(sys::WriteAll(file.get(), text, "j"));
    }
    EXPECT_FALSE(Writer::Continue(dir.fd(), "j", "r-1")) << text;
  }
  const TemporaryDirectory dir;
  EXPECT_FALSE(Writer::Continue(dir.fd(), "j", "r-1"));
  ASSERT_EQ(::symlinkat("/etc/passwd", dir.fd(), "j"), 0);
  EXPECT_FALSE(Writer::Continue(dir.fd(), "j", "r-1"));
}

TEST(Writer, RefusesAJournalThatExists) {
  const TemporaryDirectory dir;
  ASSERT_TRUE(Writer::Create(dir.fd(), "j", "r-1"));
  EXPECT_FALSE(Writer::Create(dir.fd(), "j", "r-2"));
}

}  // namespace
}  // namespace ambit::journal
