#pragma once
// The flags of a policy on a command line, made from the option table: one for each key that has
// one. Who calls: run, plan, shell, `policy show` and its kin.
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/command_line.h"
#include "policy/document.h"

namespace ambit::cli {

class PolicyFlags {
 public:
  PolicyFlags() = default;
  /// As if only `-C directory` was given.
  explicit PolicyFlags(std::string directory) : directory_(std::move(directory)) {}

  /// The object must outlive the parsing.
  void AddTo(NewCommand command);

  /// What was given, as one source. kInvalidArgument: "--host-port '0': not a port".
  Result<policy::Document> ToDocument() const;

  const std::string& directory() const { return directory_; }       // -C
  const std::vector<std::string>& files() const { return files_; }  // --policy
  bool no_preset() const { return no_preset_; }
  bool no_net() const { return no_net_; }

 private:
  std::map<std::string_view, std::vector<std::string>> given_;  // by flag
  std::string directory_;
  std::vector<std::string> files_;
  bool no_preset_ = false;
  bool no_net_ = false;
};

}  // namespace ambit::cli
