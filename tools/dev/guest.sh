# shellcheck shell=bash disable=SC2154  # root and the package lists come with ./dev
# Sourced by ./dev: a whole machine with the kernel of the floor, cgroup v2 and systemd.

# Of the project's own tests those whose outcome depends on kernel, cgroups and mounts, one a line,
# with a filter. An emulated processor is slow: what runs here must be done in minutes. Not the parts of
# walls_test that take walls away: what then works depends on the settings of the machine.
readonly guest_tests='src/sys/sys_test
src/host/host_test
src/spawn/spawn_test
tests/functional/run_test
tests/functional/layers_test
tests/security/walls_test *RefuseEveryAttempt*:*CannotBeSwitchedOff*
tests/security/life_line_test'
# What they start beside ambit.
readonly guest_helpers='tests/security/probes/ambit_probe
tests/security/ambit_for_wall_tests'
readonly guest_seconds=600

RequireGuestTools() {
  local tool missing=()
  for tool in qemu-system-x86_64 mmdebstrap mkfs.ext4; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  [ "${#missing[@]}" -eq 0 ] || Die "the guest needs ${missing[*]}: ./dev setup nightly"
  [ "$(id -u)" -eq 0 ] || Die "the guest's disk is made as root: run it as root"
}

# PackPayload FILE: what the guest finds on its second disk.
PackPayload() {
  local stage=$root/build/guest/stage programs
  mkdir -p "$stage"
  printf '%s\n' "$root" >"$stage/built_at"
  printf '%s\n' "$guest_tests" >"$stage/test_programs"
  mapfile -t programs < <(printf 'ambit\n%s\n%s\n' "$guest_tests" "$guest_helpers" |
    sed 's/ .*//; s:^:build/test/:')
  tar --create --file "$1" --owner=0 --group=0 --numeric-owner \
    -C "$root/tests/guest" check -C "$stage" built_at test_programs -C "$root" "${programs[@]}"
}

Guest() {
  local image=$root/build/guest start=$SECONDS status=0
  RequireGuestTools
  Build test
  Quietly "making the guest" "$root/tools/guest/make_image" "$image" || return 1
  PackPayload "$image/payload.tar"
  "$root/tools/guest/boot" "$image" "$image/payload.tar" "$guest_seconds" || status=$?
  Say "guest: took $((SECONDS - start)) s"
  [ "$status" -eq 0 ] || Die "the guest's checks failed"
}
