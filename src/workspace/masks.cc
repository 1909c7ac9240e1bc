#include "workspace/masks.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <functional>
#include <vector>

#include "base/text.h"
#include "workspace/change_dir.h"

namespace ambit::workspace {

Result<Masks> Masks::Load(const std::string& directory) {
  Masks masks;
  if (directory.empty()) return masks;
  masks.root_ = Fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!masks.root_) {
    return FailErrno(errno, fmt::format("open masks '{}'", Printable(directory)),
                     "without them nobody knows what the run saw of secret files");
  }
  std::vector<std::string> pending = {""};
  while (!pending.empty()) {
    const std::string below = std::move(pending.back());
    pending.pop_back();
    AMBIT_TRY(const Fd fd,
              OpenNoFollow(masks.root_.get(), below.empty() ? "." : below, O_RDONLY | O_DIRECTORY));
    AMBIT_TRY(const std::vector<std::string> names, NamesIn(fd.get()));
    for (const std::string& name : names) {
      std::string path = below.empty() ? name : below + "/" + name;
      const auto info = workspace::StatOf(fd.get(), name);
      if (!info) return FailErrno(ENOENT, fmt::format("read mask '{}'", Printable(path)));
      if (S_ISDIR(info->st_mode)) {
        pending.push_back(std::move(path));
      } else {
        masks.files_.emplace(std::move(path), IsWhiteoutDevice(*info) ? std::nullopt : info);
      }
    }
  }
  return masks;
}

bool Masks::Hides(std::string_view path) const {
  const auto found = files_.find(path);
  return found != files_.end() && !found->second;
}

std::optional<struct stat> Masks::StatOf(std::string_view path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? std::nullopt : found->second;
}

}  // namespace ambit::workspace
