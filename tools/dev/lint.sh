# shellcheck shell=bash disable=SC2154  # root, jobs, exams and the package lists come with ./dev
# Sourced by ./dev: what is checked without running the program, and the long night.

# Files PATTERN...: tracked and new files, not ignored ones.
Files() {
  Git ls-files --cached --others --exclude-standard --deduplicate -- "$@" | while read -r file; do
    [ ! -f "$root/$file" ] || printf '%s\n' "$file"
  done
}

ShellFiles() {
  local file first
  Files dev '.ci/*' 'tools/*' 'bench/*' 'tests/*' | while read -r file; do
    IFS= read -r first <"$root/$file" 2>/dev/null || continue
    case $first in '#!'*bash | '#!'*/sh | '# shellcheck shell='*) printf '%s\n' "$file" ;; esac
  done
}

LintFormat() { Files '*.cc' '*.h' | xargs -r -d '\n' clang-format-19 --dry-run -Werror; }

LintShell() {
  if command -v shellcheck >/dev/null; then
    ShellFiles | xargs -r -d '\n' shellcheck -x
  else
    Say "shellcheck is not installed (./dev setup test): shell files were not checked"
  fi
}

# Nothing is compiled in it: each file is read with all that it includes, and nothing else.
LintPreset() { Build lint generated_sources; }

# What takes most of the time and finds the least: the night has it, as it has whatever is only slow.
# Each of these looks at all that libraries bring, too.
readonly night_checks='-bugprone-assert-side-effect,-bugprone-chained-comparison,
-bugprone-fold-init-type,-bugprone-forward-declaration-namespace,-bugprone-inc-dec-in-conditions,
-bugprone-incorrect-roundings,-bugprone-infinite-loop,-bugprone-misplaced-widening-cast,
-bugprone-multiple-new-in-one-expression,-bugprone-multiple-statement-macro,
-bugprone-non-zero-enum-to-bool-conversion,-bugprone-not-null-terminated-result,
-bugprone-reserved-identifier,-bugprone-signed-char-misuse,-bugprone-suspicious-semicolon,
-bugprone-suspicious-string-compare,-bugprone-swapped-arguments,-bugprone-undelegated-constructor,
-bugprone-unsafe-functions,-bugprone-unused-raii,-clang-analyzer-*,-misc-misplaced-const,
-misc-unused-using-decls,-modernize-use-nullptr,-performance-*,-readability-container-size-empty,
-readability-redundant-control-flow,-readability-redundant-string-cstr'

LintTidy() {
  local less=()
  [ -n "${lint_deep:-}" ] || less=(--checks="${night_checks//$'\n'/}")
  LintPreset || return 1
  Files 'src/*.cc' | grep -v '_test\.cc$' |
    xargs -r -d '\n' -n 1 -P "$jobs" clang-tidy-19 --quiet -p build/lint "${less[@]}"
}

LintHeaders() { LintPreset && "$root/tools/check_headers" "$root/build/lint/compile_commands.json"; }

LintTree() { "$root/tools/check_tree" --self-test && "$root/tools/check_tree"; }

# Lint [deep]: deep with clang's static analyzer and the other checks of the night.
Lint() {
  local check failed=() lint_deep=${1:-}
  [[ -z $lint_deep || $lint_deep = deep ]] || Die "lint [deep], not '$lint_deep'"
  cd "$root" || return 1
  InstallPackages "${build_packages[@]}"
  for check in Format Shell Tree Tidy Headers; do
    Quietly "lint ${check,}" "Lint$check" || failed+=("${check,}")
  done
  [ "${#failed[@]}" -eq 0 ] || Die "lint failed: ${failed[*]}"
  Say "lint: format, shell, tree, tidy and headers are clean"
}

# Soak: what starts and ends runs, over and over; one failure in any round fails it.
Soak() { RunCtest test -L 'functional|security' --repeat until-fail:"${AMBIT_SOAK_ROUNDS:-20}"; }

# Parsers: ours of names against those of others, with many new cases.
Parsers() { AMBIT_CASES=${AMBIT_CASES:-500000} RunCtest test -R '^parsers/'; }

Nightly() {
  local stage start failed=()
  # Hours before it is their turn.
  RequireGuestTools
  for stage in "lint deep" "test --asan" "attack" "repositories" "guest" "soak" "parsers" "bench" "fuzz 600"; do
    start=$SECONDS
    Say "nightly: $stage"
    # shellcheck disable=SC2086
    case $stage in
      soak) (Soak) ;;
      parsers) (Parsers) ;;
      *) "$root/dev" $stage ;;
    esac || failed+=("$stage")
    Say "nightly: $stage took $((SECONDS - start)) s"
  done
  [ "${#failed[@]}" -eq 0 ] || Die "nightly failed: ${failed[*]}"
  Say "nightly: all stages passed"
}
