# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-3.0-or-later

case ${1-} in
-h | --help)
  cat <<'TEXT'
usage: ./dev build [OPTION-OF-MESON...]

Builds into build/: build/daemon/ivshmemd and build/clients/ctl/ivshmemctl.
Options are those of `meson setup`, for example -Dsystemd=disabled; with any, the
build begins anew, and without, a build that is there keeps its own.
TEXT
  exit
  ;;
esac

need build
if [ $# -gt 0 ] || [ ! -e build/build.ninja ]; then
  configure build "$@"
fi
compile build
say 'built: build/daemon/ivshmemd, build/clients/ctl/ivshmemctl'
