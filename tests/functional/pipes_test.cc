// Standard input and output of a run are the caller's own: nothing is added, lost or changed.
#include "everyday.h"

namespace ambit::testing {
namespace {

class Pipes : public Everyday {
 protected:
  /// A shell script outside that may use $AMBIT and sees the person's project as its directory.
  Finished Outside(const std::string& script) {
    return person_.Execute({"/bin/bash", "-c", script}, {}, {{"AMBIT", AmbitBinary()}});
  }
};
INSTANTIATE_TEST_SUITE_P(As, Pipes, ::testing::ValuesIn(Everyone()), NameOfParam);

TEST_P(Pipes, TenMegabytesOfAnyBytesGoThroughUnchanged) {
  const Finished run = Outside(
      "head -c 10000000 /dev/urandom >../data; set -o pipefail; "
      "cat ../data | $AMBIT run -q -- cat | cmp - ../data && "
      "cat ../data | $AMBIT run -q -- sh -c 'cat >&2' 2>&1 >/dev/null | cmp - ../data && "
      "$AMBIT run -q -- sha256sum <../data && sha256sum <../data");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out.substr(0, run.out.size() / 2), run.out.substr(run.out.size() / 2));
}

TEST_P(Pipes, ARunInAPipelineEndsWhenItsReaderDoes) {
  const Finished run = Outside("$AMBIT run -q -- yes | head -n 3; echo \"${PIPESTATUS[0]}\"");
  EXPECT_EQ(run.out, "y\ny\ny\n141\n") << run.err;
}

TEST_P(Pipes, AClosedStandardInputReadsAsEmpty) {
  const Finished run = Outside("$AMBIT run -q -- sh -c 'wc -c; echo end' <&-");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "0\nend\n") << run.err;
}

TEST_P(Pipes, OutputGoesToFilesThatWereOpenedOutside) {
  const Finished run = Outside(
      "$AMBIT run -q -- sh -c 'printf \"a\\0b\"; printf err >&2' "
      ">../out 2>../err; od -An -c ../out; cat ../err");
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.out, "   a  \\0   b\nerr");
}

}  // namespace
}  // namespace ambit::testing
