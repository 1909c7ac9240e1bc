#pragma once
// Errors are values. Everything that can fail for a reason outside the program returns
// Result<T> or Status; callers branch on `code`, people read `what`. See docs/error-handling.md.
#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace ambit {

enum class Errc : std::uint8_t {
  kInvalidArgument,  // what the caller or the user said cannot be right
  kNotFound,
  kUnsupported,  // the kernel or the host lacks it
  kDenied,       // permission
  kLimit,        // a bound was reached
  kIo,
  kInternal,  // a bug of ours
};

/// What went wrong: the operation and its object in single quotes, no trailing period.
struct [[nodiscard]] Error {
  Errc code = Errc::kInternal;
  int sys_errno = 0;  // 0 when no system call was involved
  std::string what;
  std::string remedy;  // what the user can do; empty when there is nothing to say
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

std::unexpected<Error> Fail(Errc code, std::string what, std::string remedy = {});

/// Maps errno to Errc in this one place and appends strerror to `what`.
std::unexpected<Error> FailErrno(int err, std::string what, std::string remedy = {});

Errc ErrcOf(int err) noexcept;

}  // namespace ambit

#define AMBIT_CAT_IMPL(a, b) a##b
#define AMBIT_CAT(a, b) AMBIT_CAT_IMPL(a, b)
// `decl` declares a variable: it cannot stand in parentheses.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define AMBIT_TRY_IMPL(tmp, decl, expr)                     \
  auto tmp = (expr);                                        \
  if (!tmp) return std::unexpected(std::move(tmp).error()); \
  decl = *std::move(tmp)
// NOLINTEND(bugprone-macro-parentheses)
/// AMBIT_TRY(Fd dir, OpenBeneath(...)): declares `dir` or returns the error to the caller.
#define AMBIT_TRY(decl, expr) AMBIT_TRY_IMPL(AMBIT_CAT(ambit_try_, __LINE__), decl, expr)
/// AMBIT_CHECK(status_expression): returns the error to the caller.
#define AMBIT_CHECK(expr)                                      \
  do {                                                         \
    if (auto ambit_status = (expr); !ambit_status)             \
      return std::unexpected(std::move(ambit_status).error()); \
  } while (false)
