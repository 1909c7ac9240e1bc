#include "supervise/commit_timer.h"

#include <gtest/gtest.h>

#include <chrono>

namespace ambit::supervise {
namespace {

class Counting : public event::Sink {
 public:
  void Emit(const event::Event& /*event*/) override {}
  void Commit() override { ++commits; }
  [[nodiscard]] const Status& status() const override { return status_; }
  int commits = 0;

 private:
  Status status_;
};

TEST(CommitTimer, CommitsOnceForWhatIsGatheredAndNeverForWhatIsNot) {
  boost::asio::io_context io;
  Counting sink;
  int checked = 0;
  CommitTimer timer(io, [&] { ++checked; });
  timer.After(event::kDenial, sink);
  EXPECT_EQ(io.run(), 0U) << "nothing to wait for";
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) timer.After(event::kFileWrite, sink);
  io.restart();
  io.run();
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(sink.commits, 1);
  EXPECT_EQ(checked, 1);
  EXPECT_GE(took, event::kCommitInterval);
  timer.After(event::kProcessExec, sink);
  io.restart();
  io.run();
  EXPECT_EQ(sink.commits, 2) << "and again";
}

}  // namespace
}  // namespace ambit::supervise
