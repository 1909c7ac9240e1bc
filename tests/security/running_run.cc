#include "running_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

pid_t StartAs(const Scratch& person, const std::vector<std::string>& argv,
              const std::map<std::string, std::string>& environment) {
  struct stat owner{};
  if (::stat(person.root().c_str(), &owner) != 0) return -1;
  std::vector<std::string> variables = {"PATH=/usr/local/bin:/usr/bin:/bin",
                                        "HOME=" + person.home(), "USER=" + NameOf(person.who())};
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  const auto pointers = [](const std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (const std::string& text : strings) out.push_back(const_cast<char*>(text.c_str()));
    out.push_back(nullptr);
    return out;
  };
  const std::vector<char*> arguments = pointers(argv);
  const std::vector<char*> variable_pointers = pointers(variables);
  const std::string output = person.root() + "/output";
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::setsid();
  ::dup2(::open("/dev/null", O_RDONLY), 0);
  ::dup2(::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666), 1);
  ::dup2(1, 2);
  ::syscall(SYS_close_range, 3, ~0U, 0);
  if (::geteuid() == 0 && owner.st_uid != 0 &&
      (::setgroups(0, nullptr) != 0 || ::setgid(owner.st_gid) != 0 ||
       ::setuid(owner.st_uid) != 0)) {
    ::_exit(99);
  }
  if (::chdir(person.project().c_str()) != 0) ::_exit(98);
  ::execve(arguments[0], arguments.data(), variable_pointers.data());
  ::_exit(97);
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
  for (const std::string& word : {AmbitBinary(), std::string("run"), std::string("-q"),
                                  std::string("--"), person.project() + "/probe"}) {
    argv.push_back(word);
  }
  argv.insert(argv.end(), probe.begin(), probe.end());
  argv.push_back(marker_);
  started_ = StartAs(person, argv, environment);
  tree_ = WaitForAgent(started_, "probe");
  EXPECT_NE(tree_.agent, 0) << person.Read("output");
  const std::string work =
      fmt::format("/proc/{}/root{}/made-by-the-agent", tree_.agent, person.project());
  EXPECT_TRUE(Eventually([&] { return ReadWhole(work) == "work\n"; }));
  tree_ = LookAt(started_);
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
