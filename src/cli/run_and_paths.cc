#include "cli/run_and_paths.h"

#include "cli/cli.h"
#include "workspace/run_store.h"

namespace ambit::cli {

void RunAndPaths::AddTo(NewCommand command) {
  command.AddArgument("run", first_, kRunHelp);
  command.AddArgument("path", rest_, "Only these paths of the project, after --");
}

std::string RunAndPaths::run() const { return workspace::IsRunId(first_) ? first_ : ""; }

std::vector<std::string> RunAndPaths::paths() const {
  std::vector<std::string> paths = rest_;
  if (!first_.empty() && run().empty()) paths.insert(paths.begin(), first_);
  return paths;
}

}  // namespace ambit::cli
