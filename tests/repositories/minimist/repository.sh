# shellcheck shell=bash disable=SC2034  # read by tools/dev/repositories_exam.sh
# JavaScript from npm, beside dependencies that git ignores.
agent=pi
Fetch() {
  FetchNpm minimist@1.2.8 "$1" && InstallNpm tape@5.6.3 "$1" &&
    printf '/node_modules/\n/dist/\n' >"$1/.gitignore"
}
check='if [ -d spec ]; then node_modules/.bin/tape "spec/*.js"; else node_modules/.bin/tape "test/*.js"; fi'
before='^# pass  153'
after='^# pass  155'
held=(.npmrc tools/package.json)
