#pragma once
// Long output on a terminal goes through less, as git's does: only what does not fit on one screen
// is paged, colours are kept, the text stays on the screen. Always the system's less, never what
// $PAGER names: what a run left behind may have set that. LESSSECURE keeps it from starting
// programs and writing files. Who calls: diff.
#include <signal.h>
#include <sys/types.h>

#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::cli {

class Pager {
 public:
  /// With `wanted`, standard output goes to a pager when there is one; else it stays as it is.
  static Pager Start(bool wanted);
  Pager(Pager&& other) noexcept;
  Pager& operator=(Pager&&) = delete;
  /// Waits until the reader has seen enough.
  ~Pager();

  /// Output to the pager, or to standard output. A reader who left is no error: nothing more is
  /// written then.
  Status Write(std::string_view text);

 private:
  explicit Pager(pid_t child, Fd to_child) : child_(child), to_child_(std::move(to_child)) {}
  pid_t child_ = -1;
  Fd to_child_;
  bool left_ = false;
  struct sigaction interrupt_{};  // as it was
  struct sigaction broken_pipe_{};
};

}  // namespace ambit::cli
