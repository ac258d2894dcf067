# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-3.0-or-later

case ${1-} in
-h | --help)
  cat <<'TEXT'
usage: ./dev bench [--json] [--rounds N] [NAME...]

Runs the benchmarks of tests/bench, or the named ones, one after the other, and
prints one table: each figure beside that of its peer or limit, measured in turn
with it, and the median and spread of their ratio. --json for comparing.
TEXT
  exit
  ;;
esac

need build run bench
CC=${CC-gcc} configure build-bench -Dbuildtype=release
compile build-bench
exec python3 tests/tools/bench.py build-bench "$@"
