# shellcheck shell=bash disable=SC2034  # read by tools/dev/repositories_exam.sh
# C with CMake; a build directory that git ignores comes home as well.
agent=claude
Fetch() { FetchDebian cjson "$1"; }
check='cmake -S . -B build -DENABLE_CUSTOM_COMPILER_FLAGS=OFF && cmake --build build -j2 &&
  cd build && ctest'
before='tests passed, 0 tests failed out of 19'
after='container_tests .* Passed'
held=(.github/workflows/build.yml)
