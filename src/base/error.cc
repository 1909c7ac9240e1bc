#include "base/error.h"

#include <errno.h>
#include <string.h>

namespace ambit {

std::unexpected<Error> Fail(Errc code, std::string what, std::string remedy) {
  return std::unexpected(
      Error{.code = code, .sys_errno = 0, .what = std::move(what), .remedy = std::move(remedy)});
}

std::unexpected<Error> FailErrno(int err, std::string what, std::string remedy) {
  what += ": ";
  const char* name = strerrordesc_np(err);
  what += name != nullptr ? name : "unknown error";
  return std::unexpected(Error{
      .code = ErrcOf(err), .sys_errno = err, .what = std::move(what), .remedy = std::move(remedy)});
}

Errc ErrcOf(int err) noexcept {
  switch (err) {
    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP:
    case EXDEV:
    case ENOTDIR:
    case EISDIR:
      return Errc::kInvalidArgument;
    case ENOENT:
    case ESRCH:
      return Errc::kNotFound;
    case ENOSYS:
    case EOPNOTSUPP:
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
    case ENODEV:
      return Errc::kUnsupported;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::kDenied;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOSPC:
    case EDQUOT:
    case EAGAIN:
      return Errc::kLimit;
    default:
      return Errc::kIo;
  }
}

}  // namespace ambit
