#pragma once
// One run that is going on, to be looked at from outside: started at construction, killed with
// everything in it at destruction.
#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "support/run_ambit.h"

#include "process_tree.h"

namespace ambit::testing {

/// A word that no other command line of the machine holds.
std::string NewMarker();

class RunningRun {
 public:
  /// `probe` arguments are what the agent is: the probe program of the project with them and the
  /// marker last; "leave-children", whose file is waited for. `launcher` goes before ambit and must
  /// end with exec.
  RunningRun(Scratch& person, std::vector<std::string> probe,
             std::vector<std::string> launcher = {},
             std::map<std::string, std::string> environment = {});
  ~RunningRun();
  RunningRun(const RunningRun&) = delete;
  RunningRun& operator=(const RunningRun&) = delete;

  const RunTree& tree() const { return tree_; }
  const std::string& marker() const { return marker_; }
  /// Waits for the end of ambit and returns its exit code; -1 when it does not end within `limit`.
  int WaitForEnd(std::chrono::milliseconds limit = std::chrono::seconds(5));

 private:
  std::string marker_;
  pid_t started_ = -1;
  bool waited_ = false;
  RunTree tree_;
};

/// Starts `argv` in the project as the person, with PATH, HOME, USER and `environment`; standard
/// input is /dev/null, output goes to "output" below the person's root. The caller waits for it.
pid_t StartAs(const Scratch& person, const std::vector<std::string>& argv,
              const std::map<std::string, std::string>& environment = {});

/// Copies the probe program into the person's project as "probe".
void PutProbeInto(const Scratch& person);

/// Kills every process whose command line holds `marker`, by pid.
void KillAllWith(const std::string& marker);

}  // namespace ambit::testing
