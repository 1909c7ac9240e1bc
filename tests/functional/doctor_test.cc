// `ambit doctor`, and what holds inside a run: no second one.
#include <errno.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <filesystem>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

class Doctor : public ::testing::TestWithParam<Who> {
 protected:
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Doctor, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Doctor, FindsEverythingWhereARunStarts) {
  ASSERT_EQ(person_.Sh("true").exit_code, 0);
  const Finished doctor = person_.Ambit({"doctor"});
  EXPECT_EQ(doctor.exit_code, 0) << doctor.out << doctor.err;
  EXPECT_EQ(doctor.err, "");
  EXPECT_EQ(doctor.out.find("MISSING"), std::string::npos) << doctor.out;
  EXPECT_NE(doctor.out.find("A run would start here."), std::string::npos) << doctor.out;
}

TEST_P(Doctor, TellsProgramsTheSameInOneArray) {
  const Finished doctor = person_.Ambit({"doctor", "--json"});
  ASSERT_EQ(doctor.exit_code, 0) << doctor.err;
  const auto entries = nlohmann::json::parse(doctor.out, nullptr, false);
  ASSERT_TRUE(entries.is_array()) << doctor.out;
  std::map<std::string, std::string> details;
  for (const auto& entry : entries) {
    EXPECT_EQ(entry["ok"], true) << entry;
    EXPECT_EQ(entry["errno"], 0) << entry;
    for (const char* key : {"primitive", "detail", "guarantee", "remedy"}) {
      EXPECT_TRUE(entry[key].is_string()) << entry;
    }
    details[entry["primitive"]] = entry["detail"];
  }
  EXPECT_EQ(details["Landlock"].find("ABI "), 0U) << details["Landlock"];
  EXPECT_NE(details["seccomp-BPF filter"].find(" instructions"), std::string::npos);
  EXPECT_EQ(details["captured network"], "nf_tables with tproxy");
  EXPECT_EQ(details["started by"], GetParam() == Who::kRoot ? "root" : "an ordinary user");
  EXPECT_EQ(details["project"], person_.project());
  EXPECT_EQ(details["kernel"].find("Linux "), 0U);
  EXPECT_FALSE(details["cgroups"].empty());
}

TEST_P(Doctor, NamesTheProxyOfTheHostWithoutItsLogin) {
  const Finished doctor = person_.Ambit(
      {"doctor"}, {},
      {{"HTTPS_PROXY", "http://user:secret@p.example:3128"}, {"NO_PROXY", "corp.example"}});
  EXPECT_NE(doctor.out.find("\nproxy: p.example:3128 (HTTPS_PROXY, with a login), but not for "
                            "corp.example (NO_PROXY)\n"),
            std::string::npos)
      << doctor.out;
  EXPECT_EQ(doctor.out.find("secret"), std::string::npos);
}

TEST_P(Doctor, SaysWhenAProxyKeepsRunsFromNames) {
  const std::map<std::string, std::string> proxy = {{"HTTPS_PROXY", "socks5://127.0.0.1:1080"}};
  const Finished doctor = person_.Ambit({"doctor"}, {}, proxy);
  EXPECT_EQ(doctor.exit_code, 1) << doctor.err;
  EXPECT_NE(doctor.out.find("no run that reaches names starts"), std::string::npos) << doctor.out;
  EXPECT_NE(
      doctor.out.find("\nA run without a network would start here; none that reaches names.\n"),
      std::string::npos)
      << doctor.out;
  // It is true, both ways.
  EXPECT_EQ(person_.Ambit({"run", "-q", "--", "true"}, {}, proxy).exit_code, 0);
  EXPECT_EQ(
      person_.Ambit({"run", "-q", "--allow", "example.com", "--", "true"}, {}, proxy).exit_code,
      125);
  const Finished json = person_.Ambit({"doctor", "--json"}, {}, proxy);
  EXPECT_EQ(json.exit_code, 1);
  for (const auto& entry : nlohmann::json::parse(json.out)) {
    EXPECT_EQ(entry.at("ok"), entry.at("primitive") != "proxy") << entry;
  }
}

TEST_P(Doctor, LeavesNeitherFilesNorProcesses) {
  // What doctor left running would become a child of this test.
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
  person_.Write("project/kept.txt", "text");
  const std::string before = person_.Fingerprint(person_.root());
  EXPECT_EQ(person_.Ambit({"doctor"}).exit_code, 0);
  EXPECT_EQ(
      person_.Execute({AMBIT_DENY_SYSCALL, "landlock_add_rule", "EPERM", AmbitBinary(), "doctor"})
          .exit_code,
      125);
  EXPECT_EQ(person_.Execute({AMBIT_DENY_SYSCALL, "pivot_root", "EPERM", AmbitBinary(), "doctor"})
                .exit_code,
            125);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
  // Directory times aside: the state directory was made and removed below the home.
  const auto without_times = [](const std::string& listing) {
    std::string lines;
    std::istringstream in(listing);
    for (std::string line; std::getline(in, line);) {
      if (line.find(" d ") == std::string::npos) lines += line;
    }
    return lines;
  };
  EXPECT_EQ(without_times(person_.Fingerprint(person_.root())), without_times(before));
  EXPECT_TRUE(std::filesystem::is_empty(person_.home()));
}

TEST_P(Doctor, LeavesTheRunsThatAreThere) {
  ASSERT_EQ(person_.Sh("echo changed > made.txt").exit_code, 0);
  const Finished before = person_.Ambit({"diff", "--name-status"});
  EXPECT_EQ(person_.Ambit({"doctor"}).exit_code, 0);
  const Finished after = person_.Ambit({"diff", "--name-status"});
  EXPECT_EQ(after.out, before.out);
  EXPECT_NE(after.out.find("made.txt"), std::string::npos);
}

TEST_P(Doctor, TakesAProjectOfItsOwnWhereNoneCanBe) {
  const Finished doctor = person_.Ambit({"doctor"}, person_.home());
  EXPECT_EQ(doctor.exit_code, 0) << doctor.out << doctor.err;
  EXPECT_NE(doctor.out.find("project: an empty one made for this"), std::string::npos)
      << doctor.out;
}

TEST_P(Doctor, HidesNoLaterFailureBehindAnEarlierOne) {
  const Finished doctor =
      person_.Execute({AMBIT_DENY_SYSCALL, "socket:2=12", "EPERM", AMBIT_DENY_SYSCALL,
                       "landlock_restrict_self", "EPERM", AmbitBinary(), "doctor"});
  EXPECT_EQ(doctor.exit_code, 125) << doctor.err;
  for (const char* line :
       {"\nMISSING  captured network", "\nMISSING  Landlock", "\nok       seccomp-BPF filter",
        "\nok       overlay file system", "\nok       fresh /proc", "\nok       life line"}) {
    EXPECT_NE(doctor.out.find(line), std::string::npos) << line << "\n" << doctor.out;
  }
}

TEST_P(Doctor, AndRunSayInsideARunThatThereIsOneAlready) {
  const std::filesystem::path copy = person_.project() + "/ambit";
  std::filesystem::copy_file(AmbitBinary(), copy);
  std::filesystem::permissions(copy, std::filesystem::perms(0755));
  for (const char* command : {"./ambit doctor", "./ambit run -q -- true",
                              "AMBIT= ./ambit run -q -- true", "env -i ./ambit run -- true"}) {
    const Finished inside = person_.Sh(command);
    EXPECT_EQ(inside.exit_code, 125) << command;
    EXPECT_EQ(inside.out, "") << command;
    EXPECT_EQ(inside.err.find("ambit: this is already inside a run of ambit"), 0U)
        << command << ": " << inside.err;
  }
}

TEST_P(Doctor, IsNotFooledByAVariableOutside) {
  EXPECT_EQ(person_.Ambit({"doctor"}, {}, {{"AMBIT", "1"}}).exit_code, 0);
  EXPECT_EQ(person_.Ambit({"run", "-q", "--", "true"}, {}, {{"AMBIT", "1"}}).exit_code, 0);
}

}  // namespace
}  // namespace ambit::testing
