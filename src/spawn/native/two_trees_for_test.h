#pragma once
// A scratch directory with an empty tree `from` and an empty tree `to`.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "base/fd.h"

namespace ambit::spawn::native {

class TwoTrees : public ::testing::Test {
 protected:
  TwoTrees() {
    std::string path = "/var/tmp/two-trees-XXXXXX";
    EXPECT_NE(::mkdtemp(path.data()), nullptr);
    root_ = path;
    std::filesystem::create_directories(root_ / "from");
    std::filesystem::create_directories(root_ / "to");
  }
  ~TwoTrees() override {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  void Write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::string Read(const std::string& path) const {
    std::ostringstream text;
    text << std::ifstream(root_ / path).rdbuf();
    return text.str();
  }
  /// A way down of so many directories.
  void MakeDeep(const std::string& path, int directories) const {
    std::filesystem::path deep = root_ / path;
    while (directories-- > 0) deep /= "d";
    std::filesystem::create_directories(deep);
  }
  struct stat StatOf(const std::string& path) const {
    struct stat info{};
    EXPECT_EQ(::lstat((root_ / path).c_str(), &info), 0) << path;
    return info;
  }

  std::filesystem::path root_;
};

inline Fd OpenPath(const std::filesystem::path& path) {
  return Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY));
}

}  // namespace ambit::spawn::native
