#pragma once
// A command that lives on and does one piece of work for each line it reads, so that a figure does
// not hold its start.
#include <sys/types.h>

#include "process_times.h"

namespace ambit::bench {

class Worker {
 public:
  /// Its standard input and output are ours; for each line it does its work and answers with one.
  explicit Worker(const Command& command);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Milliseconds until the answer. Ends the benchmark when there is none.
  double Ask();

 private:
  int requests_ = -1;
  int answers_ = -1;
  pid_t pid_ = -1;
};

}  // namespace ambit::bench
