#pragma once
// How a run's changes are shown: names, counts, JSON, and a patch that `git apply` or `patch -p1`
// turns the original tree with into the result.
// Names and contents are hostile: names are escaped for people (Printable) or quoted as git does;
// contents only when `for_terminal`. Nothing but the layers is read, and only as OpenPlainFile
// does. Not in a patch, because git has no form for them: empty directories, FIFOs, sockets,
// devices, permission bits other than the owner's execute bit, the bytes of binary files. Who
// calls: cli. Errors: those of the sink, kIo for the layers; a file that cannot be read is named in
// the output instead.
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "review/gate.h"
#include "workspace/change_walk.h"

namespace ambit::review {

/// Takes the output piece by piece, so that no more than one file's difference is in memory.
using Sink = std::function<Status(std::string_view)>;

/// Adds everything to `out`.
Sink AppendTo(std::string& out);

struct DiffOptions {
  bool for_terminal = false;                // show control characters of contents as escapes
  bool colour = false;                      // as git colours by default; with for_terminal only
  std::uint64_t max_file_bytes = 8U << 20;  // a larger file only "differs"
};

/// `A path`, `M path`, ... tab separated; R has the old name first; directories end in '/'.
Status RenderNameStatus(const workspace::ChangeSet& set, const Sink& sink);

/// Lines added and removed for each file, and the sums.
Status RenderStat(const workspace::OverlayLayer& layer, const workspace::ChangeSet& set,
                  const DiffOptions& options, const Sink& sink);

/// One JSON object. A name that is not UTF-8 has its bytes in `path_hex` (`old_path_hex`).
Status RenderJson(const workspace::ChangeSet& set, const Sink& sink);

/// The patch.
Status RenderUnified(const workspace::OverlayLayer& layer, const workspace::ChangeSet& set,
                     const DiffOptions& options, const Sink& sink);

/// Takes away what is neither at nor below one of `paths`; an empty path is everything. A renamed
/// directory that holds one of them stays, with all that moved along.
void LimitTo(workspace::ChangeSet& set, std::span<const std::string> paths);

/// A path the host runs or obeys by itself (gate.h), as it is called after the run.
struct GatedChange {
  std::string path;
  GateDecision decision;  // never kOpen
};

/// All of them, in the order of the set; of a renamed directory each file in it.
Result<std::vector<GatedChange>> GatedChanges(const workspace::OverlayLayer& layer,
                                              const workspace::ChangeSet& set);

/// The hunks of one file's difference, without headers; empty when the texts are equal.
std::string UnifiedHunks(std::string_view old_text, std::string_view new_text,
                         bool for_terminal = false, bool colour = false);

/// A NUL in the first 8000 bytes, as git decides.
bool IsBinary(std::string_view text);

/// `prefix` + `path` as git writes it in headers: in quotes with escapes where it must be.
std::string GitQuoted(std::string_view prefix, std::string_view path);

}  // namespace ambit::review
