# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-3.0-or-later

case ${1-} in
-h | --help)
  cat <<'TEXT'
usage: ./dev test [NAME...]

Builds and runs every test. NAME picks a part:
  a build   gcc    everything, warnings are errors
            asan   clang; address and undefined-behaviour sanitizers, leaks are fatal
            tsan   the thread sanitizer, for what threads share
            bare   without D-Bus, HTTP and systemd
  a suite   unit, threads, plugin, integration, guest, fuzz, style, lib, web
  a test    as `meson test --list` names it
A suite or a test runs in the build gcc if no build is named.

The last line counts cases: 'N passed, N failed, N skipped'. With CI=true or
IVT_NO_SKIP=1 a skip is a failure, unless its reason begins with 'allowed:'.
The builds stay in build-test/, with their logs in meson-logs/.
TEXT
  exit
  ;;
esac

builds=
filters=
for name in "$@"; do
  case $name in
  gcc | asan | tsan | bare) builds="$builds $name" ;;
  unit | threads | plugin | integration | guest | fuzz | style | lib | web | bench) filters="$filters --suite $name" ;;
  -*) die "no option $name; see ./dev test --help" ;;
  *) filters="$filters $name" ;;
  esac
done
if [ -z "$builds" ]; then
  builds=gcc
  [ -n "$filters" ] || builds='gcc asan tsan bare'
fi

options_of() {
  case $1 in
  gcc) echo ;;
  asan) echo -Db_sanitize=address,undefined -Db_lundef=false -Dbench=false -Dweb=disabled ;;
  tsan) echo -Db_sanitize=thread -Db_lundef=false -Dbench=false -Dweb=disabled ;;
  bare) echo -Ddbus=disabled -Dhttp=disabled -Dsystemd=disabled -Dudev=disabled ;;
  esac
}

suites_of() {
  case $1 in
  gcc) ;;
  asan) echo --suite unit --suite plugin --suite integration --suite fuzz --suite guest-sanitized ;;
  tsan) echo --suite threads ;;
  bare) echo --suite unit --suite plugin --suite integration ;;
  esac
}

compiler_of() {
  case $1 in
  asan) echo clang ;;
  *) echo gcc ;;
  esac
}

test_build() {
  name=$1
  dir=build-test/$name
  log=$dir/meson-logs/dev.json
  since=$(date +%s)
  say "$name: building"
  mkdir -p build-test
  # shellcheck disable=SC2046 # several words are meant
  if ! CC=$(compiler_of "$name") configure "$dir" -Dwerror=true $(options_of "$name") || ! compile "$dir"; then
    failed_builds="$failed_builds --broken $name"
    return 0
  fi
  say "$name: testing"
  rm -f "$log"
  # What failed is told at the end, from the log.
  # shellcheck disable=SC2046,SC2086
  meson test -C "$dir" --no-rebuild --logbase dev $(if [ -n "$filters" ]; then echo $filters; else suites_of "$name"; fi) || :
  if [ -e "$log" ]; then
    logs="$logs $log"
  else
    failed_builds="$failed_builds --broken $name"
  fi
  say "$name: $(($(date +%s) - since)) s"
}

need build clang test check

# The guests' kernel comes from apt, too. Lists that are too old know only what is gone.
if [ "$builds$filters" = 'gcc asan tsan bare' ]; then
  python3 tests/guest/kit.py >/dev/null 2>&1 || as_root apt-get -q update
fi

# Of programs that the tests start themselves (tests/lib/ivt sets its own for the rest).
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

logs=
failed_builds=
for build in $builds; do
  test_build "$build"
done
# shellcheck disable=SC2086
exec python3 tests/tools/summary.py $failed_builds $logs
