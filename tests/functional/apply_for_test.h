#pragma once
// A project, a run in it and what `ambit apply` brings of it.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <string>
#include <vector>

#include "support/run_ambit.h"

namespace ambit::testing {

class ApplyTest : public ::testing::TestWithParam<Who> {
 protected:
  std::string Project(const std::string& path) const { return person_.project() + "/" + path; }
  void Run(const std::string& script) {
    const Finished run = person_.Sh("set -e; " + script);
    ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  }
  Finished ApplyYes(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"apply", "--yes"});
    return person_.Ambit(more, {}, {}, std::chrono::seconds(120));
  }
  Finished Host(const std::string& script) { return person_.Execute({"sh", "-c", script}); }
  mode_t ModeOf(const std::string& path) const {
    struct stat info{};
    return ::lstat(Project(path).c_str(), &info) == 0 ? info.st_mode : 0;
  }
  /// Names, types, permissions, owners and contents, but no times.
  std::string Tree() const {
    return person_
        .Execute({"sh", "-c",
                  "find . -path ./.git -prune -o -printf '%p %y %m %U:%G %l\\n' | LC_ALL=C sort; "
                  "find . -path ./.git -prune -o -type f -size -1000k -exec sha1sum {} + | "
                  "LC_ALL=C sort"})
        .out;
  }
  Scratch person_{GetParam()};
};

}  // namespace ambit::testing
