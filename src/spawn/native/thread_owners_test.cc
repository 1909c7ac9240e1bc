#include "spawn/native/thread_owners.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace ambit::spawn::native {
namespace {

TEST(ThreadOwners, TellTheProcessOfEachOfItsThreads) {
  ThreadOwners owners(/*may_open=*/true);
  EXPECT_EQ(owners.ProcessOf(::getpid()), ::getpid());
  std::atomic<pid_t> thread = 0;
  std::atomic<bool> done = false;
  std::thread other([&] {
    thread = ::gettid();
    while (!done) std::this_thread::yield();
  });
  while (thread == 0) std::this_thread::yield();
  EXPECT_NE(thread, ::getpid());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(owners.ProcessOf(thread), ::getpid());
  done = true;
  other.join();
}

TEST(ThreadOwners, OfAThreadThatIsGoneNobodyKnows) {
  ThreadOwners owners(/*may_open=*/true);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(owners.ProcessOf(child), child);
}

}  // namespace
}  // namespace ambit::spawn::native
