#include "workspace/home_files.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <string_view>

#include "base/fd.h"
#include "base/text.h"
#include "sys/file.h"
#include "workspace/disk_owner.h"

namespace ambit::workspace {
namespace {

constexpr std::uint64_t kStayBelow = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

Result<Fd> Enter(int dir, const std::string& name, const plan::Identity& identity) {
  if (::mkdirat(dir, name.c_str(), 0700) == 0) {
    AMBIT_CHECK(GiveToDiskOwner(dir, name.c_str(), identity));
  } else if (errno != EEXIST) {
    return FailErrno(errno, fmt::format("mkdir '{}' in the home of a run", Printable(name)));
  }
  return sys::OpenAt(dir, name.c_str(), O_PATH | O_DIRECTORY, kStayBelow);
}

/// `path` is relative to `home`.
Status WriteBelow(int home, std::string_view path, const plan::RootEntry& file,
                  const plan::Identity& identity) {
  AMBIT_TRY(Fd dir, sys::OpenAt(home, ".", O_PATH | O_DIRECTORY));
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/')) {
    AMBIT_TRY(dir, Enter(dir.get(), std::string(path.substr(0, slash)), identity));
    path.remove_prefix(slash + 1);
  }
  const std::string name(path);
  AMBIT_CHECK(sys::WriteNewFile(dir.get(), name.c_str(), file.content, file.mode));
  return GiveToDiskOwner(dir.get(), name.c_str(), identity);
}

}  // namespace

Status WriteHomeFiles(int run_dir, const plan::LaunchPlan& plan) {
  if (plan.home_files.empty()) return {};
  const auto home = std::ranges::find(plan.mounts, plan::Mount::Kind::kHome, &plan::Mount::kind);
  if (home == plan.mounts.end()) return Fail(Errc::kInternal, "files for a home that is not there");
  AMBIT_TRY(const Fd dir, sys::OpenAt(run_dir, "home", O_PATH | O_DIRECTORY, kStayBelow));
  for (const plan::RootEntry& file : plan.home_files) {
    const std::string_view path = std::string_view(file.path).substr(home->inside.size() + 1);
    AMBIT_CHECK(WriteBelow(dir.get(), path, file, plan.identity));
  }
  return {};
}

}  // namespace ambit::workspace
