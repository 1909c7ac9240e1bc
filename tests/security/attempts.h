#pragma once
// Runs lists of probes outside and inside as the same person, with everything around that a probe
// could be after: secrets, a victim process, sockets, shared memory, set-user-id programs.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "support/run_ambit.h"

namespace ambit::testing {

std::string ProbeBinary();

/// Everyone() when root tests, who can make files of other users; nobody when a user does.
std::vector<Who> EveryoneBesideOthers();

/// The build of ambit that can leave walls out (AMBIT_TEST_WALLS_OFF).
std::string BinaryForWallTests();

/// What lies around a run of one person. Lives as long as the probes run.
class Surroundings {
 public:
  explicit Surroundings(const Scratch& person);
  ~Surroundings();
  Surroundings(const Surroundings&) = delete;
  Surroundings& operator=(const Surroundings&) = delete;

  /// Replaces {secret}, {victim}, ... in a probe's line; see the constructor for the names.
  std::string Fill(std::string line) const;
  std::string operator[](const std::string& name) const { return names_.at(name); }

 private:
  void StartVictim();
  void Listen();
  void Share();

  const Scratch& person_;
  std::map<std::string, std::string> names_;
  pid_t victim_ = -1;
  int shared_memory_ = -1;
  std::vector<Fd> listeners_;
};

/// The answer to each line, in order: "done", "absent", "refused ENAME" or "killed SIGNAME".
using Answers = std::vector<std::string>;

Answers TryOutside(const Scratch& person, const Surroundings& around,
                   const std::vector<std::string>& lines);

/// `binary` is an ambit; `walls_off` as in AMBIT_TEST_WALLS_OFF.
Answers TryInside(const Scratch& person, const Surroundings& around,
                  const std::vector<std::string>& lines, const std::string& binary,
                  const std::string& walls_off);

}  // namespace ambit::testing
