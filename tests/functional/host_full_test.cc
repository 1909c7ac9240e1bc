// The file system of the state directory is full: by what the agent wrote, or by what others did.
// It is a small one in memory, in a mount namespace of the test's own.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "own_mounts.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

/// Every name it makes is an event.
constexpr const char* kWriteOn =
    "n=0; while :; do n=$((n+1)); (echo > name$n) 2>/dev/null; sleep 0.01; done";

class HostFull : public ::testing::TestWithParam<Who> {
 protected:
  /// `script` as the person, with a state directory of 24 MiB; `ambit` is the one under test.
  Finished Sh(const std::string& script) {
    const std::string state = person_.home() + "/.local/state";
    person_.Write("home/.local/state/.here", "");
    struct stat owner{};
    ::stat(state.c_str(), &owner);
    return InOwnMounts(
        person_,
        fmt::format("mount -t tmpfs -o size=24m,mode=700,uid={},gid={} none '{}'", owner.st_uid,
                    owner.st_gid, state),
        fmt::format("state='{}'; ambit() {{ '{}' \"$@\"; }}; {}", state, AmbitBinary(), script));
  }

  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, HostFull, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(HostFull, EndsTheRunThatFilledItAndKeepsWhatItDid) {
  const Finished run = Sh(fmt::format(R"(
ambit run -q -- sh -c 'echo kept > before; dd if=/dev/zero of=big bs=64k 2>/dev/null; {}'
echo "run $?"
ambit inspect --json | grep -o '"outcome":{{[^}}]*}}'
ambit audit verify; echo "verify $?"
ambit diff --name-status | grep -E 'before|big'
cat "$state"/ambit/runs/*/upper/project/before
ambit run -q -- true; echo "next $?"
ambit discard --yes; echo "discard $?"
ambit audit verify; echo "verify $?"
ambit run -q -- sh -c 'echo again > after'; echo "after $?"
ambit apply --yes >/dev/null; cat after)",
                                      kWriteOn));
  EXPECT_THAT(run.out,
              MatchesRegex("run 125\n"
                           "\"outcome\":.\"cause\":\"run-failed\",\"exit_code\":125.\n"
                           "[^\n]*: good so far, not sealed: it ends in [0-9]+ bytes of a record "
                           "that was cut off[^\n]*\n"
                           "verify 3\n"
                           "A\tbefore\nA\tbig\n"
                           "kept\n"
                           "next 125\n"
                           "[^\n]*\ndiscard 0\n"
                           "[^\n]*: intact, [^\n]*\nverify 0\n"
                           "after 0\n"
                           "again\n"))
      << run.err;
  EXPECT_THAT(run.err,
              AllOf(HasSubstr("ambit: the record of the run cannot be written: write to the "
                              "journal: No space left on device\n"),
                    HasSubstr("ambit: what was done until then is kept; free space"),
                    HasSubstr("ambit: free space, or raise your quota, in the file system of the "
                              "state directory"),
                    Not(HasSubstr("set XDG_STATE_HOME"))));
}

/// The agent goes on when the host's disk is full of other things.
constexpr const char* kFillWhileItRuns = R"(
mkfifo "$HOME/go"; exec 3<>"$HOME/go"
ambit run -q {} -- sh -c 'head -c 4000000 /dev/urandom > made; sync made; echo ready; read go; {}' \
  <&3 >"$HOME/out" & ran=$!
n=0; while ! grep -q ready "$HOME/out" && [ $((n+=1)) -lt 200 ]; do sleep 0.05; done
dd if=/dev/zero of="$state/filler" bs=4k 2>/dev/null
echo go >&3; wait $ran; echo "run $?"
)";

TEST_P(HostFull, EndsARunThatWritesElsewhereWhenItsJournalHasNoRoom) {
  const Finished run = Sh(
      fmt::format(fmt::runtime(kFillWhileItRuns), "--disk-backing memory --disk 8MiB", kWriteOn) +
      "ambit inspect --json | grep -o '\"outcome\":{[^}]*}'; ambit audit verify; "
      "rm \"$state/filler\"; ambit run -q -- true; echo \"next $?\"");
  EXPECT_THAT(run.out, MatchesRegex("run 125\n\"outcome\":.\"cause\":\"run-failed\",\"exit_code\":"
                                    "125.\n[^\n]*: good so far, not sealed[^\n]*\nnext 0\n"))
      << run.err;
  EXPECT_THAT(run.err, HasSubstr("No space left on device"));
}

class HostFullAsRoot : public HostFull {};
std::vector<Who> RootAlone() {
  return ::geteuid() == 0 ? std::vector{Who::kRoot} : std::vector<Who>{};
}
INSTANTIATE_TEST_SUITE_P(As, HostFullAsRoot, ::testing::ValuesIn(RootAlone()),
                         [](const auto& param) { return NameOf(param.param); });
// An image is root's alone.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(HostFullAsRoot);

TEST_P(HostFullAsRoot, LeavesTheWorkInItsImageUntilThereIsRoom) {
  const Finished run = Sh(
      fmt::format(fmt::runtime(kFillWhileItRuns), "--disk-backing image --disk 16MiB", "true") +
      "ambit diff --name-status; echo \"diff $?\"; rm \"$state/filler\"; "
      "ambit diff --name-status; echo \"diff $?\"; stat -c %s \"$state\"/ambit/runs/*/upper/*/*");
  EXPECT_EQ(run.out, "run 125\ndiff 125\nA\tmade\ndiff 0\n4000000\n") << run.err;
  EXPECT_THAT(run.err, AllOf(HasSubstr("bring the run's work home: "),
                             HasSubstr("the work is in the run's image until there is room")));
}

TEST_P(HostFullAsRoot, GivesAnImageItsRoomAtOnceOrStartsNothing) {
  const Finished run =
      Sh("ambit run -q --disk-backing image --disk 64MiB -- true; echo \"run $?\"; "
         "ls \"$state\"/ambit/runs/*/layers.img; ambit run -q -- true; echo \"next $?\"");
  EXPECT_EQ(run.out, "run 125\nnext 0\n") << run.err;
  EXPECT_THAT(run.err, AllOf(HasSubstr("take the room of the layers' image"),
                             HasSubstr("give less with '--disk SIZE'")));
}

TEST_P(HostFullAsRoot, DropsWorkThatHasNoRoomOutsideOfItsImage) {
  const Finished run =
      Sh(fmt::format(fmt::runtime(kFillWhileItRuns), "--disk-backing image --disk 16MiB", "true") +
         "ambit discard --yes; echo \"discard $?\"; ls \"$state\"/ambit/runs/*/ | grep -c layers");
  EXPECT_THAT(run.out, MatchesRegex("run 125\n[^\n]*\ndiscard 0\n0\n")) << run.err;
}

}  // namespace
}  // namespace ambit::testing
