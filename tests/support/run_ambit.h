#pragma once
// Runs the real binary on the real kernel, as root and as an ordinary user, and looks at it from
// outside. Everything lives in a scratch directory that is removed at the end.
#include <sys/types.h>

#include <chrono>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "base/fd.h"

namespace ambit::testing {

enum class Who { kRoot, kUser };
std::string NameOf(Who who);
void PrintTo(Who who, std::ostream* out);

/// Root tests both; an ordinary user can only be itself. As root the user is $AMBIT_TEST_USER, and
/// without one the tests abort: half a test must not look like a whole one.
std::vector<Who> Everyone();

/// The binary under test: $AMBIT_BINARY or the one built beside the tests.
std::string AmbitBinary();

struct Finished {
  int exit_code = -1;  // 128+N for signal N, -1 when it had to be killed after the time limit
  std::string out;
  std::string err;
};

/// A person with a home and a project of their own, below /var/tmp.
class Scratch {
 public:
  explicit Scratch(Who who);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  Who who() const { return who_; }
  const std::string& root() const { return root_; }
  std::string home() const { return root_ + "/home"; }
  std::string project() const { return root_ + "/project"; }

  /// Writes a file that belongs to the person; `path` is relative to root(), parents are made.
  void Write(const std::string& path, const std::string& content, mode_t mode = 0644);
  std::string Read(const std::string& path) const;  // empty when it does not exist
  bool Exists(const std::string& path) const;

  /// `git init` in the project, everything in it committed.
  void MakeGitProject();

  /// Executes a command as the person in `cwd` (the project when empty) with a clean environment:
  /// PATH, HOME, USER, LANG and `environment`.
  Finished Execute(std::vector<std::string> argv, std::string cwd = {},
                   std::map<std::string, std::string> environment = {},
                   std::chrono::seconds limit = std::chrono::seconds(60)) const;

  /// `ambit ARGUMENTS...`.
  Finished Ambit(std::vector<std::string> arguments, std::string cwd = {},
                 std::map<std::string, std::string> environment = {},
                 std::chrono::seconds limit = std::chrono::seconds(60)) const;

  /// `ambit run -q FLAGS... -- /bin/sh -c SCRIPT`.
  Finished Sh(const std::string& script, std::vector<std::string> flags = {},
              std::chrono::seconds limit = std::chrono::seconds(60)) const;

  /// Starts `ambit ARGUMENTS...` without waiting; the caller ends it. stdin is /dev/null, output
  /// goes to `output` below root().
  pid_t Start(std::vector<std::string> arguments, const std::string& output,
              std::map<std::string, std::string> environment = {}) const;

  /// Starts `PROGRAM ARGUMENTS...` in a session of its own whose controlling terminal, and 0, 1, 2,
  /// are the terminal `name`.
  pid_t StartOnTerminal(std::vector<std::string> arguments, const std::string& name,
                        const std::string& program = AmbitBinary()) const;

  /// Every path below the project with type, mode, owner, size, mtime, link target and content
  /// hash, sorted: equal before and after means byte-identical.
  std::string Fingerprint(const std::string& dir = {}) const;

 private:
  Who who_;
  uid_t uid_ = 0;
  gid_t gid_ = 0;
  std::string user_name_;
  std::string root_;
};

}  // namespace ambit::testing
