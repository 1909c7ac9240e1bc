# shellcheck shell=bash disable=SC2154  # root, jobs, exams and the package lists come with ./dev
# Sourced by ./dev: the tests, the benchmarks, the fuzzers.

# Root runs every functional test twice: as itself and as an ordinary user. That user must be a
# real one, with a home outside /tmp, who can reach the built program.
EnsureTestUser() {
  [ "$(id -u)" -eq 0 ] || return 0
  if [ -z "${AMBIT_TEST_USER:-}" ]; then
    AMBIT_TEST_USER=ambit-test
    if ! id "$AMBIT_TEST_USER" >/dev/null 2>&1; then
      Say "creating the user $AMBIT_TEST_USER for the tests that run as an ordinary user"
      useradd --create-home --shell /bin/bash "$AMBIT_TEST_USER"
    fi
  fi
  export AMBIT_TEST_USER
  AsUser "$AMBIT_TEST_USER" test -x "$root/dev" ||
    Die "the user $AMBIT_TEST_USER cannot reach $root, and the tests run the program as that" \
      "user: clone to a directory that everybody may enter"
}

AsUser() {
  local user=$1
  shift
  setpriv --reuid "$(id -u "$user")" --regid "$(id -g "$user")" --clear-groups \
    --inh-caps=-all -- "$@"
}

RunCtest() {
  local preset=$1
  shift
  (cd "$root/build/$preset" && ctest --output-on-failure --no-tests=error -j"$((jobs + 1))" "$@" </dev/null)
}

AsanUnitTests() {
  Build asan unit_tests
  ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19 UBSAN_OPTIONS=print_stacktrace=1 \
    RunCtest asan -L unit
}

# The tests with real agents need them installed; when that fails here the tests fail, each with
# this remedy, and all the others still run. EnsureAgentsFor PRESET CTEST-ARGUMENTS...
EnsureAgentsFor() {
  local preset=$1
  shift
  (cd "$root/build/$preset" && ctest -N "$@" </dev/null) | grep -E '/Agent(s|Screens)\.' >/dev/null ||
    return 0
  [ -z "${AMBIT_AGENTS_DIR:-}" ] || return 0
  (SetupAgents) || Say "the coding agents could not be installed (is npm's registry reachable?):" \
    "the tests named Agents and AgentScreens will fail until './dev setup agents' succeeds"
}

# In CI the unit tests run with sanitizers and only so: a second build and run of them takes minutes
# and finds nothing.
Test() {
  local asan=${CI:-false} preset=test
  [ "$asan" != true ] || preset=system
  if [ "${1:-}" = --asan ]; then
    asan=true
    shift
  fi
  InstallPackages "${test_packages[@]}"
  EnsureTestUser
  [ "$asan" != true ] || AsanUnitTests
  Build "$preset"
  EnsureAgentsFor "$preset" "$@"
  RunCtest "$preset" "$@"
}

Bench() {
  # Others that relay, to compare with.
  local relays=(nginx libnginx-mod-stream squid tinyproxy)
  InstallPackages "${test_packages[@]}"
  Build release
  Build test ambit_bench
  Build test ambit_work_bench
  Build test ambit_journal_bench
  Build test ambit_egress_peer
  if [ $# -eq 0 ] || [[ " $* " == *" egress "* ]]; then InstallPackages "${relays[@]}"; fi
  "$root/bench/run" "$@"
}

# FuzzOne TARGET SECONDS: new inputs go to the build directory; fuzz/corpus only seeds.
FuzzOne() {
  local target=$1 seconds=$2 name work log seeds
  name=${target##*/}
  work=$root/build/$preset/fuzz/work/$name
  log=$work/log
  mkdir -p "$work/corpus" "$work/found"
  seeds=("$root/fuzz/corpus/${name%_fuzz}")
  [ -d "${seeds[0]}" ] || Die "fuzz target $name has no corpus in ${seeds[0]}"
  if ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19 "$target" -max_total_time="$seconds" \
    -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$work/found/" \
    "$work/corpus" "${seeds[@]}" >"$log" 2>&1 </dev/null; then
    printf 'fuzz: %-28s %s s, %s runs, nothing found\n' "$name" "$seconds" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
  else
    tail -n 60 "$log"
    printf 'fuzz: %-28s FAILED, input kept in %s\n' "$name" "$work/found"
    return 1
  fi
}

# In CI with the build of the unit tests, which is there: a moment's fuzzing is not worth another one.
Fuzz() {
  local seconds=${1:-20} all=() targets=() target preset=fuzz
  [[ $seconds =~ ^[0-9]+$ ]] || Die "fuzz [SECONDS] [TARGET...]: '$seconds' is not a number"
  [ $# -eq 0 ] || shift
  [ "${CI:-false}" != true ] || preset=asan
  Build "$preset" fuzz_targets
  mapfile -t all < <(find "$root/build/$preset/fuzz" -maxdepth 1 -type f -name '*_fuzz' | sort)
  for target in "${all[@]}"; do
    [ $# -gt 0 ] && [[ " $* " != *" ${target##*/} "* ]] || targets+=("$target")
  done
  [ "${#targets[@]}" -gt 0 ] || Die "no fuzz target '${*:-*}' in build/$preset/fuzz"
  export root preset
  export -f FuzzOne Die Say
  # shellcheck disable=SC2016
  printf '%s\0' "${targets[@]}" |
    xargs -0 -I{} -P "$jobs" bash -c 'FuzzOne "$1" "$2"' _ {} "$seconds"
}
