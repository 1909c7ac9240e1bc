#pragma once
// The masks of a layer, read back: what a run saw of some files instead of what the host has. They
// lie in the run's directory as a tree of their own (layers.h) that the overlay had between the
// host's and the run's: a plain file stands for the host's, a whiteout hides it.
// Who calls: whoever compares a run's layer with the host's tree. Errors: kNotFound, kIo.
#include <sys/stat.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::workspace {

class Masks {
 public:
  /// Of the tree at `directory`; an empty path is a layer without masks.
  static Result<Masks> Load(const std::string& directory);

  bool empty() const { return files_.empty(); }
  bool Covers(std::string_view path) const { return files_.contains(path); }
  bool Hides(std::string_view path) const;

  /// What the run saw at the path of a file that is covered; nullopt when it is hidden.
  std::optional<struct stat> StatOf(std::string_view path) const;

  /// The tree: a file that is covered and not hidden is there, under its path in the layer.
  int fd() const { return root_.get(); }

 private:
  Fd root_;
  std::map<std::string, std::optional<struct stat>, std::less<>> files_;  // nullopt: hidden
};

}  // namespace ambit::workspace
