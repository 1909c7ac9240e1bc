#include "running_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "attempts.h"

namespace ambit::testing {

std::string NewMarker() {
  unsigned long bits = 0;
  (void)!::getrandom(&bits, sizeof bits, 0);
  return fmt::format("marker-{:016x}", bits);
}

void PutProbeInto(const Scratch& person) {
  std::filesystem::copy_file(ProbeBinary(), person.project() + "/probe",
                             std::filesystem::copy_options::overwrite_existing);
  ::chmod((person.project() + "/probe").c_str(), 0755);
}

void KillAllWith(const std::string& marker) {
  for (const pid_t pid : ProcessesWith(marker)) ::kill(pid, SIGKILL);
}

RunningRun::RunningRun(Scratch& person, std::vector<std::string> probe,
                       std::vector<std::string> launcher,
                       std::map<std::string, std::string> environment)
    : marker_(NewMarker()) {
  PutProbeInto(person);
  std::vector<std::string> argv = std::move(launcher);
  for (const std::string& word :
       {AmbitBinary(), std::string("run"), std::string("-q"), std::string("--"),
        person.project() + "/probe"}) {
    argv.push_back(word);
  }
  argv.insert(argv.end(), probe.begin(), probe.end());
  argv.push_back(marker_);
  started_ = person.StartProgram(argv, "output", environment);
  tree_ = WaitForAgent(started_, "probe");
  EXPECT_NE(tree_.agent, 0) << person.Read("output");
}

int RunningRun::WaitForEnd(std::chrono::milliseconds limit) {
  int status = 0;
  waited_ = Eventually([&] { return ::waitpid(started_, &status, WNOHANG) == started_; }, limit);
  if (!waited_) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

RunningRun::~RunningRun() {
  if (!waited_) {
    ::kill(started_, SIGKILL);
    ::waitpid(started_, nullptr, 0);
  }
  KillAllWith(marker_);
}

}  // namespace ambit::testing
