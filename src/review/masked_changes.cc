#include "review/masked_changes.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <optional>

#include "host/dotenv.h"
#include "sys/file.h"
#include "workspace/change_dir.h"

namespace ambit::review {
namespace {

using workspace::Change;
using workspace::ChangeKind;

constexpr std::size_t kMaxBytes = 1U << 20;

struct Text {
  std::string bytes;
  Seen seen;
};

std::optional<Text> ReadBelow(int root, const std::string& path) {
  const auto file = workspace::OpenPlainFile(root, path);
  struct stat info{};
  if (!file || ::fstat(file->get(), &info) != 0) return std::nullopt;
  const std::string self = fmt::format("/proc/self/fd/{}", file->get());
  auto bytes = sys::ReadSmallFile(AT_FDCWD, self.c_str(), kMaxBytes);
  if (!bytes) return std::nullopt;
  return Text{.bytes = *std::move(bytes), .seen = SeenOf(info)};
}

/// Also when it was deleted and made again, perhaps below a directory of another name.
bool ChangesText(const Change& change) {
  return (change.kind == ChangeKind::kModified || change.kind == ChangeKind::kAdded) &&
         S_ISREG(change.new_mode);
}

void Join(const ProjectTree& tree, int upper, const workspace::Masks& masks, const Change& change,
          MaskedChange& out) {
  if (!change.old_path.empty() && change.path != change.old_path) {
    out.why_not = "its directory was moved and its text changed: join it by hand";
    return;
  }
  const auto host = ReadBelow(tree.fd(), change.path);
  const auto shown = ReadBelow(masks.fd(), change.path);
  const auto run = ReadBelow(upper, change.path);
  auto joined =
      host && shown && run ? host::MergeByKey(host->bytes, shown->bytes, run->bytes) : std::nullopt;
  if (!joined) {
    out.why_not = "a secret file that is no list of KEY=value any more: join it by hand";
    return;
  }
  out.reason = joined->removed == 0
                   ? "a secret file: a consent brings what the run changed, key by key"
                   : fmt::format(
                         "a secret file: a consent brings what the run changed, key by key, "
                         "and takes {} of your keys out",
                         joined->removed);
  out.changes_nothing = joined->text == host->bytes;
  out.only_adds = joined->only_adds;
  out.text = std::move(joined->text);
  out.host = host->seen;
}

MaskedChange Describe(const ProjectTree& tree, int upper, const workspace::Masks& masks,
                      const Change& change, const std::string& seen_path) {
  MaskedChange out;
  if (masks.Hides(seen_path)) {
    out.hidden = true;
    out.reason = "it has the name of a secret file, which was hidden from the run";
    const auto host = tree.Look(change.path);
    if (!host || *host) out.why_not = "your secret file of that name was hidden from the run";
  } else if (ChangesText(change)) {
    Join(tree, upper, masks, change, out);
  } else if (change.kind == ChangeKind::kDeleted) {
    out.reason = "a secret file: a consent deletes yours";
  } else if (change.kind == ChangeKind::kTypeChanged) {
    out.reason = "a secret file that became something else";
    out.why_not = out.reason;
  } else {
    out.reason = "a secret file";
  }
  return out;
}

}  // namespace

MaskedChanges JoinMasked(const ProjectTree& tree, int upper, const workspace::Masks& masks,
                         const workspace::ChangeSet& changes) {
  MaskedChanges out;
  for (const Change& change : changes.changes) {
    const std::string& seen_path = change.old_path.empty() ? change.path : change.old_path;
    if (!masks.Covers(seen_path)) continue;
    MaskedChange described = Describe(tree, upper, masks, change, seen_path);
    if (change.kind == ChangeKind::kDeleted) {  // what it became, if anything, counts
      out.emplace(change.path, std::move(described));
    } else {
      out.insert_or_assign(change.path, std::move(described));
    }
  }
  return out;
}

}  // namespace ambit::review
