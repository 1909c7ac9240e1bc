#include "workspace/copied_up.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <deque>
#include <utility>

#include "base/text.h"
#include "sys/directory.h"
#include "workspace/change_dir.h"

namespace ambit::workspace {
namespace {

class Finder {
 public:
  Finder(const OverlayLayer& layer, Fd upper, std::uint64_t min_bytes)
      : marks_(layer.flavour), upper_(std::move(upper)), min_bytes_(min_bytes) {}

  std::vector<CopiedUp> Find() {
    std::deque<std::string> pending = {""};
    while (!pending.empty() && !IsEnough()) {
      const std::string path = std::move(pending.front());
      pending.pop_front();
      if (auto directory =
              OpenNoFollow(upper_.get(), path.empty() ? "." : path, O_RDONLY | O_DIRECTORY)) {
        Look(directory->get(), path, pending);
      }
    }
    return std::move(found_);
  }

 private:
  bool IsEnough() const {
    return found_.size() >= kMaxCopyUpsNamed || looked_ >= kMaxLookedForCopyUps;
  }

  void Look(int directory, const std::string& path, std::deque<std::string>& pending) {
    const auto entries = sys::ListDirectory(directory);
    if (!entries) return;
    looked_ += entries->size();
    for (const sys::DirectoryEntry& entry : *entries) {
      std::string name = path.empty() ? entry.name : path + "/" + entry.name;
      if (entry.kind == sys::EntryKind::kDirectory) {
        pending.push_back(std::move(name));
      } else if (entry.kind == sys::EntryKind::kFile) {
        LookAt(directory, entry.name, std::move(name));
      }
    }
  }

  void LookAt(int directory, const std::string& name, std::string path) {
    const auto info = StatOf(directory, name);
    if (!info || !S_ISREG(info->st_mode)) return;
    const auto bytes = static_cast<std::uint64_t>(info->st_size);
    if (bytes < min_bytes_ || !marks_.FileHas(directory, name, "origin").value_or(false)) return;
    found_.push_back({.path = std::move(path), .bytes = bytes});
  }

  MarkReader marks_;
  Fd upper_;
  std::uint64_t min_bytes_;
  std::size_t looked_ = 0;
  std::vector<CopiedUp> found_;
};

}  // namespace

Result<std::vector<CopiedUp>> FindCopiedUp(const OverlayLayer& layer, std::uint64_t min_bytes) {
  AMBIT_CHECK(CheckMarksReadable(layer.flavour));
  Fd upper(::open(layer.upper.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!upper) return FailErrno(errno, fmt::format("open layer '{}'", Printable(layer.upper)));
  return Finder(layer, std::move(upper), min_bytes).Find();
}

}  // namespace ambit::workspace
