# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-3.0-or-later

case ${1-} in
-h | --help)
  cat <<'TEXT'
usage: ./dev fuzz [TARGET] [SECONDS]

Lets libFuzzer loose on TARGET, or on every target in turn, for SECONDS each (60).
New inputs are kept in build-fuzz/found/TARGET; one that crashes is named, and
belongs into tests/fuzz/corpus/TARGET with the fix: `./dev test` replays that.
TEXT
  exit
  ;;
esac

targets=
seconds=60
for word in "$@"; do
  case $word in
  *[!0-9]*) targets="$targets $word" ;;
  *) seconds=$word ;;
  esac
done
# Each has its corpus.
known=$(find tests/fuzz/corpus -mindepth 1 -maxdepth 1 -type d -exec basename {} \; | sort)
for target in $targets; do
  printf '%s\n' "$known" | grep -qxF -e "$target" || die "no target $target; there are:" "$(echo "$known" | tr '\n' ' ')"
done
[ -n "$targets" ] || targets=$known

need build clang
CC=clang configure build-fuzz -Dfuzz=enabled -Dbench=false -Db_sanitize=address,undefined -Db_lundef=false \
  -Dc_args=-fsanitize=fuzzer-no-link
for target in $targets; do
  compile build-fuzz "tests/fuzz/fuzz-$target"
done

export ASAN_OPTIONS=detect_leaks=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export G_DEBUG=fatal-warnings
for target in $targets; do
  say "$target: $seconds s"
  mkdir -p "build-fuzz/found/$target"
  "build-fuzz/tests/fuzz/fuzz-$target" -max_total_time="$seconds" -artifact_prefix="build-fuzz/found/$target-" \
    -print_final_stats=1 "build-fuzz/found/$target" "tests/fuzz/corpus/$target"
done
