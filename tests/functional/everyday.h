#pragma once
// What the tests of everyday work share: a person with a project, and the claim that a script does
// inside exactly what it does outside.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "support/run_ambit.h"

namespace ambit::testing {

class Everyday : public ::testing::TestWithParam<Who> {
 protected:
  /// Runs the script inside, then outside, each in its own copy of nothing but the project: same
  /// exit code and same output. The host's project is untouched by the first of the two.
  /// Returns what the run inside printed.
  std::string ExpectSameInsideAndOutside(const std::string& script,
                                         std::chrono::seconds limit = std::chrono::seconds(120)) {
    const std::string before = person_.Fingerprint();
    const Finished inside = person_.Sh(script, {}, limit);
    EXPECT_EQ(person_.Fingerprint(), before) << "the host's project was changed";
    const Finished outside = person_.Execute({"/bin/sh", "-c", script}, {}, {}, limit);
    EXPECT_EQ(outside.exit_code, 0) << "outside: " << outside.out << outside.err;
    EXPECT_EQ(inside.exit_code, outside.exit_code) << "inside: " << inside.out << inside.err;
    EXPECT_EQ(inside.out, outside.out) << "inside stderr: " << inside.err;
    return inside.out;
  }

  /// `ambit diff --name-status` of the newest run.
  std::string Changes() {
    const Finished diff = person_.Ambit({"diff", "--name-status"});
    EXPECT_EQ(diff.exit_code, 0) << diff.err;
    return diff.out;
  }

  Scratch person_{GetParam()};
};

inline std::string NameOfParam(const ::testing::TestParamInfo<Who>& info) {
  return NameOf(info.param);
}

}  // namespace ambit::testing
