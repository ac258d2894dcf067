# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-3.0-or-later

case ${1-} in
-h | --help)
  cat <<'TEXT'
usage: ./dev format

Lays out every C file of the tree as .clang-format says.
TEXT
  exit
  ;;
esac

need format
git ls-files -z '*.c' '*.h' | xargs -0 -r clang-format -i
