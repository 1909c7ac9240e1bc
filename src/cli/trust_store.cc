#include "cli/trust_store.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/fd.h"
#include "base/sha256.h"
#include "base/text.h"
#include "sys/file.h"

namespace ambit::cli {
namespace {

constexpr std::size_t kMaxRecordBytes = 16U << 10;

std::string DirectoryBeside(const std::string& runs_root) {
  return std::filesystem::path(runs_root).parent_path() / "trusted";
}

std::string RecordOf(const std::string& project, std::string_view text) {
  return Sha256Hex(text) + " " + project + "\n";
}

Result<Fd> OpenDirectory(const std::string& path) {
  return sys::OpenAt(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY);
}

Result<Fd> MakeDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("create '{}'", Printable(path)));
  }
  return OpenDirectory(path);
}

}  // namespace

bool IsTrusted(const std::string& runs_root, const std::string& project, std::string_view text) {
  const auto directory = OpenDirectory(DirectoryBeside(runs_root));
  if (!directory) return false;
  const auto record =
      sys::ReadSmallFile(directory->get(), Sha256Hex(project).c_str(), kMaxRecordBytes);
  return record && *record == RecordOf(project, text);
}

Status Trust(const std::string& runs_root, const std::string& project, std::string_view text) {
  AMBIT_TRY(const Fd directory, MakeDirectory(DirectoryBeside(runs_root)));
  const std::string name = Sha256Hex(project);
  const std::string fresh = fmt::format("{}.{}", name, ::getpid());
  AMBIT_CHECK(sys::WriteNewFile(directory.get(), fresh.c_str(), RecordOf(project, text), 0600));
  if (::renameat(directory.get(), fresh.c_str(), directory.get(), name.c_str()) != 0) {
    const int error = errno;
    ::unlinkat(directory.get(), fresh.c_str(), 0);
    return FailErrno(error, fmt::format("write '{}/{}'", DirectoryBeside(runs_root), name));
  }
  return {};
}

Status Distrust(const std::string& runs_root, const std::string& project) {
  const std::string path = DirectoryBeside(runs_root) + "/" + Sha256Hex(project);
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return FailErrno(errno, fmt::format("remove '{}'", Printable(path)));
}

}  // namespace ambit::cli
