#include "review/run_refs.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "host/git_refs.h"

namespace ambit::review {

Result<std::optional<std::string>> ReadRunTip(const MergedView& view, std::string_view git_dir,
                                              std::string_view common_dir) {
  const auto read_in = [&view](std::string_view directory) {
    return
        [&view, directory = std::string(directory)](
            const std::string& path, std::size_t max_bytes) -> Result<std::optional<std::string>> {
          const std::string file = directory.empty() ? path : fmt::format("{}/{}", directory, path);
          AMBIT_TRY(const std::optional<MergedFile> found, view.Find(file));
          // Empty directories stay behind deleted branches.
          if (!found || S_ISDIR(found->info.st_mode)) return std::nullopt;
          return view.Read(file, max_bytes);
        };
  };
  return host::FollowHead(read_in(git_dir), read_in(common_dir));
}

}  // namespace ambit::review
