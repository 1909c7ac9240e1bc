#include "journal/writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

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

TEST(Writer, RefusesAJournalThatExists) {
  const TemporaryDirectory dir;
  ASSERT_TRUE(Writer::Create(dir.fd(), "j", "r-1"));
  EXPECT_FALSE(Writer::Create(dir.fd(), "j", "r-2"));
}

}  // namespace
}  // namespace ambit::journal
