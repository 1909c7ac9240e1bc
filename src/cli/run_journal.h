#pragma once
// The journal of one run as commands read it: line by line, whatever its length. Who calls: audit
// and why. Errors: those of finding the run, and of its file.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "host/facts.h"
#include "journal/entry.h"
#include "journal/reader.h"
#include "journal/verify.h"
#include "workspace/run_store.h"

namespace ambit::cli {

/// A run that was named, or the newest one of this project, and its journal, open to read.
struct JournalOfRun {
  workspace::RunMeta meta;
  workspace::RunDir run;
  Fd file;

  static Result<JournalOfRun> Open(const std::string& run, const std::string& directory);
};

Result<Fd> OpenJournal(const workspace::RunDir& run);

/// Whether it is as it was written; `file` is read to its end, from where it stands.
Result<journal::Verdict> VerdictOf(const workspace::RunDir& run, const workspace::RunMeta& meta,
                                   int file);

/// A line to stderr when the journal is not as it was written; what is read of it then begins anew.
Status WarnWhenBroken(const JournalOfRun& opened);

/// False: enough was seen.
using OnEntry = std::function<Result<bool>(const journal::Entry& entry, std::string_view line)>;

/// Calls `on_entry` for each line that is an event. What is none is counted, and told on stderr.
Status ForEachEntry(journal::Source source, const OnEntry& on_entry);

/// Goes on with a journal that is still written: at its end it calls `before_waiting`, and waits
/// until there is more, the run has ended or its supervisor is gone.
journal::Source Following(const JournalOfRun& opened, std::function<Status()> before_waiting);

/// Standard output, a good piece at a time. Whoever stopped reading is no error: nothing more is
/// written, and left() says so.
class Output {
 public:
  explicit Output(int file) : file_(file) {}
  Status Write(std::string_view text);
  Status Flush();
  [[nodiscard]] bool left() const { return left_; }

 private:
  int file_;
  std::string text_;
  bool left_ = false;
};

}  // namespace ambit::cli
