#pragma once
// The journal of one run: one JSON object per line, appended outside of the run, each hanging on
// the one before it (chain.h). Fields: v (format), seq (from 1), t (UNIX nanoseconds), run, event,
// then the event's own, then hash.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "base/sha256.h"
#include "event/event.h"
#include "journal/encode.h"
#include "journal/key.h"

namespace ambit::journal {

/// Writes to a file opened with O_APPEND, whole lines with one write(2): an event at once, those of
/// event::IsGathered at Commit or when they fill 64 KiB, always in the order they were emitted. A
/// kill at any moment loses what was gathered and no more. Nothing is synced to the disk.
/// status() keeps the first write error; nothing is written after it, and the caller decides what
/// it means.
class Writer : public event::Sink {
 public:
  /// Creates `name` below `dir` with mode 0600 and writes journal.head; it must not exist.
  static Result<std::unique_ptr<Writer>> Create(int dir, const char* name, std::string run_id,
                                                const SigningKey& key);

  /// Goes on with the journal of a run that has ended, with its chain; a journal from before there
  /// were chains goes on without one. The caller is the only one who writes it. What a crash or a
  /// full disk left behind the last whole record stays, and journal.resumed tells of it.
  /// Errors: kNotFound, kInvalidArgument for a file that is no journal of ours, kIo.
  static Result<std::unique_ptr<Writer>> Continue(int dir, const char* name, std::string run_id,
                                                  const SigningKey& key);

  /// kJournalClose gets its count and signature here; one without anything to seal is not written.
  void Emit(const event::Event& event) override;
  void Commit() override;
  [[nodiscard]] const Status& status() const override { return status_; }

 private:
  Writer(Fd file, std::string run_id, const SigningKey& key)
      : file_(std::move(file)), run_id_(std::move(run_id)), key_(key) {}
  void WriteHead();
  void Resume();
  void Append(const event::Event& event, bool is_signed);

  Fd file_;
  std::string run_id_;
  SigningKey key_;
  std::uint64_t sequence_ = 0;
  bool chained_ = true;
  bool sealed_ = false;
  Sha256Digest hash_{};          // of the last record
  std::string torn_;             // behind the last record of a journal that is gone on with
  bool lacks_line_end_ = false;  // that record
  bool resumes_ = false;
  std::string gathered_;
  Status status_;
};

}  // namespace ambit::journal
