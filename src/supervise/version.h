#pragma once
#include <string_view>

namespace ambit::supervise {

/// As in CMakeLists.txt, `project(ambit VERSION ...)`.
inline constexpr std::string_view kVersion = AMBIT_VERSION;

}  // namespace ambit::supervise
