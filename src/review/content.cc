#include "review/content.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "review/diff.h"
#include "sys/file.h"

namespace ambit::review {
namespace {

Side Unreadable() { return {.state = SideState::kUnreadable, .bytes = 0, .text = {}}; }

Side ReadLinkSide(int root, const std::string& path) {
  const auto link = workspace::OpenNoFollow(root, path, O_PATH);
  if (!link) return Unreadable();
  auto target = sys::ReadLink(link->get(), "");  // readlinkat(2): the link that O_PATH opened
  if (!target) return Unreadable();
  return {.state = SideState::kText, .bytes = target->size(), .text = *std::move(target)};
}

Side ReadFileSide(int root, const std::string& path, std::uint64_t max_bytes) {
  const auto file = workspace::OpenPlainFile(root, path);
  struct stat info{};
  if (!file || ::fstat(file->get(), &info) != 0) return Unreadable();
  Side side{
      .state = SideState::kText, .bytes = static_cast<std::uint64_t>(info.st_size), .text = {}};
  side.text.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(side.bytes, max_bytes)));
  std::array<char, 65536> chunk;
  while (side.text.size() <= max_bytes) {
    const ssize_t n = ::read(file->get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Unreadable();
    if (n == 0) break;
    side.text.append(chunk.data(), static_cast<std::size_t>(n));
  }
  if (IsBinary(side.text)) {
    side.state = SideState::kBinary;
  } else if (side.text.size() > max_bytes) {
    side.state = SideState::kTooLarge;
  }
  if (side.state != SideState::kText) side.text.clear();
  return side;
}

Side ReadSide(int root, const std::string& path, mode_t mode, std::uint64_t max_bytes) {
  if (S_ISLNK(mode)) return ReadLinkSide(root, path);
  if (S_ISREG(mode)) return ReadFileSide(root, path, max_bytes);
  return {};
}

}  // namespace

Result<Layers> Layers::Open(const workspace::OverlayLayer& layer) {
  Fd lower(::open(layer.lower.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lower) return FailErrno(errno, fmt::format("open layer '{}'", layer.lower));
  Fd upper(::open(layer.upper.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!upper) return FailErrno(errno, fmt::format("open layer '{}'", layer.upper));
  AMBIT_TRY(workspace::Masks masks, workspace::Masks::Load(layer.mask));
  return Layers(std::move(lower), std::move(masks), std::move(upper));
}

Side Layers::Old(const std::string& path, mode_t mode, std::uint64_t max_bytes) const {
  return ReadSide(masks_.Covers(path) ? masks_.fd() : lower_.get(), path, mode, max_bytes);
}

Side Layers::New(const std::string& path, mode_t mode, std::uint64_t max_bytes) const {
  return ReadSide(upper_.get(), path, mode, max_bytes);
}

}  // namespace ambit::review
