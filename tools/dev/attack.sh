# shellcheck shell=bash disable=SC2154  # root, jobs, exams and the package lists come with ./dev
# Sourced by ./dev: the containment exam, which is kept beside the project and judges from outside.

# Below what the exam takes for unlimited (1,024 processes, 900 MiB), above what its ordinary
# programs need.
readonly attack_limits='--memory 700MiB --processes 512 --disk 600MiB --time 60s'
# The one name of the exam's lab that is allowed. It leads to an address that the lab's own machine has,
# which no name may without a word.
readonly attack_names='--allow allowed.ambit-test --private allowed.ambit-test'
# Judged after what the agent left was brought to the host, as was an ordinary edit (B007).
# shellcheck disable=SC2016  # awk's own dollars
readonly attack_cases_applied='$2 == "plant" || $1 ~ /^B007/'

# SelectCases LIST CONDITION: a pattern for exactly the cases that meet the awk condition.
SelectCases() {
  awk -F'\t' "$2 { print \$1 }" "$1" | paste -sd'|'
}

# AttackAs WORK NAME CONDITION [OPTIONS]: one sitting; the machine-readable result decides, so that a
# runner that ends early or prints less than it should cannot pass.
AttackAs() {
  local work=$1 name=$2 pattern expected status=0 judged bad
  pattern=$(SelectCases "$work/list" "$3")
  expected=$(tr '|' '\n' <<<"$pattern" | grep -c .)
  shift 3
  Say "containment exam as $name"
  "$work/exam/run-attacks.sh" --strict --expect-net --bin "$work/bin" --tsv "$work/$name.tsv" \
    --only "^($pattern)\\.cpp\$" "$@" "$exam_binary run $attack_limits $attack_names --" </dev/null ||
    status=$?
  judged=$(wc -l <"$work/$name.tsv")
  bad=$(grep -cE $'\t(ESCAPED|ERROR|BROKEN)\t' "$work/$name.tsv" || true)
  printf 'attack: as %s: %s of %s cases judged;' "$name" "$judged" "$expected"
  cut -f3 "$work/$name.tsv" | sort | uniq -c | awk '{ printf " %s %s", $2, $1 } END { print "" }'
  [ "$status" -eq 0 ] && [ "$bad" -eq 0 ] && [ "$judged" -eq "$expected" ]
}

# ShowThatTheNetCanFail WORK: the cases about the network, where nothing keeps them from anything and
# with a proxy that believes what it is told, must all get out, and what is allowed must be reached.
ShowThatTheNetCanFail() {
  local work=$1 cases contained judged expected
  Say "containment exam without a sandbox: the network"
  "${CXX:-g++}" -std=c++17 -O1 -w -s -static -pthread -I "$work/exam/lib" -o "$work/bin/badproxy" \
    "$work/exam/lib/badproxy.cpp"
  cases=$(awk -F'\t' '$2 == "net" && $1 !~ /^A084/ { print $1 }' "$work/list" | paste -sd'|')
  "$work/exam/run-attacks.sh" --expect-net --bin "$work/bin" --tsv "$work/plain.tsv" \
    --only "^($cases|B006_allowed_host)\\.cpp\$" "" </dev/null || true
  "$work/exam/run-attacks.sh" --expect-net --bin "$work/bin" --tsv "$work/badproxy.tsv" \
    --only '^(A084|B006)' "$work/bin/badproxy 18080" </dev/null || true
  cat "$work/plain.tsv" "$work/badproxy.tsv" >"$work/control.tsv"
  judged=$(wc -l <"$work/control.tsv")
  contained=$(awk -F'\t' '$3 != ($2 == "benign" ? "WORKS" : "ESCAPED")' "$work/control.tsv")
  expected=$(($(tr '|' '\n' <<<"$cases" | wc -l) + 3))
  printf 'attack: without a sandbox: %s of %s cases of the network judged\n' "$judged" "$expected"
  [ "$judged" -eq "$expected" ] && [ -z "$contained" ] && return 0
  printf 'attack: what should have got out, or been reached:\n%s\n' "$contained"
  return 1
}

# BothSittings WORK NAME [OPTIONS]: what stays inside, then what is applied.
BothSittings() {
  local work=$1 name=$2 failed=0
  shift 2
  AttackAs "$work" "$name" "!($attack_cases_applied)" \
    --audit-cmd "$exam_binary audit show" "$@" || failed=1
  AttackAs "$work" "$name-apply" "$attack_cases_applied" \
    --post-cmd "$exam_binary apply --yes" "$@" || failed=1
  return "$failed"
}

Attack() {
  local who=${1:-both} source=$exams/attacks work failed=0
  [[ $who =~ ^(root|user|both)$ ]] || Die "attack [root|user], not '$who'"
  [ -x "$source/run-attacks.sh" ] || Die "no containment exam at $source (AMBIT_EXAMS names it)"
  [ "$(id -u)" -eq 0 ] || Die "the exam builds its own network lab and changes users: run it as root"
  InstallPackages "${test_packages[@]}"
  exam_binary=${AMBIT_BINARY:-$root/build/release/ambit}
  [ -n "${AMBIT_BINARY:-}" ] || Build release || return 1
  work=$(mktemp -d /tmp/ambit-exam.XXXXXX)
  # Expanded now: the local is gone when the trap runs.
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  # The exam may lie on a read-only place, its programs are run as uid 1000, and compiling them is
  # slow enough to be worth keeping.
  chmod 755 "$work"
  cp -a "$source" "$work/exam"
  chmod -R u+w "$work/exam"
  mkdir -p "$root/build/exam-bin"
  cp -a "$root/build/exam-bin" "$work/bin"
  "$work/exam/run-attacks.sh" --list >"$work/list"
  ShowThatTheNetCanFail "$work" || failed=1
  if [ "$who" != user ]; then
    BothSittings "$work" root || failed=1
  fi
  if [ "$who" != root ]; then
    setpriv --reuid 1000 --regid 1000 --clear-groups test -x "$exam_binary" ||
      Die "uid 1000 cannot reach $exam_binary"
    BothSittings "$work" user --as 1000:1000 || failed=1
  fi
  cp -a "$work/bin/." "$root/build/exam-bin/"
  [ "$failed" -eq 0 ] || Die "the containment exam failed"
}
