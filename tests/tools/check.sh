# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-3.0-or-later

case ${1-} in
-h | --help)
  cat <<'TEXT'
usage: ./dev check

The linters alone: the tests of tests/style.
TEXT
  exit
  ;;
esac

set -- style
. tests/tools/test.sh
