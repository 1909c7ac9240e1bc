#pragma once
// A command that lives on and does one piece of work for each line it reads, so that a figure does
// not hold its start.
#include <sys/types.h>

#include "process_times.h"

namespace ambit::bench {

class Worker {
 public:
  /// Its standard input and output are ours; for each line it reads it does its work and answers
  /// with what the shell's `times` prints.
  explicit Worker(const Command& command);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Milliseconds until the answer. Ends the benchmark when there is none.
  double Ask();

  /// Processor time, in milliseconds, that all work has taken so far, as of the last answer.
  double processor_time() const { return processor_time_; }

 private:
  int requests_ = -1;
  int answers_ = -1;
  pid_t pid_ = -1;
  double processor_time_ = 0;
};

}  // namespace ambit::bench
