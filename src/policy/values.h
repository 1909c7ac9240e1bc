#pragma once
// What a single value of an option must look like, whatever the host is like, and how a path is
// written out. Who calls: the reader for files, cli for flags. Pure.
// Errors: kInvalidArgument with the value quoted and, where one is near, what may have been meant.
#include <string>
#include <string_view>

#include "base/error.h"
#include "policy/document.h"

namespace ambit::policy {

Status CheckItem(const Option& option, const Item& item, SourceKind source);

/// A letter or `_`, then letters, digits and `_`: what every shell can pass.
bool IsVariableName(std::string_view name);

/// Absolute, no empty, `.` or `..` component, no slash at the end, no zero byte.
bool IsNormalPath(std::string_view path);

/// A pattern of project files: NAME, DIR/NAME or **/NAME with `*` and `?` in NAME, `/` at the end
/// for a directory. Errors are without the pattern's origin.
Status CheckPattern(std::string_view pattern);

/// `~` and `~/...` become the home, `./...` and what is relative stand below `base`; slashes at the
/// end go. An empty `base` leaves relative paths as they are.
std::string WrittenOut(std::string_view path, std::string_view home, std::string_view base);

}  // namespace ambit::policy
