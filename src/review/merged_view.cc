#include "review/merged_view.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/text.h"

namespace ambit::review {
namespace {

using workspace::LowerStatOf;
using workspace::OpenDirectory;
using workspace::StatOf;

Result<Fd> OpenRoot(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return FailErrno(errno, fmt::format("open layer '{}'", path));
  return fd;
}

}  // namespace

Result<MergedView> MergedView::Open(const workspace::OverlayLayer& layer) {
  AMBIT_CHECK(workspace::CheckMarksReadable(layer.flavour));
  AMBIT_TRY(Fd upper, OpenRoot(layer.upper));
  AMBIT_TRY(Fd lower, OpenRoot(layer.lower));
  return MergedView(layer, std::move(upper), std::move(lower));
}

Result<bool> MergedView::IsHidden(const Pair& pair, const std::string& name,
                                  const struct stat& info) const {
  if (workspace::IsWhiteoutDevice(info)) return true;
  if (!pair.xattr_whiteouts || !S_ISREG(info.st_mode) || info.st_size != 0) return false;
  return marks_.FileHas(pair.upper.get(), name, "whiteout");
}

/// The lower side of the directory `name`, whose upper side is open; empty when there is none.
Result<Fd> MergedView::LowerFor(const Pair& pair, const std::string& name, int upper) const {
  AMBIT_TRY(const std::optional<std::string> opaque, marks_.OfDirectory(upper, "opaque"));
  if (opaque == "y") return Fd();
  std::string source = name;
  if (honour_redirects_) {
    AMBIT_TRY(const std::optional<std::string> redirect, marks_.OfDirectory(upper, "redirect"));
    if (redirect && redirect->starts_with('/')) {
      auto moved =
          workspace::OpenNoFollow(lower_.get(), redirect->substr(1), O_RDONLY | O_DIRECTORY);
      return moved ? *std::move(moved) : Fd();
    }
    if (redirect && !redirect->empty()) source = *redirect;
  }
  const auto info = LowerStatOf(pair.lower.get(), source);
  if (!info || !S_ISDIR(info->st_mode)) return Fd();
  return OpenDirectory(pair.lower.get(), source);
}

Result<MergedView::Pair> MergedView::Enter(const Pair& pair, const std::string& name) const {
  Pair inner;
  if (const auto info = StatOf(pair.upper.get(), name)) {
    AMBIT_TRY(const bool hidden, IsHidden(pair, name, *info));
    if (hidden || !S_ISDIR(info->st_mode)) return inner;
    AMBIT_TRY(inner.upper, OpenDirectory(pair.upper.get(), name));
    AMBIT_TRY(const std::optional<std::string> opaque,
              marks_.OfDirectory(inner.upper.get(), "opaque"));
    inner.xattr_whiteouts = opaque == "x";
    AMBIT_TRY(inner.lower, LowerFor(pair, name, inner.upper.get()));
    return inner;
  }
  const auto info = LowerStatOf(pair.lower.get(), name);
  if (!info || !S_ISDIR(info->st_mode)) return inner;
  AMBIT_TRY(inner.lower, OpenDirectory(pair.lower.get(), name));
  return inner;
}

Result<std::optional<MergedFile>> MergedView::Find(std::string_view path) const {
  Pair pair;
  AMBIT_TRY(pair.upper, OpenDirectory(upper_.get(), "."));
  AMBIT_TRY(pair.lower, OpenDirectory(lower_.get(), "."));
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/')) {
    const std::string name(path.substr(0, slash));
    if (name.empty() || name == "." || name == "..") {
      return Fail(Errc::kInvalidArgument, "look up: not a plain relative path");
    }
    AMBIT_TRY(pair, Enter(pair, name));
    if (!pair.upper && !pair.lower) return std::nullopt;
    path.remove_prefix(slash + 1);
  }
  MergedFile file{.parent = {}, .name = std::string(path)};
  if (path.empty() || path == "." || path == "..") {
    return Fail(Errc::kInvalidArgument, "look up: not a plain relative path");
  }
  if (const auto info = StatOf(pair.upper.get(), file.name)) {
    AMBIT_TRY(const bool hidden, IsHidden(pair, file.name, *info));
    if (hidden) return std::nullopt;
    file.info = *info;
    file.parent = std::move(pair.upper);
    return file;
  }
  const auto info = LowerStatOf(pair.lower.get(), file.name);
  if (!info) return std::nullopt;
  file.info = *info;
  file.parent = std::move(pair.lower);
  return file;
}

Result<std::optional<std::string>> MergedView::Read(std::string_view path,
                                                    std::size_t max_bytes) const {
  AMBIT_TRY(const std::optional<MergedFile> found, Find(path));
  if (!found) return std::nullopt;
  AMBIT_TRY(const Fd file, workspace::OpenPlainFile(found->parent.get(), found->name));
  std::string bytes;
  std::string chunk(64U << 10, '\0');
  for (;;) {
    const ssize_t n = ::read(file.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(errno, fmt::format("read '{}'", Printable(path)));
    if (n == 0) return bytes;
    bytes.append(chunk, 0, static_cast<std::size_t>(n));
    if (bytes.size() > max_bytes) {
      return Fail(Errc::kLimit,
                  fmt::format("read '{}': larger than {} bytes", Printable(path), max_bytes));
    }
  }
}

}  // namespace ambit::review
