#include "sys/directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/fd.h"

namespace ambit::sys {
namespace {

TEST(Directory, IsListedAsOftenAsOneLikesUpToABound) {
  std::string path = (std::filesystem::temp_directory_path() / "ambit-test-XXXXXX").string();
  ASSERT_NE(::mkdtemp(path.data()), nullptr);
  for (const char* name : {"/a", "/b", "/c"}) std::ofstream(path + name).put('x');
  const Fd dir(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ListDirectory(dir.get())->size(), 3U);
  EXPECT_EQ(ListDirectory(dir.get(), 3)->size(), 3U);
  EXPECT_EQ(ListDirectory(dir.get(), 2).error().code, Errc::kLimit);
  EXPECT_EQ(ListDirectory(dir.get(), 0).error().code, Errc::kLimit);
  std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace ambit::sys
