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
  AMBIT_TRY(workspace::Masks masks, workspace::Masks::Load(layer.mask));
  return MergedView(layer, std::move(upper), std::move(lower), std::move(masks));
}

Result<bool> MergedView::IsHidden(const Pair& pair, const std::string& name,
                                  const struct stat& info) const {
  if (workspace::IsWhiteoutDevice(info)) return true;
  if (!pair.xattr_whiteouts || !S_ISREG(info.st_mode) || info.st_size != 0) return false;
  return marks_.FileHas(pair.upper.get(), name, "whiteout");
}

/// The lower side of `inner`, the directory `name` of `pair`, whose upper side is open; it stays
/// empty when there is none.
Status MergedView::FindLowerOf(const Pair& pair, const std::string& name, Pair& inner) const {
  AMBIT_TRY(const std::optional<std::string> opaque,
            marks_.OfDirectory(inner.upper.get(), "opaque"));
  inner.xattr_whiteouts = opaque == "x";
  if (opaque == "y") return {};
  std::string source = name;
  if (honour_redirects_) {
    AMBIT_TRY(const std::optional<std::string> redirect,
              marks_.OfDirectory(inner.upper.get(), "redirect"));
    if (redirect && redirect->starts_with('/')) {
      source = redirect->substr(1);
      auto moved = workspace::OpenNoFollow(lower_.get(), source, O_RDONLY | O_DIRECTORY);
      if (!moved) return {};
      inner.lower = *std::move(moved);
      inner.lower_path = source + "/";
      return {};
    }
    if (redirect && !redirect->empty()) source = *redirect;
  }
  return EnterLower(pair, source, inner);
}

Status MergedView::EnterLower(const Pair& pair, const std::string& name, Pair& inner) const {
  const auto info = LowerStatOf(pair.lower.get(), name);
  if (!info || !S_ISDIR(info->st_mode) || masks_.Hides(pair.lower_path + name)) return {};
  AMBIT_TRY(inner.lower, OpenDirectory(pair.lower.get(), name));
  inner.lower_path = pair.lower_path + name + "/";
  return {};
}

Result<MergedView::Pair> MergedView::Enter(const Pair& pair, const std::string& name) const {
  Pair inner;
  if (const auto info = StatOf(pair.upper.get(), name)) {
    AMBIT_TRY(const bool hidden, IsHidden(pair, name, *info));
    if (hidden || !S_ISDIR(info->st_mode)) return inner;
    AMBIT_TRY(inner.upper, OpenDirectory(pair.upper.get(), name));
    AMBIT_CHECK(FindLowerOf(pair, name, inner));
    return inner;
  }
  AMBIT_CHECK(EnterLower(pair, name, inner));
  return inner;
}

Result<std::optional<MergedFile>> MergedView::LowerFile(Pair& pair, const std::string& name) const {
  const std::string path = pair.lower_path + name;
  if (masks_.Hides(path)) return std::nullopt;
  MergedFile file{.parent = {}, .name = name};
  if (const auto masked = masks_.StatOf(path)) {
    const std::string directory =
        pair.lower_path.empty() ? "." : pair.lower_path.substr(0, pair.lower_path.size() - 1);
    AMBIT_TRY(file.parent, workspace::OpenNoFollow(masks_.fd(), directory, O_RDONLY | O_DIRECTORY));
    file.info = *masked;
    return file;
  }
  const auto info = LowerStatOf(pair.lower.get(), name);
  if (!info) return std::nullopt;
  file.info = *info;
  file.parent = std::move(pair.lower);
  return file;
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
  return LowerFile(pair, file.name);
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
