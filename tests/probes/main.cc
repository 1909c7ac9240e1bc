// ambit_probe NAME ARGUMENT...      one attempt; prints its line
// ambit_probe --list FILE           one attempt per line of FILE, each in a process of its own
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "probes/probe.h"

namespace ambit::probes {

long NumberOf(const std::string& word) {
  char* end = nullptr;
  const long number = ::strtol(word.c_str(), &end, 0);
  if (word.empty() || *end != '\0') {
    ::fprintf(stderr, "ambit_probe: '%s' is not a number\n", word.c_str());
    ::exit(2);
  }
  return number;
}

namespace {

constexpr int kDoneCode = 0;
constexpr int kRefusedCode = 10;
constexpr int kAbsentCode = 11;
constexpr int kBadRequestCode = 2;

std::vector<NamedProbe> AllProbes() {
  std::vector<NamedProbe> all;
  for (const auto& group : {FileProbes(), ProcessProbes(), NamespaceProbes(), KernelProbes(),
                            SocketProbes(), PrivilegeProbes()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

/// The answer goes through a pipe so that a probe that dies still gets its line.
int Try(const Words& words) {
  const Words arguments(words.begin() + 1, words.end());
  for (const NamedProbe& probe : AllProbes()) {
    if (probe.name != words[0]) continue;
    const Attempt attempt = probe.run(arguments);
    if (attempt.done) {
      ::printf("done\n");
      return kDoneCode;
    }
    if (attempt.error == 0) {
      ::printf("absent\n");
      return kAbsentCode;
    }
    ::printf("refused %s\n", ::strerrorname_np(attempt.error));
    return kRefusedCode;
  }
  ::fprintf(stderr, "ambit_probe: no probe '%s'\n", words[0].c_str());
  return kBadRequestCode;
}

int TryInAProcessOfItsOwn(const Words& words) {
  ::fflush(stdout);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::alarm(10);  // a probe that hangs is killed and shows as such
    const int code = Try(words);
    ::fflush(stdout);
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFSIGNALED(status)) ::printf("killed SIG%s\n", ::sigabbrev_np(WTERMSIG(status)));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

int TryEachLineOf(const char* path) {
  std::ifstream file(path);
  if (!file) {
    ::fprintf(stderr, "ambit_probe: cannot read '%s'\n", path);
    return kBadRequestCode;
  }
  for (std::string line; std::getline(file, line);) {
    std::istringstream stream(line);
    Words words;
    for (std::string word; stream >> word;) words.push_back(word);
    if (words.empty()) continue;
    if (TryInAProcessOfItsOwn(words) == kBadRequestCode) return kBadRequestCode;
  }
  return 0;
}

}  // namespace
}  // namespace ambit::probes

int main(int argc, char** argv) {
  using namespace ambit::probes;
  const Words words(argv + 1, argv + argc);
  if (words.empty()) {
    ::fprintf(stderr, "usage: ambit_probe NAME ARGUMENT... | --list FILE\n");
    return 2;
  }
  if (words[0] == "--list" && words.size() == 2) return TryEachLineOf(argv[2]);
  const int helped = RunHelper(words[0], Words(words.begin() + 1, words.end()));
  return helped >= 0 ? helped : Try(words);
}
