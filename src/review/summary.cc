// Names, counts and JSON (diff.h).
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/text.h"
#include "review/content.h"
#include "review/diff.h"
#include "review/line_diff.h"

namespace ambit::review {
namespace {

using workspace::Change;
using workspace::ChangeKind;
using workspace::ChangeSet;

struct KindName {
  char letter;
  std::string_view word;
};

KindName NameOf(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kAdded:
      return {'A', "added"};
    case ChangeKind::kModified:
      return {'M', "modified"};
    case ChangeKind::kDeleted:
      return {'D', "deleted"};
    case ChangeKind::kTypeChanged:
      return {'T', "type_changed"};
    case ChangeKind::kModeChanged:
      return {'M', "mode_changed"};
    case ChangeKind::kRenamed:
      return {'R', "renamed"};
  }
  return {'?', "unknown"};
}

mode_t ModeOf(const Change& change) {
  return change.kind == ChangeKind::kDeleted ? change.old_mode : change.new_mode;
}

std::string ShownName(const Change& change) {
  const std::string_view slash = S_ISDIR(ModeOf(change)) ? "/" : "";
  const bool moved = !change.old_path.empty() && change.old_path != change.path;
  if (!moved) return Printable(change.path) + std::string(slash);
  return fmt::format("{0}{2}\t{1}{2}", Printable(change.old_path), Printable(change.path), slash);
}

std::string JsonPath(std::string_view key, const std::string& path) {
  const std::string escaped = JsonEscape(path);
  std::string out = fmt::format("\"{}\":\"{}\"", key, escaped);
  // The replacement character may also stand in the name itself; the bytes do no harm then.
  if (escaped.find("\xEF\xBF\xBD") == std::string::npos) return out;
  out += fmt::format(",\"{}_hex\":\"", key);
  for (const char c : path) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out + "\"";
}

std::string_view TypeName(mode_t mode) {
  if (S_ISREG(mode)) return "file";
  if (S_ISDIR(mode)) return "directory";
  if (S_ISLNK(mode)) return "symlink";
  if (S_ISFIFO(mode)) return "fifo";
  if (S_ISSOCK(mode)) return "socket";
  return "device";
}

std::string JsonOf(const Change& change) {
  std::string out =
      fmt::format("{{\"kind\":\"{}\",{}", NameOf(change.kind).word, JsonPath("path", change.path));
  if (!change.old_path.empty()) out += "," + JsonPath("old_path", change.old_path);
  if (change.old_mode != 0) {
    out += fmt::format(",\"old_type\":\"{}\",\"old_mode\":\"{:04o}\",\"old_bytes\":{}",
                       TypeName(change.old_mode), change.old_mode & 07777U, change.old_bytes);
  }
  if (change.new_mode != 0) {
    out += fmt::format(",\"type\":\"{}\",\"mode\":\"{:04o}\",\"bytes\":{}",
                       TypeName(change.new_mode), change.new_mode & 07777U, change.new_bytes);
  }
  if (S_ISLNK(change.new_mode) && !change.link_target.empty()) {
    out += "," + JsonPath("link_target", change.link_target);
  }
  if (change.unreadable) out += ",\"unreadable\":true";
  return out + "}";
}

/// Plus and minus signs, at most kBarWidth of them, each side with at least one when it has any.
std::string Bar(std::size_t added, std::size_t removed, bool colour) {
  constexpr std::size_t kBarWidth = 40;
  const std::size_t total = added + removed;
  if (total > kBarWidth) {
    const auto scaled = [&](std::size_t count) {
      return count == 0 ? 0 : std::max<std::size_t>(1, count * kBarWidth / total);
    };
    added = scaled(added);
    removed = scaled(removed);
  }
  const std::string plus(added, '+');
  const std::string minus(removed, '-');
  return colour ? fmt::format("\x1b[32m{}\x1b[m\x1b[31m{}\x1b[m", plus, minus) : plus + minus;
}

struct Totals {
  std::size_t files = 0;
  std::size_t added = 0;
  std::size_t removed = 0;
};

std::string StatLine(const Layers& layers, const Change& change, const DiffOptions& options,
                     Totals& totals) {
  const std::string name = ShownName(change);
  const bool content =
      change.kind != ChangeKind::kModeChanged && change.kind != ChangeKind::kRenamed;
  if (!content) return fmt::format(" {} | {}\n", name, NameOf(change.kind).word);
  Side old_side;
  Side new_side;
  if (change.old_mode != 0) {
    old_side = layers.Old(change.old_path, change.old_mode, options.max_file_bytes);
  }
  if (change.new_mode != 0) {
    new_side = layers.New(change.path, change.new_mode, options.max_file_bytes);
  }
  const auto either = [&](SideState state) {
    return old_side.state == state || new_side.state == state;
  };
  if (either(SideState::kUnreadable)) return fmt::format(" {} | unreadable\n", name);
  if (either(SideState::kBinary) || either(SideState::kTooLarge)) {
    return fmt::format(" {} | {} {} -> {} bytes\n", name,
                       either(SideState::kBinary) ? "Bin" : "Large", change.old_bytes,
                       change.new_bytes);
  }
  const LineDiff diff = DiffLines(SplitLines(old_side.text), SplitLines(new_side.text));
  const auto added = static_cast<std::size_t>(std::ranges::count(diff.added, true));
  const auto removed = static_cast<std::size_t>(std::ranges::count(diff.removed, true));
  totals.added += added;
  totals.removed += removed;
  return fmt::format(" {} | {} {}\n", name, added + removed, Bar(added, removed, options.colour));
}

}  // namespace

Sink AppendTo(std::string& out) {
  return [&out](std::string_view text) -> Status {
    out += text;
    return {};
  };
}

Status RenderNameStatus(const ChangeSet& set, const Sink& sink) {
  for (const Change& change : set.changes) {
    AMBIT_CHECK(sink(fmt::format("{}\t{}\n", NameOf(change.kind).letter, ShownName(change))));
  }
  for (const workspace::GitChange& git : set.git) {
    AMBIT_CHECK(sink(fmt::format("G\t{}\t{}\n", Printable(git.path), Count(git.files, "file"))));
  }
  return set.truncated ? sink("# more changed than can be listed\n") : Status();
}

Status RenderStat(const workspace::OverlayLayer& layer, const ChangeSet& set,
                  const DiffOptions& options, const Sink& sink) {
  AMBIT_TRY(const Layers layers, Layers::Open(layer));
  Totals totals;
  for (const Change& change : set.changes) {
    if (S_ISDIR(ModeOf(change)) && change.kind != ChangeKind::kRenamed) continue;
    ++totals.files;
    AMBIT_CHECK(sink(StatLine(layers, change, options, totals)));
  }
  for (const workspace::GitChange& git : set.git) {
    AMBIT_CHECK(
        sink(fmt::format(" {} | {} of git\n", Printable(git.path), Count(git.files, "file"))));
  }
  AMBIT_CHECK(sink(fmt::format(" {} changed, {} added, {} removed\n", totals.files,
                               Count(totals.added, "line"), totals.removed)));
  return set.truncated ? sink("# more changed than can be listed\n") : Status();
}

Status RenderJson(const ChangeSet& set, const Sink& sink) {
  AMBIT_CHECK(sink("{\"format\":1,\"changes\":["));
  std::string_view comma;
  for (const Change& change : set.changes) {
    AMBIT_CHECK(sink(fmt::format("{}\n{}", comma, JsonOf(change))));
    comma = ",";
  }
  AMBIT_CHECK(sink("],\"git\":["));
  comma = "";
  for (const workspace::GitChange& git : set.git) {
    AMBIT_CHECK(
        sink(fmt::format("{}\n{{{},\"files\":{}}}", comma, JsonPath("path", git.path), git.files)));
    comma = ",";
  }
  return sink(fmt::format("],\"truncated\":{}}}\n", set.truncated));
}

}  // namespace ambit::review
