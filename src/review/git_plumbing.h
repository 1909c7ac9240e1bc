#pragma once
// The host's git as a tool that is given everything: repository, objects, limits. It reads no
// configuration but that of the repository it is given, runs no hook, no filter, no fsmonitor and
// no pager, replaces no object, fetches nothing and asks nobody.
// A repository of a run is never the repository of a call: callers copy objects into one of their
// own first (quarantine.h). Who calls: branch and its parts. Precondition: one thread.
// Errors: kNotFound without a git that others cannot replace, kLimit when a call needs more than
// its time, memory or output ("too large"), kInvalidArgument with git's own words when it refuses.
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ambit::review {

inline constexpr std::size_t kMaxGitOutputBytes = 256U << 20;
inline constexpr std::uint64_t kMaxGitMemoryBytes = 1U << 30;  // private memory of one call
inline constexpr std::uint64_t kMaxGitFileBytes = 8ULL << 30;  // of one file that git writes

struct GitCall {
  std::string git_dir;                        // absolute; empty for calls without a repository
  std::vector<std::string> arguments;         // the command and what follows
  std::string input = {};                     // what it reads, when input_fd is -1
  int input_fd = -1;                          // read from its current offset
  int output_fd = -1;                         // -1: returned
  std::vector<std::string> settings = {};     // "-c" values
  std::vector<std::string> environment = {};  // NAME=VALUE, besides the fixed ones
  std::size_t max_output_bytes = kMaxGitOutputBytes;
  bool one_is_success = false;  // check-ignore and its kin: exit code 1 is an answer
};

/// `path` in quotes with C escapes: as git reads paths from streams and path lists.
std::string QuotedForGit(std::string_view path);

class Git {
 public:
  /// A git that runs as `uid` and `gid` (root becomes them, others must be them already) and whose
  /// calls all end before `deadline`.
  static Result<Git> Find(uid_t uid, gid_t gid, std::chrono::steady_clock::time_point deadline);

  /// Moves the deadline, for time that a person took.
  void AllowMore(std::chrono::steady_clock::duration time) { deadline_ += time; }

  /// What it wrote to stdout.
  Result<std::string> Run(const GitCall& call) const;

 private:
  Git(std::string program, uid_t uid, gid_t gid, std::chrono::steady_clock::time_point deadline)
      : program_(std::move(program)), uid_(uid), gid_(gid), deadline_(deadline) {}
  [[noreturn]] void Execute(int in, int out, int err, char* const* argv,
                            char* const* environment) const;
  Result<std::string> Collect(int pidfd, int out, int err, const GitCall& call) const;

  std::string program_;
  uid_t uid_;
  gid_t gid_;
  std::chrono::steady_clock::time_point deadline_;
};

}  // namespace ambit::review
