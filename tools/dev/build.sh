# shellcheck shell=bash disable=SC2154  # root, jobs, exams and the package lists come with ./dev
# Sourced by ./dev: configure once, build, run.

# A build directory is bound to the path of its source and to the preset it was made from.
ConfiguredHere() {
  local dir=$1
  [ -f "$dir/build.ninja" ] && [ ! "$root/CMakePresets.json" -nt "$dir/build.ninja" ] &&
    grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$dir/CMakeCache.txt"
}

Configure() {
  local preset=$1 dir=$root/build/$1
  [[ $preset =~ ^[a-z]+$ ]] || Die "'$preset' is not a preset's name"
  ConfiguredHere "$dir" && return 0
  Quietly "configuring $preset" cmake -S "$root" --preset "$preset" --fresh
}

# Build PRESET [TARGET]
Build() {
  InstallPackages "${build_packages[@]}" || return 1
  Configure "$1" || return 1
  Quietly "building $1" cmake --build "$root/build/$1" -j "$jobs" --target "${2:-all}"
}

# The caller's working directory stays: it decides which project the run is about.
Run() {
  Build release
  exec "$root/build/release/ambit" run "$@"
}
