// The patch (diff.h): git's extended headers and unified hunks.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "review/content.h"
#include "review/diff.h"
#include "review/line_diff.h"

namespace ambit::review {
namespace {

using workspace::Change;
using workspace::ChangeKind;
using workspace::ChangeSet;

constexpr std::size_t kContext = 3;
constexpr std::size_t kMaxRenamedFiles = 1'000'000;

/// A line's text with what would steer a terminal shown as escapes; tabs and backslashes stay.
std::string ForTerminal(std::string_view line) {
  std::string out;
  while (true) {
    const std::size_t stop = line.find_first_of("\t\\");
    out += Printable(line.substr(0, stop));
    if (stop == std::string_view::npos) return out;
    out += line[stop];
    line.remove_prefix(stop + 1);
  }
}

// git's default colours; each line is closed, so that a pager may begin anywhere.
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kCyan = "\x1b[36m";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kPlain = "\x1b[m";

struct LineStyle {
  bool for_terminal = false;
  bool colour = false;
};

void AppendLine(std::string& out, char mark, std::string_view line, LineStyle style) {
  const bool complete = line.ends_with('\n');
  if (complete) line.remove_suffix(1);
  const bool colour = style.colour && mark != ' ';
  if (colour) out += mark == '+' ? kGreen : kRed;
  out += mark;
  out += style.for_terminal ? ForTerminal(line) : std::string(line);
  if (colour) out += kPlain;
  out += '\n';
  if (!complete) out += "\\ No newline at end of file\n";
}

std::string RangeOf(std::size_t begin, std::size_t count) {
  if (count == 1) return fmt::format("{}", begin + 1);
  return fmt::format("{},{}", count == 0 ? begin : begin + 1, count);
}

/// git knows a file, an executable file and a link.
std::string GitMode(mode_t mode) {
  if (S_ISLNK(mode)) return "120000";
  return (mode & S_IXUSR) != 0 ? "100755" : "100644";
}

bool HasGitForm(mode_t mode) { return S_ISREG(mode) || S_ISLNK(mode); }

/// The name after `---` and `+++`: git ends one that holds a space with a tab.
std::string FileLine(std::string_view prefix, std::string_view path) {
  std::string name = GitQuoted(prefix, path);
  if (!name.starts_with('"') && name.find(' ') != std::string::npos) name += '\t';
  return name;
}

class PatchWriter {
 public:
  PatchWriter(const Layers& layers, const DiffOptions& options, const Sink& sink)
      : layers_(layers), options_(options), sink_(sink) {}

  Status Write(const ChangeSet& set) {
    // A deletion may make room for a name, so deletions come first; the list is in no such order.
    for (const Change& change : set.changes) {
      if (change.kind == ChangeKind::kDeleted) AMBIT_CHECK(Removed(change));
    }
    std::set<std::string_view> touched;
    for (const Change& change : set.changes) {
      // A directory of which only the bits changed still moves along with its files.
      const bool stays = S_ISDIR(change.old_mode) && (change.kind == ChangeKind::kModeChanged ||
                                                      change.kind == ChangeKind::kModified);
      if (!change.old_path.empty() && !stays) touched.insert(change.old_path);
    }
    for (const Change& change : set.changes) AMBIT_CHECK(WriteOne(change, touched));
    if (set.truncated) AMBIT_CHECK(sink_("# more changed than can be listed\n"));
    return {};
  }

 private:
  Status WriteOne(const Change& change, const std::set<std::string_view>& touched) {
    switch (change.kind) {
      case ChangeKind::kDeleted:
        return {};
      case ChangeKind::kAdded:
        return Added(change);
      case ChangeKind::kRenamed:
        return Renamed(change, touched);
      case ChangeKind::kModeChanged:
        return HasGitForm(change.new_mode) ? Modified(change, false) : Status();
      case ChangeKind::kModified:
        if (S_ISREG(change.new_mode)) return Modified(change, true);
        break;
      case ChangeKind::kTypeChanged:
        break;
    }
    AMBIT_CHECK(Removed(change));
    return Added(change);
  }

  /// Lines about the file, not of it.
  Status Meta(std::string_view lines) {
    if (!options_.colour) return sink_(lines);
    std::string out;
    while (!lines.empty()) {
      const std::string_view line = lines.substr(0, lines.find('\n'));
      out += fmt::format("{}{}{}\n", kBold, line, kPlain);
      lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    }
    return sink_(out);
  }

  Status Header(const std::string& old_path, const std::string& new_path) {
    return Meta(
        fmt::format("diff --git {} {}\n", GitQuoted("a/", old_path), GitQuoted("b/", new_path)));
  }

  Status Removed(const Change& change) {
    if (!HasGitForm(change.old_mode)) return {};
    AMBIT_CHECK(Header(change.old_path, change.old_path));
    AMBIT_CHECK(Meta(fmt::format("deleted file mode {}\n", GitMode(change.old_mode))));
    const Side old_side = layers_.Old(change.old_path, change.old_mode, options_.max_file_bytes);
    return Body(FileLine("a/", change.old_path), old_side, "/dev/null", Side{});
  }

  Status Added(const Change& change) {
    if (!HasGitForm(change.new_mode)) return {};
    AMBIT_CHECK(Header(change.path, change.path));
    AMBIT_CHECK(Meta(fmt::format("new file mode {}\n", GitMode(change.new_mode))));
    const Side new_side = layers_.New(change.path, change.new_mode, options_.max_file_bytes);
    return Body("/dev/null", Side{}, FileLine("b/", change.path), new_side);
  }

  Status Modified(const Change& change, bool content) {
    const std::string old_mode = GitMode(change.old_mode);
    const std::string new_mode = GitMode(change.new_mode);
    const bool moved = change.old_path != change.path;
    if (!content && !moved && old_mode == new_mode) return {};
    AMBIT_CHECK(Header(change.old_path, change.path));
    if (old_mode != new_mode) {
      AMBIT_CHECK(Meta(fmt::format("old mode {}\nnew mode {}\n", old_mode, new_mode)));
    }
    if (moved) AMBIT_CHECK(RenameLines(change.old_path, change.path));
    if (!content) return {};
    return Body(FileLine("a/", change.old_path),
                layers_.Old(change.old_path, change.old_mode, options_.max_file_bytes),
                FileLine("b/", change.path),
                layers_.New(change.path, change.new_mode, options_.max_file_bytes));
  }

  Status RenameLines(const std::string& old_path, const std::string& path) {
    return Meta(fmt::format("rename from {}\nrename to {}\n", GitQuoted("", old_path),
                            GitQuoted("", path)));
  }

  /// git renames files, so everything that moved along and nothing else was said of is listed.
  Status Renamed(const Change& change, const std::set<std::string_view>& touched) {
    auto files = workspace::ListFiles(layers_.lower(), change.old_path, kMaxRenamedFiles);
    if (!files) {
      return sink_(fmt::format("# cannot list '{}': {}\n", Printable(change.old_path),
                               Printable(files.error().what)));
    }
    for (const std::string& file : *files) {
      if (IsTouched(file, change.old_path.size(), touched)) continue;
      const std::string path = change.path + file.substr(change.old_path.size());
      AMBIT_CHECK(Header(file, path));
      AMBIT_CHECK(Meta("similarity index 100%\n"));
      AMBIT_CHECK(RenameLines(file, path));
    }
    return {};
  }

  /// Whether the file has a change of its own, or a directory between it and the renamed one was
  /// renamed elsewhere or removed.
  static bool IsTouched(std::string_view file, std::size_t above,
                        const std::set<std::string_view>& touched) {
    for (std::string_view path = file; path.size() > above;
         path = path.substr(0, path.rfind('/'))) {
      if (touched.contains(path)) return true;
    }
    return false;
  }

  Status Body(const std::string& old_name, const Side& old_side, const std::string& new_name,
              const Side& new_side) {
    const auto either = [&](SideState state) {
      return old_side.state == state || new_side.state == state;
    };
    if (either(SideState::kUnreadable)) return Note("Unreadable files", old_name, new_name);
    if (either(SideState::kBinary)) return Note("Binary files", old_name, new_name);
    if (either(SideState::kTooLarge)) return Note("Large files", old_name, new_name);
    const std::string hunks =
        UnifiedHunks(old_side.text, new_side.text, options_.for_terminal, options_.colour);
    if (hunks.empty()) return {};
    AMBIT_CHECK(Meta(fmt::format("--- {}\n+++ {}\n", old_name, new_name)));
    return sink_(hunks);
  }

  Status Note(std::string_view what, std::string_view old_name, std::string_view new_name) {
    const auto bare = [](std::string_view name) {
      if (name.ends_with('\t')) name.remove_suffix(1);
      return name;
    };
    return sink_(fmt::format("{} {} and {} differ\n", what, bare(old_name), bare(new_name)));
  }

  const Layers& layers_;
  const DiffOptions& options_;
  const Sink& sink_;
};

}  // namespace

bool IsBinary(std::string_view text) {
  return text.substr(0, 8000).find('\0') != std::string_view::npos;
}

std::string GitQuoted(std::string_view prefix, std::string_view path) {
  std::string out;
  bool quoted = false;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte >= 0x20 && byte < 0x7F) {
      out += c;
      continue;
    } else {
      constexpr std::string_view kBytes = "\a\b\t\n\v\f\r";
      constexpr std::string_view kNames = "abtnvfr";
      const std::size_t named = kBytes.find(c);
      out += named != std::string_view::npos ? fmt::format("\\{}", kNames[named])
                                             : fmt::format("\\{:03o}", byte);
    }
    quoted = true;
  }
  return quoted ? fmt::format("\"{}{}\"", prefix, out) : fmt::format("{}{}", prefix, out);
}

std::string UnifiedHunks(std::string_view old_text, std::string_view new_text, bool for_terminal,
                         bool colour) {
  const LineStyle style{.for_terminal = for_terminal, .colour = colour};
  const std::vector<std::string_view> old_lines = SplitLines(old_text);
  const std::vector<std::string_view> new_lines = SplitLines(new_text);
  const LineDiff diff = DiffLines(old_lines, new_lines);
  const auto changed = [&](std::size_t i, std::size_t j) {
    return (i < old_lines.size() && diff.removed[i]) || (j < new_lines.size() && diff.added[j]);
  };
  std::string out;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < old_lines.size() || j < new_lines.size()) {
    if (!changed(i, j)) {
      ++i, ++j;
      continue;
    }
    const std::size_t before = std::min(kContext, i);
    const std::size_t old_begin = i - before;
    const std::size_t new_begin = j - before;
    std::string body;
    for (std::size_t line = old_begin; line < i; ++line) {
      AppendLine(body, ' ', old_lines[line], style);
    }
    // The hunk goes on until more equal lines follow than two changes may share as context.
    while (i < old_lines.size() || j < new_lines.size()) {
      while (i < old_lines.size() && diff.removed[i]) {
        AppendLine(body, '-', old_lines[i++], style);
      }
      while (j < new_lines.size() && diff.added[j]) {
        AppendLine(body, '+', new_lines[j++], style);
      }
      std::size_t equal = 0;
      while (equal <= 2 * kContext && i + equal < old_lines.size() &&
             !changed(i + equal, j + equal)) {
        ++equal;
      }
      const bool at_end = i + equal == old_lines.size() && !changed(i + equal, j + equal);
      const bool ends = at_end || equal > 2 * kContext;
      const std::size_t shown = ends ? std::min(equal, kContext) : equal;
      for (std::size_t line = 0; line < shown; ++line, ++i, ++j) {
        AppendLine(body, ' ', old_lines[i], style);
      }
      if (ends) break;
    }
    out +=
        fmt::format("{}@@ -{} +{} @@{}\n", colour ? kCyan : "", RangeOf(old_begin, i - old_begin),
                    RangeOf(new_begin, j - new_begin), colour ? kPlain : "");
    out += body;
  }
  return out;
}

Status RenderUnified(const workspace::OverlayLayer& layer, const ChangeSet& set,
                     const DiffOptions& options, const Sink& sink) {
  AMBIT_TRY(const Layers layers, Layers::Open(layer));
  return PatchWriter(layers, options, sink).Write(set);
}

}  // namespace ambit::review
