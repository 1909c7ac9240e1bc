#pragma once
// The journal of one run: one JSON object per line, appended outside of the run.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "event/event.h"

namespace ambit::journal {

/// Writes each event with one write(2) to a file opened with O_APPEND, so that a crash at any
/// moment leaves whole lines. Fields: v (format), seq (from 1), t (UNIX nanoseconds), run, event,
/// then the event's own. status() keeps the first write error; the caller decides what it means.
class Writer : public event::Sink {
 public:
  /// Creates `name` below `dir` with mode 0600; it must not exist.
  static Result<std::unique_ptr<Writer>> Create(int dir, const char* name, std::string run_id);

  /// Goes on with the journal of a run that has ended. The caller is the only one who writes it. A
  /// last line that was cut off (a full disk) stays as it is, and the next one begins a new line.
  /// Errors: kNotFound, kInvalidArgument for a file that is no journal of ours, kIo.
  static Result<std::unique_ptr<Writer>> Continue(int dir, const char* name, std::string run_id);

  void Emit(const event::Event& event) override;
  void Commit() override {}
  [[nodiscard]] const Status& status() const override { return status_; }

 private:
  Writer(Fd file, std::string run_id) : file_(std::move(file)), run_id_(std::move(run_id)) {}
  Fd file_;
  std::string run_id_;
  std::uint64_t sequence_ = 0;
  bool in_line_ = false;  // the file ends in a line that was cut off
  Status status_;
};

/// The sequence number of a line that EncodeEvent made, whatever the bytes. Pure.
Result<std::uint64_t> SequenceOf(std::string_view line);

/// One line, without the line break. Pure.
std::string EncodeEvent(const event::Event& event, std::uint64_t sequence, std::int64_t time_ns,
                        const std::string& run_id);

}  // namespace ambit::journal
