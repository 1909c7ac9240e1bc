#pragma once
// "[RUN] [-- PATH...]" on a command line: both may be left out, and the "--" as well. Who calls:
// diff and its kin.
#include <string>
#include <vector>

#include "cli/command_line.h"

namespace ambit::cli {

class RunAndPaths {
 public:
  void AddTo(NewCommand command);

  /// Empty: the newest run of this project.
  std::string run() const;
  std::vector<std::string> paths() const;

 private:
  // Two options, because the parser takes "--" for the end of a list that has begun.
  std::string first_;
  std::vector<std::string> rest_;
};

}  // namespace ambit::cli
